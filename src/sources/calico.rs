//! Calico's address pools. A disabled pool still counts: its pods keep their addresses.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::collections::BTreeSet;

/// IPPool of either API group, `spec.cidr`; what for is in `spec.allowedUses`.
pub static SOURCE: Source = Source {
    name: "calico",
    reads: &[
        Reads::all("crd.projectcalico.org", &["v1"], "ippools", "IPPool"),
        Reads::all("projectcalico.org", &["v3"], "ippools", "IPPool"),
    ],
    knows: &[Class::Pod],
    whole_in_itself: false,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let spec = Field::root(node).get("spec", found);
    let cidr = spec.get("cidr", found).required(found);
    for class in uses(&spec, found) {
        cidr.claim(class, Confidence::Live, found);
    }
}

/// Without `allowedUses` a pool is for workloads and tunnels; a use that we do not know may be pods.
fn uses(spec: &Field<'_, '_>, found: &mut Found) -> BTreeSet<Class> {
    let items = spec.get("allowedUses", found).items(found);
    let mut classes: BTreeSet<_> = items
        .iter()
        .filter_map(|item| item.text(found))
        .map(|name| match name {
            "LoadBalancer" => Class::LoadBalancer,
            "Tunnel" => Class::CniInternal,
            _ => Class::Pod,
        })
        .collect();
    if classes.is_empty() || classes.contains(&Class::Pod) {
        classes = BTreeSet::from([Class::Pod]);
    }
    classes
}
