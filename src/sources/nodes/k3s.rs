//! The flags of a k3s or RKE2 server, as it notes them on its Node (k3s-io/k3s pkg/nodeconfig/nodeconfig.go:getNodeArgs).
//!
//! The list has the configuration file's settings, too, and holds `--flag=value` as two elements. Agents note their own
//! flags, among which these are not. Without a flag the server takes its default, of the family of the node's first
//! address (pkg/cli/server/server.go, pkg/util/net.go:GetDefaultAddresses).

use super::super::Found;
use super::super::field::Field;
use crate::net::Family;
use crate::networks::{Class, Confidence};
use std::net::IpAddr;

/// `k3s.io/node-args` and `rke2.io/node-args`.
pub(super) fn learn(annotations: &Field<'_, '_>, internal: &[IpAddr], found: &mut Found) {
    let family = internal.first().map_or(Family::V4, |address| Family::of(*address));
    for key in ["k3s.io/node-args", "rke2.io/node-args"] {
        let field = annotations.get(key, found);
        if let Some(json) = field.json(found) {
            learn_args(&Field::inner(&json, field.path), family, found);
        }
    }
}

fn learn_args(list: &Field<'_, '_>, family: Family, found: &mut Found) {
    let elements: Vec<_> = list.items(found).iter().filter_map(|item| item.text(found)).collect();
    if elements.first() != Some(&"server") {
        return;
    }
    let (pods, services) = match family {
        Family::V4 => ("10.42.0.0/16", "10.43.0.0/16"),
        Family::V6 => ("fd00:42::/56", "fd00:43::/112"),
    };
    // Another CNI may have its own range: then only the nodes' parts of this one are handed out.
    let own_cni = !values(&elements, "--flannel-backend").chain(values(&elements, "--cni")).any(is_none);
    let confidence = if own_cni { Confidence::Live } else { Confidence::Floor };
    for (flag, default, class, confidence) in [
        ("--cluster-cidr", pods, Class::Pod, confidence),
        ("--service-cidr", services, Class::Service, Confidence::Live),
    ] {
        let mut given = values(&elements, flag).peekable();
        if given.peek().is_none() {
            found.claim_text(class, default, confidence, &format!("{}, default {flag}", list.path));
        }
        for text in given {
            found.claim_text(class, text, confidence, &format!("{}, {flag}", list.path));
        }
    }
}

/// What follows each `flag`; it may be given once a family.
fn values<'e>(elements: &[&'e str], flag: &str) -> impl Iterator<Item = &'e str> {
    let pairs = elements.windows(2).filter(move |pair| pair[0] == flag);
    pairs.map(|pair| pair[1]).collect::<Vec<_>>().into_iter()
}

fn is_none(value: &str) -> bool {
    value.split(',').any(|name| name.trim() == "none")
}
