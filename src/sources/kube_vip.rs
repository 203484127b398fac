//! The pools of kube-vip's cloud provider, which Harvester has, too (kube-vip/kube-vip-cloud-provider
//! pkg/config, pkg/provider/loadBalancer.go).

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

/// ConfigMap `kube-system/kubevip`: `cidr-` and `range-`, then `global` or a namespace; comma lists.
pub static SOURCE: Source = Source {
    name: "kube-vip",
    reads: &[Reads::config_map("kube-system", "kubevip")],
    knows: &[],
    whole_in_itself: true,
    learn,
};

/// The provider's word for "ask DHCP".
const DHCP: [&str; 2] = ["0.0.0.0/32", "0.0.0.0-0.0.0.0"];

fn learn(node: &Node<'_>, found: &mut Found) {
    let data = Field::root(node).get("data", found);
    for (key, _) in data.members(found) {
        let field = data.get(key, found);
        let is_pool = key.starts_with("cidr-") || key.starts_with("range-");
        if is_pool && field.text(found).is_some_and(|text| !DHCP.contains(&text)) {
            field.claim(Class::LoadBalancer, Confidence::Live, found);
        }
    }
}
