//! Cilium: pod pools of the multi-pool mode, the one range of the cluster-pool mode, and pools for load balancers.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

/// CiliumPodIPPool, `spec.ipv4.cidrs` and `spec.ipv6.cidrs`.
pub static SOURCE: Source = Source {
    name: "cilium",
    reads: &[Reads::all("cilium.io", &["v2", "v2alpha1"], "ciliumpodippools", "CiliumPodIPPool")],
    knows: &[Class::Pod],
    whole_in_itself: false,
    learn: |node, found| {
        let spec = Field::root(node).get("spec", found);
        for family in ["ipv4", "ipv6"] {
            claim_blocks(Class::Pod, &spec.at(&[family, "cidrs"], found), found);
        }
    },
};

/// CiliumLoadBalancerIPPool, `spec.blocks`, in older objects `spec.cidrs`.
pub static LOAD_BALANCERS: Source = Source {
    name: "cilium-load-balancers",
    reads: &[Reads::all("cilium.io", &["v2", "v2alpha1"], "ciliumloadbalancerippools", "CiliumLoadBalancerIPPool")],
    knows: &[Class::LoadBalancer],
    whole_in_itself: false,
    learn: |node, found| {
        let spec = Field::root(node).get("spec", found);
        for list in ["blocks", "cidrs"] {
            claim_blocks(Class::LoadBalancer, &spec.get(list, found), found);
        }
    },
};

/// ConfigMap `cilium-config`; its ranges are in use only if the mode `ipam` is `cluster-pool`, which is the default.
pub static CONFIG: Source = Source {
    name: "cilium-config",
    reads: &[
        Reads::all("", &["v1"], "configmaps", "ConfigMap").named(Some("kube-system"), "cilium-config"),
        Reads::all("", &["v1"], "configmaps", "ConfigMap").named(Some("cilium"), "cilium-config"),
    ],
    knows: &[Class::Pod],
    whole_in_itself: false,
    learn: learn_config,
};

/// A block is a string, `{cidr}` (with `reservedRange` in pod pools), or `{start, stop}` (one address without `stop`).
fn claim_blocks(class: Class, list: &Field<'_, '_>, found: &mut Found) {
    for block in list.items(found) {
        if !block.is_object() {
            block.claim(class, Confidence::Live, found);
            continue;
        }
        let (cidr, start, stop) = (block.get("cidr", found), block.get("start", found), block.get("stop", found));
        match (start.text(found), stop.text(found)) {
            (Some(start), Some(stop)) if !stop.is_empty() => {
                found.claim_text(class, &format!("{start}-{stop}"), Confidence::Live, &block.path);
            }
            (Some(_), _) => start.claim(class, Confidence::Live, found),
            (None, _) => cidr.required(found).claim(class, Confidence::Live, found),
        }
    }
}

fn learn_config(node: &Node<'_>, found: &mut Found) {
    let data = Field::root(node).get("data", found);
    let mode = data.get("ipam", found).text(found).unwrap_or("cluster-pool");
    if mode.starts_with("cluster-pool") {
        for key in ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"] {
            data.get(key, found).claim(Class::Pod, Confidence::Live, found);
        }
    }
}
