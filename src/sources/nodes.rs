//! Nodes: their addresses, the prefixes of their interfaces where a CNI notes them, a part of the pod range, and what
//! decides whether virt-handler runs there.

use super::field::Field;
use super::{Found, NodeFacts, Reads, Source};
use crate::net::Family;
use crate::net::parse::{Cidr, go_cidr};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::net::IpAddr;

/// Node: `status.addresses`, `spec.podCIDRs`, and annotations of OVN-Kubernetes and Calico.
pub static SOURCE: Source = Source {
    name: "nodes",
    reads: &[Reads::all("", &["v1"], "nodes", "Node")],
    knows: &[Class::Node],
    whole_in_itself: false,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let root = Field::root(node);
    let internal = learn_addresses(&root, found);
    learn_pod_cidrs(&root, found);
    let annotations = root.at(&["metadata", "annotations"], found);
    learn_ovn(&annotations, &internal, found);
    learn_calico(&annotations, &internal, found);
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

/// `k8s.ovn.org/node-primary-ifaddr` is a JSON object, `k8s.ovn.org/host-cidrs` a JSON list of all host interfaces'
/// addresses with lengths (ovn-kubernetes go-controller/pkg/util/node_annotations.go). Without the former, the primary
/// ones of the list are those that the Node calls internal.
fn learn_ovn(annotations: &Field<'_, '_>, internal: &[IpAddr], found: &mut Found) {
    let primary = annotations.get("k8s.ovn.org/node-primary-ifaddr", found);
    let mut addresses = Vec::new();
    if let Some(json) = primary.json(found) {
        let json = Field::inner(&json, primary.path);
        for key in ["ipv4", "ipv6"] {
            let cidr = claim_on_link(&json.get(key, found), |_| Some(Class::Node), found);
            addresses.extend(cidr.map(|cidr| cidr.address));
        }
    }
    let hosts = annotations.get("k8s.ovn.org/host-cidrs", found);
    let Some(json) = hosts.json(found) else { return };
    let class = |address| match (addresses.is_empty(), addresses.contains(&address)) {
        (false, true) => None,
        (true, _) if internal.contains(&address) => Some(Class::Node),
        _ => Some(Class::Secondary),
    };
    for item in Field::inner(&json, hosts.path).items(found) {
        claim_on_link(&item, class, found);
    }
}

/// `projectcalico.org/IPv4Address` and `IPv6Address`: what Calico's detection took, with its length. It may be another
/// interface's than the node's primary address.
fn learn_calico(annotations: &Field<'_, '_>, internal: &[IpAddr], found: &mut Found) {
    let class = |address| {
        let mut others = internal.iter().filter(|other| Family::of(**other) == Family::of(address)).peekable();
        let primary = others.peek().is_none() || others.any(|other| *other == address);
        Some(if primary { Class::Node } else { Class::Secondary })
    };
    for key in ["projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address"] {
        claim_on_link(&annotations.get(key, found), class, found);
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
