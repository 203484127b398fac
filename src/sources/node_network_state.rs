//! NMState's NodeNetworkState: the interfaces of one node, as its handler last saw them.
//!
//! No other object of the API says which interfaces a node has. The object is large and written anew about each minute;
//! what is kept of it is small. Unmanaged veth pairs are not in it, and older handlers leave out `veth*` and `cali*`
//! (kubernetes-nmstate: pkg/state/filter.go): that such a name is absent says nothing, see [`is_generated`].

use super::field::Field;
use super::{Found, Reads, Source};
use crate::net::Prefix;
use crate::net::parse::go_ip;
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// NodeNetworkState: `status.currentState.interfaces`.
///
/// v1alpha1 is deprecated and still served beside v1beta1; there is no v1 of this kind (kubernetes-nmstate:
/// deploy/crds/nmstate.io_nodenetworkstates.yaml).
pub static SOURCE: Source = Source {
    name: "node-network-state",
    reads: &[Reads::all("nmstate.io", &["v1beta1", "v1alpha1"], "nodenetworkstates", "NodeNetworkState").opt_in()],
    knows: &[],
    whole_in_itself: false,
    learn,
};

/// Interfaces that are kept of one node; a node with more is not judged.
const MOST_INTERFACES: usize = 1024;

/// Prefixes that are kept of one node.
const MOST_PREFIXES: usize = 256;

/// What a NodeNetworkState says about its node, whose name it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// What a NAD can name, by name; one name can stand for an OVS bridge and for its own port.
    pub interfaces: Arc<[Interface]>,
    /// Every interface is among them, so that absence is a fact.
    pub whole: bool,
    /// The addresses whose prefixes are claimed, in the order of the claims.
    pub addresses: Vec<IpAddr>,
}

/// A network interface of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's name.
    pub name: Box<str>,
    /// Further names that the kernel knows it by.
    pub other_names: Box<[Box<str>]>,
    /// What it is.
    pub kind: Kind,
    /// `None` where NMState does not manage it.
    pub up: Option<bool>,
    /// In bytes.
    pub mtu: Option<u32>,
    /// Whether a bridge has a port that is no pod's; `None` if its ports are not told.
    pub has_uplink: Option<bool>,
}

/// What an interface is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bridge of the kernel.
    Bridge,
    /// A bridge of Open vSwitch, which is an interface of the kernel only by its port of the same name.
    OvsBridge,
    /// Neither.
    Other,
    /// NMState cannot tell.
    Unknown,
}

impl Host {
    /// The interface that the kernel finds by `name`.
    pub fn interface(&self, name: &str) -> Option<&Interface> {
        let start = self.interfaces.partition_point(|interface| *interface.name < *name);
        let same = self.interfaces[start..].iter().take_while(|interface| *interface.name == *name);
        let other = || self.interfaces.iter().find(|one| one.other_names.iter().any(|other| **other == *name));
        same.min_by_key(|interface| interface.kind == Kind::OvsBridge).or_else(other)
    }
}

/// Whether a CNI plugin makes up names of this form for pods' ends on the node: `veth1a2b3c4d`, `cali0123456789a`,
/// `lxc_health`, and twelve or more digits of a container's id. Hundreds of them come and go, and NMState hides them.
pub fn is_generated(name: &str) -> bool {
    let of_container = name.len() >= 12 && name.bytes().take(12).all(|b| b.is_ascii_hexdigit());
    of_container || ["veth", "cali", "lxc"].iter().any(|prefix| name.starts_with(prefix))
}

fn learn(node: &Node<'_>, found: &mut Found) {
    let root = Field::root(node);
    let listed = root.at(&["status", "currentState", "interfaces"], found);
    let (mut interfaces, mut addresses, mut prefixes) = (Vec::new(), Vec::new(), BTreeSet::new());
    for item in listed.items(found) {
        let Some(name) = item.get("name", found).required(found).text(found) else { continue };
        if is_generated(name) {
            continue;
        }
        if let Some(interface) = interface(name, &item, found) {
            interfaces.push(interface);
        }
        // kube-proxy puts every ClusterIP on kube-ipvs0.
        if !matches!(name, "lo" | "kube-ipvs0") {
            for (address, prefix, path) in on_link(&item, found) {
                if prefixes.insert(prefix) && prefixes.len() <= MOST_PREFIXES {
                    found.claim(Class::Secondary, prefix.interval(), Confidence::Live, path);
                    addresses.push(address);
                }
            }
        }
    }
    bound("prefixes", prefixes.len(), MOST_PREFIXES, &listed, found);
    bound("interfaces", interfaces.len(), MOST_INTERFACES, &listed, found);
    let whole = listed.is_there() && found.bad.is_empty();
    interfaces.truncate(MOST_INTERFACES);
    interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    found.host = Some(Host { interfaces: interfaces.into(), whole, addresses });
}

/// Notes that there are more than are kept.
fn bound(what: &str, count: usize, most: usize, listed: &Field<'_, '_>, found: &mut Found) {
    if count > most {
        found.refuse(listed.path.clone(), format!("it holds {count} {what}, and only {most} are read"));
    }
}

/// `None` for one that is to be gone.
fn interface(name: &str, item: &Field<'_, '_>, found: &mut Found) -> Option<Interface> {
    let kind = match item.get("type", found).text(found) {
        Some("linux-bridge") => Kind::Bridge,
        Some("ovs-bridge") => Kind::OvsBridge,
        None | Some("unknown") => Kind::Unknown,
        Some(_) => Kind::Other,
    };
    let state = item.get("state", found).text(found);
    let other_names = item.get("alt-names", found).items(found).into_iter();
    let other_names = other_names.filter_map(|other| other.get("name", found).text(found).map(Box::from)).collect();
    (state != Some("absent")).then(|| Interface {
        name: name.into(),
        other_names,
        kind,
        up: state.filter(|state| matches!(*state, "up" | "down")).map(|state| state == "up"),
        mtu: item.get("mtu", found).whole(found).and_then(|mtu| u32::try_from(mtu).ok()),
        has_uplink: has_uplink(name, kind, item, found),
    })
}

fn has_uplink(name: &str, kind: Kind, item: &Field<'_, '_>, found: &mut Found) -> Option<bool> {
    if !matches!(kind, Kind::Bridge | Kind::OvsBridge) {
        return None;
    }
    let ports = item.get("bridge", found).get("port", found);
    let mut names = ports.items(found).into_iter().filter_map(|port| port.get("name", found).text(found));
    ports.is_there().then(|| names.any(|port| port != name && !is_generated(port)))
}

/// The addresses of an interface with their on-link prefixes and places; those of a single link or host left out.
fn on_link(item: &Field<'_, '_>, found: &mut Found) -> Vec<(IpAddr, Prefix, String)> {
    let mut held = Vec::new();
    for family in ["ipv4", "ipv6"] {
        for entry in item.get(family, found).get("address", found).items(found) {
            let ip = entry.get("ip", found).required(found);
            let length = entry.get("prefix-length", found).required(found);
            let (Some(text), Some(bits)) = (ip.text(found), length.whole(found)) else { continue };
            let prefix =
                go_ip(text).and_then(|ip| Some((ip.address, Prefix::of(ip.address, u8::try_from(bits).ok()?)?)));
            match prefix {
                Some((address, prefix)) if !is_local(address) => held.push((address, prefix, ip.path)),
                Some(_) => {}
                None => found.refuse(ip.path, format!("`{text}/{bits}` is not an address with a prefix length")),
            }
        }
    }
    held
}

/// Whether the address is of one link or of the host itself: 169.254/16, fe80::/10, loopback.
fn is_local(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    link_local || address.is_loopback() || address.is_unspecified()
}
