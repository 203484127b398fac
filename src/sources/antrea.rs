//! Antrea: its configuration, pools for pods' further interfaces, and pools for Egresses and Services
//! (antrea-io/antrea build/charts/antrea/conf, pkg/apis/crd/v1beta1). Its pods have the Nodes' podCIDRs.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::net::parse::go_cidr;
use crate::networks::{Class, Confidence};
use crate::tree::{Node, Want};

/// IPPool, `spec.subnetInfo` (in v1alpha2 of each range) and `spec.ipRanges`: the subnet is what meets others.
pub static SOURCE: Source = Source {
    name: "antrea",
    reads: &[Reads::all("crd.antrea.io", &["v1beta1", "v1alpha2"], "ippools", "IPPool")],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| learn_pool(node, Class::Secondary, found),
};

/// ExternalIPPool, `spec.ipRanges`.
pub static EXTERNAL: Source = Source {
    name: "antrea-external",
    reads: &[Reads::all("crd.antrea.io", &["v1beta1", "v1alpha2"], "externalippools", "ExternalIPPool")],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| learn_pool(node, Class::LoadBalancer, found),
};

/// ConfigMap `kube-system/antrea-config`: `nodeIPAM` of `antrea-controller.conf` if it is on; the service ranges there
/// and in `antrea-agent.conf` are what somebody wrote at installation, and mostly not obeyed.
pub static CONFIG: Source = Source {
    name: "antrea-config",
    reads: &[Reads::config_map("kube-system", "antrea-config")],
    knows: &[Class::Pod],
    whole_in_itself: true,
    learn: learn_config,
};

fn learn_pool(node: &Node<'_>, class: Class, found: &mut Found) {
    let spec = Field::root(node).get("spec", found);
    let shared = subnet(&spec, class, found);
    for range in spec.get("ipRanges", found).items(found) {
        // An ExternalIPPool gives its ranges away, whatever subnet they are of.
        if class == Class::LoadBalancer || !(subnet(&range, class, found) || shared) {
            range.claim_span(class, "start", "end", found);
        }
    }
}

/// Claims the prefix that `subnetInfo.gateway` and `prefixLength` tell; whether there is one.
fn subnet(field: &Field<'_, '_>, class: Class, found: &mut Found) -> bool {
    let info = field.get("subnetInfo", found);
    let (gateway, length) = (info.get("gateway", found), info.get("prefixLength", found));
    let (Some(address), Some(bits)) = (gateway.text(found), length.whole(found)) else { return false };
    if class == Class::LoadBalancer {
        return false;
    }
    let text = format!("{address}/{bits}");
    match go_cidr(&text) {
        Some(_) => found.claim_text(class, &text, Confidence::Live, &info.path),
        None => found.refuse(info.path, format!("`{text}` is not an address with a prefix length")),
    }
    true
}

const CONTROLLER: Want = Want::Members(&[("nodeIPAM", Want::All)]);
const AGENT: Want = Want::Members(&[("serviceCIDR", Want::All), ("serviceCIDRv6", Want::All)]);

fn learn_config(node: &Node<'_>, found: &mut Found) {
    let data = Field::root(node).get("data", found);
    let field = data.get("antrea-controller.conf", found);
    if let Some(inner) = field.yaml(&CONTROLLER, found) {
        let ipam = Field::inner(&inner, field.path).get("nodeIPAM", found);
        if ipam.get("enableNodeIPAM", found).flag(found) == Some(true) {
            ipam.get("clusterCIDRs", found).claim_each(Class::Pod, Confidence::Live, found);
            claim_services(&ipam, found);
        }
    }
    let field = data.get("antrea-agent.conf", found);
    if let Some(inner) = field.yaml(&AGENT, found) {
        claim_services(&Field::inner(&inner, field.path), found);
    }
}

fn claim_services(config: &Field<'_, '_>, found: &mut Found) {
    for key in ["serviceCIDR", "serviceCIDRv6"] {
        config.get(key, found).claim(Class::Service, Confidence::Stale, found);
    }
}
