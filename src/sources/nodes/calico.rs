//! What calico-node notes on a Node (projectcalico/calico libcalico-go/lib/backend/k8s/resources/node.go).

use super::super::Found;
use super::super::field::Field;
use super::claim_on_link;
use crate::net::Family;
use crate::networks::{Class, Confidence};
use std::net::IpAddr;

/// Addresses that the node has from an IPPool, for its tunnels.
const TUNNELS: [&str; 7] = [
    "projectcalico.org/IPv4IPIPTunnelAddr",
    "projectcalico.org/IPv4VXLANTunnelAddr",
    "projectcalico.org/IPv6VXLANTunnelAddr",
    "projectcalico.org/IPv4WireguardInterfaceAddr",
    "projectcalico.org/IPv6WireguardInterfaceAddr",
    "projectcalico.org/wireguardInterfaceAddr",
    "projectcalico.org/wireguardV6InterfaceAddr",
];

/// `projectcalico.org/IPv4Address` and `IPv6Address`: what Calico's detection took, with its length. It may be another
/// interface's than the node's primary address.
pub(super) fn learn(annotations: &Field<'_, '_>, internal: &[IpAddr], found: &mut Found) {
    let class = |address| {
        let mut others = internal.iter().filter(|other| Family::of(**other) == Family::of(address)).peekable();
        let primary = others.peek().is_none() || others.any(|other| *other == address);
        Some(if primary { Class::Node } else { Class::Secondary })
    };
    for key in ["projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address"] {
        claim_on_link(&annotations.get(key, found), class, found);
    }
    for key in TUNNELS {
        annotations.get(key, found).claim(Class::Pod, Confidence::Floor, found);
    }
}
