//! Nodes: their addresses, a part of the pod range, what decides whether virt-handler runs there, and what CNIs and
//! distributions note in annotations, one file each.
//!
//! Fields: kubernetes/api core/v1 `NodeSpec`, `NodeStatus`. Annotations that repeat `status.addresses` are not read
//! (flannel's `public-ip`, k3s's `internal-ip`, Talos's `self-ips`).

mod calico;
mod k3s;
mod ovn_kubernetes;

use super::field::Field;
use super::{Found, NodeFacts, Reads, Source};
use crate::net::parse::{Cidr, go_cidr};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::net::IpAddr;

/// Node: `status.addresses`, `spec.podCIDRs`, and annotations of OVN-Kubernetes, Calico, kube-ovn, k3s and RKE2.
///
/// Pods and services are known by it where servers of k3s or RKE2 note their flags.
pub static SOURCE: Source = Source {
    name: "nodes",
    reads: &[Reads::all("", &["v1"], "nodes", "Node")],
    knows: &[Class::Pod, Class::Service, Class::Node],
    whole_in_itself: false,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let root = Field::root(node);
    let internal = learn_addresses(&root, found);
    learn_pod_cidrs(&root, found);
    let annotations = root.at(&["metadata", "annotations"], found);
    ovn_kubernetes::learn(&annotations, &internal, found);
    calico::learn(&annotations, &internal, found);
    k3s::learn(&annotations, &internal, found);
    // kube-ovn's join network, which every node is on (kubeovn/kube-ovn pkg/util/const.go:CidrAnnotation).
    annotations.get("ovn.kubernetes.io/cidr", found).claim(Class::CniInternal, Confidence::Live, found);
    let facts = facts(&root, found);
    found.node = Some(facts);
}

/// Claims the exact addresses; returns the internal ones.
fn learn_addresses(root: &Field<'_, '_>, found: &mut Found) -> Vec<IpAddr> {
    let mut internal = Vec::new();
    for entry in root.at(&["status", "addresses"], found).items(found) {
        let kind = entry.get("type", found).text(found);
        if !matches!(kind, Some("InternalIP" | "ExternalIP")) {
            continue;
        }
        let before = found.claims.len();
        entry.get("address", found).required(found).claim(Class::Node, Confidence::Live, found);
        if kind == Some("InternalIP") {
            internal.extend(found.claims.iter().skip(before).map(|claim| claim.interval.first()));
        }
    }
    internal
}

/// `podCIDRs` repeats `podCIDR` as its first entry; very old objects have the latter alone.
fn learn_pod_cidrs(root: &Field<'_, '_>, found: &mut Found) {
    let spec = root.get("spec", found);
    let list = spec.get("podCIDRs", found);
    if list.is_there() {
        list.claim_each(Class::Pod, Confidence::Floor, found);
    } else {
        spec.get("podCIDR", found).claim(Class::Pod, Confidence::Floor, found);
    }
}

/// Claims the prefix of an interface address for the class that `class` gives to the address.
fn claim_on_link(field: &Field<'_, '_>, class: impl Fn(IpAddr) -> Option<Class>, found: &mut Found) -> Option<Cidr> {
    let text = field.text(found)?;
    let Some(cidr) = go_cidr(text) else {
        found.refuse(field.path.clone(), format!("`{text}` is not an address with a prefix length"));
        return None;
    };
    if let Some(class) = class(cidr.address) {
        found.claim(class, cidr.prefix.interval(), Confidence::Live, field.path.clone());
    }
    Some(cidr)
}

fn facts(root: &Field<'_, '_>, found: &mut Found) -> NodeFacts {
    let labels = root.at(&["metadata", "labels"], found).members(found);
    let labels = labels.into_iter().filter_map(|(key, value)| Some((key, value.text(found)?))).collect();
    let mut facts = NodeFacts { labels, ..NodeFacts::default() };
    for taint in root.at(&["spec", "taints"], found).items(found) {
        let mut text = |key: &str| taint.get(key, found).text(found).unwrap_or_default().to_owned();
        let (key, value, effect) = (text("key"), text("value"), text("effect"));
        if matches!(effect.as_str(), "NoSchedule" | "NoExecute") {
            facts.taints.push((key, value, effect));
        }
    }
    let reported = root.at(&["status", "nodeInfo", "operatingSystem"], found).text(found);
    facts.os = facts.labels.get("kubernetes.io/os").or(reported).map(|os| match os {
        "linux" => "linux".into(),
        other => other.to_owned().into(),
    });
    facts
}
