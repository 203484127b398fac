//! Harvester: the networks of its settings, hosts' VLAN interfaces, and pools of its load balancer (harvester/harvester
//! pkg/settings, pkg/webhook/resources/setting/validator.go; harvester/network-controller-harvester
//! pkg/apis/network.harvesterhci.io/v1beta1; harvester/load-balancer-harvester pkg/apis/loadbalancer.harvesterhci.io).

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::sync::Arc;

const SETTINGS: Reads = Reads::all("harvesterhci.io", &["v1beta1"], "settings", "Setting");
const MIGRATION: &str = "vm-migration-network";

/// Settings `storage-network`, `rwx-network` and `vm-migration-network`: `value` is JSON with `range`, that of
/// `rwx-network` inside `network` and beside `hostIPRange` and `vipRange`.
///
/// The pool key is `harvester/vm-migration-network`: Harvester makes the NAD from that setting.
pub static SOURCE: Source = Source {
    name: "harvester",
    reads: &[
        SETTINGS.named(None, "storage-network"),
        SETTINGS.named(None, "rwx-network"),
        SETTINGS.named(None, MIGRATION),
    ],
    knows: &[],
    whole_in_itself: false,
    learn: learn_setting,
};

/// HostNetworkConfig, `spec.ips`: an address with its length for each node, on a VLAN that is not the nodes' primary
/// network.
pub static HOSTS: Source = Source {
    name: "harvester-hosts",
    reads: &[Reads::all("network.harvesterhci.io", &["v1beta1"], "hostnetworkconfigs", "HostNetworkConfig")],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| {
        for (_, address) in Field::root(node).at(&["spec", "ips"], found).members(found) {
            address.claim(Class::Secondary, Confidence::Live, found);
        }
    },
};

/// IPPool of the load balancer, `spec.ranges`: the part from `rangeStart` to `rangeEnd` where they are set, else the
/// `subnet`.
pub static LOAD_BALANCERS: Source = Source {
    name: "harvester-load-balancers",
    reads: &[Reads::all("loadbalancer.harvesterhci.io", &["v1beta1"], "ippools", "IPPool")],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| {
        for range in Field::root(node).at(&["spec", "ranges"], found).items(found) {
            let (start, end) = (range.get("rangeStart", found), range.get("rangeEnd", found));
            let subnet = range.get("subnet", found);
            match (start.filled(found), end.filled(found)) {
                (Some(start), Some(end)) => {
                    found.claim_text(Class::LoadBalancer, &format!("{start}-{end}"), Confidence::Live, &range.path);
                }
                _ => subnet.required(found).claim(Class::LoadBalancer, Confidence::Live, found),
            }
        }
    },
};

fn learn_setting(node: &Node<'_>, found: &mut Found) {
    let value = Field::root(node).get("value", found);
    if value.is_empty_text() {
        return;
    }
    let Some(json) = value.json(found) else { return };
    let value = Field::inner(&json, value.path);
    let nested = value.get("network", found);
    for field in [
        value.get("range", found),
        nested.get("range", found),
        value.get("hostIPRange", found),
        value.get("vipRange", found),
    ] {
        field.claim(Class::Secondary, Confidence::Live, found);
    }
    if found.object.name == MIGRATION {
        found.pooled(&Arc::from("harvester/vm-migration-network"));
    }
}
