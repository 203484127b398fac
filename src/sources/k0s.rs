//! k0s's configuration of the whole cluster, an object only where it is dynamic (k0sproject/k0s pkg/apis/k0s/v1beta1:
//! `Network`). The service range is left out of it when k0s itself writes it (`GetClusterWideConfig`), so an absent field
//! is not the default.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

/// ClusterConfig `kube-system/k0s`: `spec.network.podCIDR`, `serviceCIDR`, and `dualStack` where it is enabled.
pub static SOURCE: Source = Source {
    name: "k0s",
    reads: &[Reads::all("k0s.k0sproject.io", &["v1beta1"], "clusterconfigs", "ClusterConfig")
        .named(Some("kube-system"), "k0s")],
    knows: &[Class::Pod, Class::Service],
    whole_in_itself: true,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let network = Field::root(node).at(&["spec", "network"], found);
    // Another CNI may have its own range: then only the nodes' parts of this one are handed out.
    let custom = network.get("provider", found).text(found) == Some("custom");
    let pods = if custom { Confidence::Floor } else { Confidence::Live };
    network.get("podCIDR", found).claim(Class::Pod, pods, found);
    network.get("serviceCIDR", found).claim(Class::Service, Confidence::Live, found);
    let second = network.get("dualStack", found);
    if second.get("enabled", found).flag(found) == Some(true) {
        second.get("IPv6podCIDR", found).claim(Class::Pod, pods, found);
        second.get("IPv6serviceCIDR", found).claim(Class::Service, Confidence::Live, found);
    }
}
