//! The bridge plugin (containernetworking/plugins plugins/main/bridge): a veth pair into a bridge of the node, which it
//! makes if need be, without an uplink.

use super::{
    Facts, Main, Need, V6_MTU, check_mac, check_masquerade, check_veth_mtu, check_vlan, flag, is_interface_name,
};
use crate::cni::Uplink;
use crate::cni::chain::Chain;
use crate::cni::decode::{Fields, Remarks, child};
use crate::cni::envelope::Element;
use crate::cni::iface;
use crate::cni::ipam::{Given, GivenIp, GivenRoute};
use crate::cni::shape::{Shape, Struct};
use crate::net::parse::Cidr;
use crate::net::{Family, Interval, Prefix};
use std::net::{IpAddr, Ipv6Addr};

pub(super) const MAIN: Main = Main { kind: "bridge", keys: KEYS, ipam: Need::Optional, look };

const KEYS: Struct = &[
    ("bridge", Shape::Text),
    ("isGateway", Shape::Flag),
    ("isDefaultGateway", Shape::Flag),
    ("forceAddress", Shape::Flag),
    ("ipMasq", Shape::Flag),
    ("ipMasqBackend", Shape::Text),
    ("mtu", Shape::Int),
    ("hairpinMode", Shape::Flag),
    ("promiscMode", Shape::Flag),
    ("vlan", Shape::Int),
    ("vlanTrunk", Shape::List(&Shape::Struct(&[("minID", Shape::Int), ("maxID", Shape::Int), ("id", Shape::Int)]))),
    ("preserveDefaultVlan", Shape::Flag),
    ("macspoofchk", Shape::Flag),
    ("enabledad", Shape::Flag),
    ("disableContainerInterface", Shape::Flag),
    ("portIsolation", Shape::Flag),
    ("args", Shape::Open(&[("cni", Shape::Open(&[("mac", Shape::Text)]))])),
    ("runtimeConfig", Shape::Struct(&[("mac", Shape::Text)])),
];

/// plugins/main/bridge `defaultBrName`
const DEFAULT_NAME: &str = "cni0";

fn look(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    let name = fields.text("bridge", remarks).map_or(DEFAULT_NAME, |(name, _)| name);
    if !is_interface_name(name) {
        let why = format!("`{name}` is no name that a bridge can have");
        remarks.fault(child(&fields.pointer, "bridge"), why, "Write at most 15 bytes, without blanks and slashes.");
    }
    let vlan = check_vlan(fields, "vlan", remarks);
    check_trunk(fields, remarks);
    if flag(fields, "hairpinMode") && flag(fields, "promiscMode") {
        let why = "`hairpinMode` and `promiscMode` exclude each other";
        remarks.fault(child(&fields.pointer, "hairpinMode"), why, "Remove one of them.");
    }
    check_mac(mac(fields), remarks);
    let mtu = check_veth_mtu(fields, remarks);
    Facts { uplink: Uplink::Bridge(name.to_owned()), vlan, mtu }
}

/// `runtimeConfig.mac` in place of `args.cni.mac`.
fn mac<'n>(fields: &Fields<'n, '_>) -> Option<(&'n str, crate::cni::Pointer)> {
    let mut quiet = Remarks::default();
    let mut of = |path: &[&str]| fields.nested(path)?.text("mac", &mut quiet).filter(|(mac, _)| !mac.is_empty());
    of(&["runtimeConfig"]).or_else(|| of(&["args", "cni"]))
}

fn check_trunk(fields: &Fields<'_, '_>, remarks: &mut Remarks) {
    for (node, pointer) in fields.list("vlanTrunk", remarks).unwrap_or_default() {
        if matches!(node, crate::tree::Node::Null) {
            remarks.fault(pointer, "an entry of `vlanTrunk` must be an object, not null", "Remove the entry.");
            continue;
        }
        let Some(entry) = Fields::open(node, pointer, &mut Remarks::default()) else { continue };
        let mut id = |key| entry.whole(key, remarks).map(|(id, _)| id);
        let (min, max, single) = (id("minID"), id("maxID"), id("id"));
        let ids = [min, max, single].into_iter().flatten();
        let wrong = ids.into_iter().any(|id| !(1..=4094).contains(&id));
        if wrong || min.is_some() != max.is_some() || min > max {
            let why = "the entry of `vlanTrunk` is no VLAN id and no range of them";
            remarks.fault(entry.pointer.clone(), why, "Write `id`, or `minID` and `maxID`, from 1 to 4094.");
        }
    }
}

/// Adds what the plugin makes of gateways, then configures the interface, then the bridge.
pub(super) fn configure(element: &Element<'_, '_>, mut given: Given, origin: &str, chain: &mut Chain<'_>) {
    let fields = &element.fields;
    let wants_default = flag(fields, "isDefaultGateway");
    let is_gateway = wants_default || flag(fields, "isGateway");
    if flag(fields, "disableContainerInterface") {
        let why = "`disableContainerInterface` and an `ipam` exclude each other";
        chain.remarks.fault(child(&fields.pointer, "disableContainerInterface"), why, "Remove one of them.");
    }
    if is_gateway {
        derive_gateways(fields, &mut given, &mut chain.remarks);
    }
    if wants_default {
        add_defaults(fields, &mut given);
        if let Some(dhcp) = &mut chain.dhcp {
            dhcp.default = Some(child(&fields.pointer, "isDefaultGateway"));
        }
    }
    iface::configure(chain, &given, origin);
    if is_gateway {
        check_bridge_addresses(fields, &given, &mut chain.remarks);
    }
    check_masquerade(fields, &mut chain.remarks);
    let keys = ["isDefaultGateway", "isGateway", "ipMasq"];
    let on = keys.into_iter().find(|key| flag(fields, key));
    chain.host_gateway = chain.host_gateway.take().or(on.map(|key| child(&fields.pointer, key)));
}

/// A gateway for every address that has none: the first address after the network's.
fn derive_gateways(fields: &Fields<'_, '_>, given: &mut Given, remarks: &mut Remarks) {
    for ip in given.ips.iter_mut().filter(|ip| ip.gateway.is_none()) {
        ip.gateway = after_network(ip.prefix);
        if ip.gateway.is_none() {
            let why = format!("the plugin finds no gateway after {}", ip.prefix);
            remarks.fault(child(&fields.pointer, "isGateway"), why, "Set the gateway in the `ipam`.");
        }
    }
}

/// One more than the network address, which for a /32 lies outside.
fn after_network(prefix: Prefix) -> Option<IpAddr> {
    prefix.family().everything().interval().after(Interval::single(prefix.first())).map(Interval::first)
}

/// A default route for each family, unless one with a next hop is there.
fn add_defaults(fields: &Fields<'_, '_>, given: &mut Given) {
    for family in Family::ALL {
        let everything = family.everything();
        let is_default =
            |route: &GivenRoute| route.gw.is_some() && route.dst.prefix == everything && !route.dst.has_host_bits();
        let first = given.ips.iter().find(|ip| ip.prefix.family() == family && !ip.alternative);
        let Some(GivenIp { gateway: Some(gateway), .. }) = first else { continue };
        if !given.routes.iter().any(is_default) {
            let dst = Cidr { address: everything.first(), prefix: everything, mapped: false, zeros: false };
            let pointer = child(&fields.pointer, "isDefaultGateway");
            let gw = Some(*gateway);
            given.routes.push(GivenRoute { dst, gw, table: None, priority: 0, scope: None, pointer });
        }
    }
}

/// The gateways become addresses of the bridge: one of IPv4, and of IPv6 several that do not overlap.
fn check_bridge_addresses(fields: &Fields<'_, '_>, given: &Given, remarks: &mut Remarks) {
    let force = flag(fields, "forceAddress");
    let is_small = (1..V6_MTU).contains(&check_veth_mtu(fields, &mut Remarks::default())); // no IPv6 on the bridge
    let own = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0x0200, 0xff, 0xfe00, 0)); // like the bridge's own link-local address
    let mut held: Vec<(IpAddr, Prefix)> = Prefix::of(own, 64).map(|prefix| (own, prefix)).into_iter().collect();
    for ip in given.ips.iter().filter(|ip| !ip.alternative) {
        let Some(gateway) = ip.gateway else { continue };
        let can = is_assignable(gateway) && (gateway.is_ipv4() || !is_small);
        let Some(prefix) = Prefix::of(gateway, ip.prefix.length()).filter(|_| can) else {
            let why = format!("a bridge cannot have the gateway's address {gateway}/{}", ip.prefix.length());
            remarks.fault(place(ip), why, "Set another gateway.");
            continue;
        };
        if !force && clashes((gateway, prefix), ip.prefix.family(), &held) {
            let why =
                format!("the bridge cannot have the gateway's address {gateway}/{} beside one it has", prefix.length());
            remarks.fault(place(ip), why, "Use one gateway for each family, or set `forceAddress`.");
        }
        held.push((gateway, prefix));
    }
}

fn is_assignable(address: IpAddr) -> bool {
    address.is_ipv4() || !(address.is_multicast() || address.is_unspecified() || address.is_loopback())
}

/// Whether the plugin finds another address in the way; it looks among those of the pod's address's family.
fn clashes((gateway, prefix): (IpAddr, Prefix), family: Family, held: &[(IpAddr, Prefix)]) -> bool {
    let mut others = held.iter().filter(|(address, _)| Family::of(*address) == family);
    let mut clash = false;
    let same = others.any(|(address, other)| {
        clash |= family == Family::V4 || other.holds(gateway) || prefix.holds(*address);
        (*address, *other) == (gateway, prefix)
    });
    clash && !same
}

fn place(ip: &GivenIp) -> String {
    ip.gateway_pointer.clone().unwrap_or_else(|| ip.pointer.clone())
}
