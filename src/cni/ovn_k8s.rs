//! ovn-k8s-cni-overlay: a network that OVN-Kubernetes makes from the NAD's text and gives addresses on itself
//! (ovn-kubernetes/ovn-kubernetes, go-controller/pkg/util/multi_network.go, pkg/config/cni.go and utils.go,
//! pkg/allocator/pod/pod_annotation.go). It reads every subnet key as one string with commas.

mod rules;
mod subnets;
#[cfg(test)]
mod tests;

use super::decode::{Fields, Remarks};
use super::ipam::{Given, GivenIp, GivenRoute};
use super::{Field, Gap, Pointer, Scope, Setting, Taken};
use crate::net::parse::{Cidr, go_ip};
use crate::net::{Family, Interval, Prefix};
pub(super) use rules::check_envelope;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use subnets::Subnet;

/// How OVN-Kubernetes lays a network out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topology {
    /// A router and one switch for each node; each node has a subnet of its own.
    Layer3,
    /// One switch over all nodes.
    Layer2,
    /// One switch over all nodes, joined to a physical network.
    Localnet,
}

/// The keys that say where addresses come from.
struct Conf<'n> {
    topology: Topology,
    topology_pointer: Pointer,
    primary: bool,
    subnets: Text<'n>,
    exclude: Text<'n>,
    reserved: Text<'n>,
    infrastructure: Text<'n>,
    gateways: Text<'n>,
    join: Text<'n>,
}

/// A string key that is there and not empty.
type Text<'n> = Option<(&'n str, Pointer)>;

/// What the network gives: an address of every subnet (layer3: of one of each family), and its routes. The daemon of
/// OVN-Kubernetes sets the interface up; there is no IPAM plugin.
pub(super) fn attached(conf: &Fields<'_, '_>, setting: Setting<'_>, remarks: &mut Remarks) -> Given {
    rules::check_name(conf, setting, remarks);
    let own = user_defined_network(conf).into_iter().collect();
    let Some(conf) = Conf::of(conf, remarks) else { return Given::default() };
    let subnets = conf.subnets.as_ref().map_or_else(Vec::new, |text| subnets::entries(text, conf.topology, remarks));
    let join = join_subnets(&conf, remarks);
    rules::check_overlaps(&conf, &subnets, &join, remarks);
    let mut given = Given { own, ..Given::default() };
    match conf.topology {
        Topology::Layer3 => give_slices(&mut given, &subnets),
        Topology::Layer2 | Topology::Localnet => give_shared(&mut given, &conf, &subnets, remarks),
    }
    if conf.primary {
        add_primary_routes(&mut given, &conf, &join, remarks);
    }
    given
}

impl<'n> Conf<'n> {
    fn of(fields: &Fields<'n, '_>, remarks: &mut Remarks) -> Option<Self> {
        let (topology, topology_pointer) = rules::topology(fields, remarks)?;
        let (role, role_pointer) = fields.text("role", remarks).unwrap_or_default();
        let mut text = |key| fields.text(key, remarks).filter(|(text, _)| !text.is_empty());
        let conf = Self {
            topology,
            topology_pointer,
            primary: role == "primary",
            subnets: text("subnets"),
            exclude: text("excludeSubnets"),
            reserved: text("reservedSubnets"),
            infrastructure: text("infrastructureSubnets"),
            gateways: text("defaultGatewayIPs"),
            join: text("joinSubnet"),
        };
        rules::check_role(&conf, role, role_pointer, remarks);
        rules::check_keys(fields, &conf, remarks);
        Some(conf)
    }
}

/// The key of the user-defined network that made this NAD, by the name that OVN-Kubernetes gave the network
/// (util:GenerateUDNNetworkName, GenerateCUDNNetworkName; before, with a dot).
fn user_defined_network(conf: &Fields<'_, '_>) -> Option<Arc<str>> {
    let mut unheard = Remarks::default();
    let (network, _) = conf.text("name", &mut unheard)?;
    let (nad, _) = conf.text("netAttachDefName", &mut unheard)?;
    let cluster_wide = ["cluster_udn_", "cluster.udn."].into_iter().find_map(|head| network.strip_prefix(head));
    if let Some(name) = cluster_wide {
        return Some(Arc::from(format!("cudn/{name}")));
    }
    let (namespace, name) = nad.split_once('/')?;
    let made = ["_", "."].into_iter().any(|mark| network == format!("{namespace}{mark}{name}"));
    made.then(|| Arc::from(format!("udn/{namespace}/{name}")))
}

/// Layer3: each node has a subnet of its own out of the network, so only the whole is known. The addresses of a
/// family come from one of its subnets, the next being used when the first is full.
fn give_slices(given: &mut Given, subnets: &[Subnet]) {
    let mut families = BTreeSet::new();
    for subnet in subnets {
        let family = subnet.prefix.family();
        let alternative = !families.insert(family);
        let (prefix, length) = (subnet.prefix, subnet.host_length);
        let Some(pool) = prefix.interval().shrunk(1, 1) else { continue };
        given.ips.push(shared_ip(subnet, pool, Vec::new(), alternative));
        let why = format!("each node has a /{length} of its own out of {prefix}, which OVN-Kubernetes assigns");
        given.gaps.push(Gap { field: Field::Addresses, family: Some(family), why });
        let why = format!("{prefix} is reached by a route via the first address of the node's own /{length}");
        given.gaps.push(Gap { field: Field::Routes, family: Some(family), why });
    }
}

/// Layer2 and localnet: an address of every subnet, less what is excluded or reserved.
fn give_shared(given: &mut Given, conf: &Conf<'_>, subnets: &[Subnet], remarks: &mut Remarks) {
    let prefixes: BTreeSet<_> = subnets.iter().map(|subnet| subnet.prefix).collect();
    let reserved = [&conf.reserved, &conf.infrastructure].into_iter().filter(|_| conf.topology == Topology::Layer2);
    let mut holes = BTreeSet::new();
    for text in [&conf.exclude].into_iter().chain(reserved).flatten() {
        holes.extend(subnets::holes(text, &prefixes, remarks));
    }
    let mut seen = BTreeSet::new();
    for subnet in subnets.iter().filter(|subnet| seen.insert(subnet.prefix)) {
        let mut holes = subnets::holes_of(subnet.prefix, &holes);
        if conf.primary {
            holes.extend(infrastructure_of(subnet.prefix));
        }
        let Some(pool) = allocatable(subnet.prefix) else {
            let why = format!("{} has no address to give", subnet.prefix);
            remarks.fault(subnet.pointer.clone(), why, "Write a larger subnet.");
            continue;
        };
        if crate::net::free_count(pool, holes.iter().copied()) == 0 {
            let why = format!("every address of {} is excluded or reserved", subnet.prefix);
            remarks.fault(subnet.pointer.clone(), why, "Exclude less.");
        }
        given.ips.push(shared_ip(subnet, pool, holes, false));
    }
}

fn shared_ip(subnet: &Subnet, pool: Interval, holes: Vec<Interval>, alternative: bool) -> GivenIp {
    GivenIp {
        prefix: subnet.prefix,
        taken: Taken::Pool(pool, holes),
        gateway: None,
        gateway_pointer: None,
        scope: Scope::Cluster,
        alternative,
        pointer: subnet.pointer.clone(),
    }
}

/// pkg/allocator/ip: neither the network address nor IPv4's broadcast; of IPv6 no more than a bitmap of 65,535 holds.
fn allocatable(prefix: Prefix) -> Option<Interval> {
    const MOST: u128 = 65_535;
    let tail = u128::from(prefix.family() == Family::V4);
    let pool = prefix.interval().shrunk(1, tail)?;
    pool.nth(MOST - 1)
        .filter(|_| prefix.family() == Family::V6)
        .map_or(Some(pool), |last| Interval::of(pool.first(), last))
}

/// The first two addresses: the gateway and the management port of the nodes.
fn infrastructure_of(prefix: Prefix) -> Option<Interval> {
    let whole = prefix.interval();
    Interval::of(whole.nth(1)?, whole.nth(2)?)
}

/// The default of each family, then `joinSubnet` in its place.
fn join_subnets(conf: &Conf<'_>, remarks: &mut Remarks) -> Vec<(Prefix, Pointer)> {
    if conf.topology == Topology::Localnet {
        return Vec::new();
    }
    let written = conf.join.as_ref().map_or_else(Vec::new, |text| subnets::plain(text, remarks));
    let defaults =
        ["100.65.0.0/16", "fd99::/64"].into_iter().filter_map(|text| crate::net::parse::strict_prefix(text).ok());
    defaults
        .map(|default| {
            let own = written.iter().rfind(|(prefix, _)| prefix.family() == default.family());
            own.cloned().unwrap_or_else(|| (default, conf.topology_pointer.clone()))
        })
        .collect()
}

/// A primary network takes the pod's default route, its join subnet and every service range.
fn add_primary_routes(given: &mut Given, conf: &Conf<'_>, join: &[(Prefix, Pointer)], remarks: &mut Remarks) {
    let asked = conf.gateways.as_ref().map_or_else(Vec::new, |text| gateway_list(text, remarks));
    let mut routes = Vec::new();
    for ip in given.ips.iter().filter(|ip| !ip.alternative) {
        let family = ip.prefix.family();
        let own = asked.iter().copied().find(|gateway| Family::of(*gateway) == family);
        let first = ip.prefix.interval().nth(1).filter(|_| conf.topology == Topology::Layer2);
        let gw = own.or(first);
        let joined = join.iter().map(|(prefix, _)| *prefix).filter(|prefix| prefix.family() == family);
        routes.extend(joined.chain([family.everything()]).map(|dst| route(dst, gw, &conf.topology_pointer)));
    }
    given.routes = routes;
    let why = "a primary network has a route to every service range, which the text does not name".to_owned();
    given.gaps.push(Gap { field: Field::Routes, family: None, why });
}

fn gateway_list((text, pointer): &(&str, Pointer), remarks: &mut Remarks) -> Vec<IpAddr> {
    let mut gateways = Vec::new();
    for item in text.split(',').map(str::trim) {
        match go_ip(item) {
            Some(ip) => gateways.push(ip.address),
            None => remarks.fault(pointer.clone(), format!("`{item}` is not an IP address"), "Write addresses."),
        }
    }
    gateways
}

fn route(dst: Prefix, gw: Option<IpAddr>, pointer: &str) -> GivenRoute {
    let dst = Cidr { address: dst.first(), prefix: dst, mapped: false, zeros: false };
    GivenRoute { dst, gw, table: None, priority: 0, scope: None, pointer: pointer.to_owned() }
}
