//! The cluster that the lab plays: what it uses, and the addresses that must stay reachable by eth0.

use ipnetwork::IpNetwork;
use std::net::IpAddr;

/// The networks file that `check` gets.
/// Its ranges are also what places are drawn from.
pub const NETWORKS: &str = "apiVersion: kubevirt-preflight.io/v1alpha1
kind: ClusterNetworks
pods: [10.244.0.0/16, \"fd00:10:244::/56\"]
services: [10.96.0.0/12, \"fd00:10:96::/112\"]
apiServers: [192.168.66.100]
nodes:
- {name: node01, addresses: [192.168.66.101/24, \"fd00:66::101/64\"]}
- {name: node02, addresses: [192.168.66.102/24, \"fd00:66::102/64\"]}
internal: []
loadBalancers: []
secondary: []
other: []
";

/// The node's part of the pod network, for the plugin that plays the cluster's network.
pub const PODS: [&str; 2] = ["10.244.1.0/24", "fd00:10:244:1::/64"];

/// The classes of the networks file and their prefixes, as there.
const CLASSES: [(&str, &str); 9] = [
    ("pods", "10.244.0.0/16"),
    ("pods", "fd00:10:244::/56"),
    ("services", "10.96.0.0/12"),
    ("services", "fd00:10:96::/112"),
    ("API server", "192.168.66.100/32"),
    ("node", "192.168.66.101/24"),
    ("node", "192.168.66.102/24"),
    ("node", "fd00:66::101/64"),
    ("node", "fd00:66::102/64"),
];

/// One fixed address of each class: name, address, whether it belongs to the cluster.
pub const PLACES: [(&str, &str, bool); 9] = [
    ("API server", "192.168.66.100", true),
    ("service", "10.96.0.1", true),
    ("pod on another node", "10.244.2.7", true),
    ("another node", "192.168.66.102", true),
    ("outside", "203.0.113.7", false),
    ("service", "fd00:10:96::1", true),
    ("pod on another node", "fd00:10:244:2::7", true),
    ("another node", "fd00:66::102", true),
    ("outside", "2001:db8:7::7", false),
];

/// Why the way to an address matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// virt-handler needs it: its way must not change.
    Cluster,
    /// Nothing of the cluster, and no part of the migration network.
    Outside,
    /// Another virt-handler on the migration network: it must be reached by migration0.
    Peer,
}

/// An address and what lies there.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: String,
    pub address: IpAddr,
    pub kind: Kind,
}

impl From<&(&str, &str, bool)> for Place {
    fn from((name, address, cluster): &(&str, &str, bool)) -> Self {
        let kind = if *cluster { Kind::Cluster } else { Kind::Outside };
        Self { name: (*name).to_owned(), address: address.parse().unwrap(), kind }
    }
}

/// The classes and their prefixes.
pub fn classes() -> impl Iterator<Item = (&'static str, IpNetwork)> {
    CLASSES.into_iter().map(|(class, prefix)| {
        assert!(NETWORKS.contains(prefix.trim_end_matches("/32")), "{prefix} is not in the networks file");
        (class, prefix.parse().unwrap())
    })
}
