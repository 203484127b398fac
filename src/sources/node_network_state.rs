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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::ObjectRef;
    use crate::tree;

    fn said(interfaces: &str) -> Found {
        let text = format!(r#"{{"status":{{"currentState":{{"interfaces":{interfaces}}}}}}}"#);
        let object = ObjectRef {
            api_version: "nmstate.io/v1beta1".into(),
            kind: "NodeNetworkState".into(),
            namespace: None,
            name: "a".into(),
        };
        let mut found = Found::about(object, SOURCE.name);
        learn(&tree::parse(&text).unwrap(), &mut found);
        found
    }

    fn host(interfaces: &str) -> Host {
        said(interfaces).host.unwrap()
    }

    #[test]
    fn interfaces_are_found_by_each_of_their_names() {
        let host = host(
            r#"[{"name":"eth1","type":"ethernet","state":"up","mtu":9000,"alt-names":[{"name":"enp3s0"}]},
                {"name":"br-ex","type":"ovs-bridge","state":"up","bridge":{"port":[{"name":"br-ex"},{"name":"veth1"}]}},
                {"name":"br-ex","type":"ovs-interface","state":"ignore","mtu":1400}]"#,
        );
        assert!(host.whole);
        let of = |name| host.interface(name).map(|one| (&*one.name, one.kind, one.up, one.mtu, one.has_uplink));
        assert_eq!(of("eth1"), Some(("eth1", Kind::Other, Some(true), Some(9000), None)));
        assert_eq!(of("enp3s0"), of("eth1"));
        assert_eq!(of("br-ex"), Some(("br-ex", Kind::Other, None, Some(1400), None)));
        assert_eq!(host.interfaces.iter().filter_map(|one| one.has_uplink).collect::<Vec<_>>(), [false]);
        assert_eq!(of("eth"), None);
    }

    #[test]
    fn what_comes_and_goes_with_pods_is_not_kept() {
        let pods = ["veth0a1b2c3d", "cali01234567890", "lxc_health", "0a1b2c3d4e5f678", "0a1b2c3d4e5f_h"];
        for name in pods {
            let text = format!(
                r#"[{{"name":"{name}","type":"veth","ipv4":{{"address":[{{"ip":"10.0.0.1","prefix-length":24}}]}}}}]"#
            );
            let found = said(&text);
            assert!(found.claims.is_empty() && found.host.unwrap().interfaces.is_empty(), "{name}");
        }
        for name in ["eth0", "bond0.100", "enp3s0f0np0", "eno1", "br-migration", "deadbeef0", "vlan7"] {
            assert!(!is_generated(name), "{name}");
        }
    }

    #[test]
    fn prefixes_are_claimed_once_with_their_addresses() {
        let found = said(
            r#"[{"name":"eth1","ipv4":{"enabled":true,"address":[{"ip":"10.1.2.3","prefix-length":24},
                 {"ip":"10.1.2.4","prefix-length":24}]},"ipv6":{"address":[{"ip":"fe80::1","prefix-length":64},
                 {"ip":"fd00::3","prefix-length":64}]}},
                {"name":"lo","ipv4":{"address":[{"ip":"10.9.9.9","prefix-length":32}]}},
                {"name":"kube-ipvs0","ipv4":{"address":[{"ip":"10.96.0.1","prefix-length":32}]}}]"#,
        );
        let claims: Vec<_> = found.claims.iter().map(|claim| format!("{} {}", claim.class, claim.interval)).collect();
        assert_eq!(claims, ["secondary 10.1.2.0/24", "secondary fd00::/64"]);
        assert_eq!(found.host.unwrap().addresses, ["10.1.2.3", "fd00::3"].map(|text| text.parse::<IpAddr>().unwrap()));
        assert_eq!(found.claims[1].origin.path(), "status.currentState.interfaces[0].ipv6.address[1].ip");
    }

    #[test]
    fn a_list_that_cannot_be_read_whole_says_nothing_of_absence() {
        for (interfaces, path) in [
            ("{}", "status.currentState.interfaces"),
            ("[{}]", "status.currentState.interfaces[0].name"),
            (r#"[{"name":7}]"#, "status.currentState.interfaces[0].name"),
            (r#"[{"name":"a","mtu":"x"}]"#, "status.currentState.interfaces[0].mtu"),
            (
                r#"[{"name":"a","ipv4":{"address":[{"ip":"10.0.0.1","prefix-length":33}]}}]"#,
                "status.currentState.interfaces[0].ipv4.address[0].ip",
            ),
        ] {
            let found = said(interfaces);
            assert_eq!(found.bad.first().map(|(path, _)| path.as_str()), Some(path), "{interfaces}");
            assert!(!found.host.unwrap().whole, "{interfaces}");
        }
        let many: Vec<_> = (0..=MOST_INTERFACES).map(|at| format!(r#"{{"name":"e{at}"}}"#)).collect();
        let found = said(&format!("[{}]", many.join(",")));
        assert_eq!(found.host.as_ref().map(|host| (host.whole, host.interfaces.len())), Some((false, MOST_INTERFACES)));
        assert!(!host("null").whole, "nothing was written yet");
    }
}
