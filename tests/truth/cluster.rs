//! The cluster that the lab plays: what it uses, and the addresses that must stay reachable by eth0.

/// The networks file that `check` gets.
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
