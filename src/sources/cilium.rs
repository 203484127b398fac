//! Cilium: pod pools of the multi-pool mode, the one range of the cluster-pool mode, and pools for load balancers
//! (cilium/cilium install/kubernetes/cilium/templates/cilium-configmap.yaml, pkg/k8s/apis/cilium.io).
//!
//! CiliumNodes are not read: there is a busy one for each node, and pools or Nodes name their ranges.

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

/// ConfigMap `cilium-config` in one of the usual namespaces.
///
/// The ranges of `cluster-pool` are in use only if the mode `ipam` is that, which is the default. Of the pools that
/// `multi-pool` makes at its start there may be more by now. `ipv4-native-routing-cidr` holds the pods' addresses, but
/// often a whole data centre's, too: it only warns.
pub static CONFIG: Source = Source {
    name: "cilium-config",
    reads: &[Reads::config_map("kube-system", "cilium-config"), Reads::config_map("cilium", "cilium-config")],
    knows: &[Class::Pod],
    whole_in_itself: true,
    learn: learn_config,
};

/// A block is a string, `{cidr}` (with `reservedRange` in pod pools), or `{start, stop}` (one address without `stop`).
fn claim_blocks(class: Class, list: &Field<'_, '_>, found: &mut Found) {
    for block in list.items(found) {
        if !block.is_object() {
            block.claim(class, Confidence::Live, found);
            continue;
        }
        block.claim_span(class, "start", "stop", found);
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
    if mode == "multi-pool" {
        learn_made_pools(&data.get("auto-create-cilium-pod-ip-pools", found), found);
    }
    for key in ["ipv4-native-routing-cidr", "ipv6-native-routing-cidr"] {
        data.get(key, found).claim(Class::Pod, Confidence::Stale, found);
    }
    if data.get("enable-vtep", found).text(found) == Some("true") {
        data.get("vtep-cidr", found).claim(Class::Other, Confidence::Live, found);
    }
}

/// `name=ipv4-cidrs:10.1.0.0/16,10.2.0.0/16;ipv4-mask-size:24`, pools apart by blanks or commas (pkg/command/map_string.go).
fn learn_made_pools(field: &Field<'_, '_>, found: &mut Found) {
    let text = field.text(found).unwrap_or_default();
    let lists: Vec<_> = text.split("-cidrs:").skip(1).collect();
    if lists.is_empty() && !text.is_empty() {
        found.refuse(field.path.clone(), format!("`{text}` names no `ipv4-cidrs:` or `ipv6-cidrs:`"));
    }
    for list in lists {
        let list = list.split([';', ' ', '\n']).next().unwrap_or_default();
        // After a comma the next pool's `name=` may stand.
        for range in list.split(',').take_while(|range| !range.contains('=')) {
            found.claim_text(Class::Pod, range, Confidence::Floor, &field.path);
        }
    }
}
