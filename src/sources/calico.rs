//! Calico's address pools, what its BGP says of Services, and its operator's Installation (projectcalico/calico
//! api/pkg/apis/projectcalico/v3: `IPPoolSpec`, `BGPConfigurationSpec`; tigera/operator api/v1: `InstallationSpec`).
//!
//! A disabled pool still counts: its pods keep their addresses. BlockAffinities are not read: there is one a node for
//! each piece of a pool, and the pool covers them, whatever their `deleted` says (a string in v1, a boolean in v3).

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

/// BGPConfiguration `default`: `serviceClusterIPs`, a part of the service ranges, and the addresses of Services that
/// are announced, `serviceExternalIPs` and `serviceLoadBalancerIPs`.
pub static BGP: Source = Source {
    name: "calico-bgp",
    reads: &[
        Reads::all("crd.projectcalico.org", &["v1"], "bgpconfigurations", "BGPConfiguration").named(None, "default"),
        Reads::all("projectcalico.org", &["v3"], "bgpconfigurations", "BGPConfiguration").named(None, "default"),
    ],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| {
        let spec = Field::root(node).get("spec", found);
        for (key, class, confidence) in [
            ("serviceClusterIPs", Class::Service, Confidence::Floor),
            ("serviceExternalIPs", Class::LoadBalancer, Confidence::Live),
            ("serviceLoadBalancerIPs", Class::LoadBalancer, Confidence::Live),
        ] {
            for block in spec.get(key, found).items(found) {
                block.get("cidr", found).required(found).claim(class, confidence, found);
            }
        }
    },
};

/// Installation `default`: the pools that the operator makes, which need not be all, and service ranges as somebody
/// wrote them.
pub static INSTALLATION: Source = Source {
    name: "calico-installation",
    reads: &[Reads::all("operator.tigera.io", &["v1"], "installations", "Installation").named(None, "default")],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| {
        let root = Field::root(node);
        for spec in [root.get("spec", found), root.at(&["status", "computed"], found)] {
            for pool in spec.at(&["calicoNetwork", "ipPools"], found).items(found) {
                let cidr = pool.get("cidr", found).required(found);
                for class in uses(&pool, found) {
                    cidr.claim(class, Confidence::Floor, found);
                }
            }
            spec.get("serviceCIDRs", found).claim_each(Class::Service, Confidence::Stale, found);
        }
    },
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
