//! What OVN-Kubernetes notes on a Node (ovn-kubernetes/ovn-kubernetes go-controller/pkg/util: `node_annotations.go`,
//! `subnet_annotations.go`).

use super::super::Found;
use super::super::field::Field;
use super::claim_on_link;
use crate::networks::{Class, Confidence};
use std::net::IpAddr;

/// All of them; `internal` are the addresses that the Node calls so.
pub(super) fn learn(annotations: &Field<'_, '_>, internal: &[IpAddr], found: &mut Found) {
    let primary = learn_primary(annotations, found);
    // Without the primary address's own annotation, the primary ones are those that the Node calls internal.
    let class = |address| match (primary.is_empty(), primary.contains(&address)) {
        (false, true) => None,
        (true, _) if internal.contains(&address) => Some(Class::Node),
        _ => Some(Class::Secondary),
    };
    in_json(annotations, "k8s.ovn.org/host-cidrs", found, |hosts, found| {
        for item in hosts.items(found) {
            claim_on_link(&item, class, found);
        }
    });
    in_json(annotations, "k8s.ovn.org/l3-gateway-config", found, |config, found| learn_gateway(config, class, found));
    in_json(annotations, "k8s.ovn.org/node-subnets", found, learn_subnets);
    for key in ["node-masquerade-subnet", "node-transit-switch-port-ifaddr", "node-gateway-router-lrp-ifaddr"] {
        in_json(annotations, &format!("k8s.ovn.org/{key}"), found, claim_families);
    }
    in_json(annotations, "k8s.ovn.org/node-gateway-router-lrp-ifaddrs", found, |networks, found| {
        claim_families(&networks.get("default", found), found);
    });
}

/// `node-primary-ifaddr`: `{"ipv4": "192.168.10.11/24", "ipv6": ...}`.
fn learn_primary(annotations: &Field<'_, '_>, found: &mut Found) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    in_json(annotations, "k8s.ovn.org/node-primary-ifaddr", found, |families, found| {
        for key in ["ipv4", "ipv6"] {
            let cidr = claim_on_link(&families.get(key, found), |_| Some(Class::Node), found);
            addresses.extend(cidr.map(|cidr| cidr.address));
        }
    });
    addresses
}

/// `{"default": {"mode": "shared", "ip-addresses": ["192.168.10.11/24"], "next-hops": [...], ...}}`; one address stands
/// in `ip-address`, too. The next hops lie on these prefixes.
fn learn_gateway(config: &Field<'_, '_>, class: impl Fn(IpAddr) -> Option<Class>, found: &mut Found) {
    let gateway = config.get("default", found);
    for (list, one) in [("ip-addresses", "ip-address"), ("exgw-ip-addresses", "exgw-ip-address")] {
        let mut addresses = gateway.get(list, found).items(found);
        if addresses.is_empty() {
            addresses.push(gateway.get(one, found));
        }
        for address in addresses {
            claim_on_link(&address, &class, found);
        }
    }
}

/// `{"default": ["10.128.0.0/23"], ...}`, in older versions a string. Of the other networks, the objects that make them
/// name the whole range, and one of them may be the very network that is judged.
fn learn_subnets(networks: &Field<'_, '_>, found: &mut Found) {
    let default = networks.get("default", found);
    if default.is_list() {
        default.claim_each(Class::Pod, Confidence::Floor, found);
    } else {
        default.claim(Class::Pod, Confidence::Floor, found);
    }
}

/// `{"ipv4": "100.88.0.2/16", "ipv6": ...}`: the prefix is the whole range.
fn claim_families(families: &Field<'_, '_>, found: &mut Found) {
    for key in ["ipv4", "ipv6"] {
        claim_on_link(&families.get(key, found), |_| Some(Class::CniInternal), found);
    }
}

fn in_json(annotations: &Field<'_, '_>, key: &str, found: &mut Found, read: impl FnOnce(&Field<'_, '_>, &mut Found)) {
    let field = annotations.get(key, found);
    if let Some(json) = field.json(found) {
        read(&Field::inner(&json, field.path), found);
    }
}
