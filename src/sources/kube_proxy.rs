//! kube-proxy's configuration, which kubeadm writes with its own pod range; others (LKE) have it nowhere else
//! (kubernetes/kubernetes cmd/kubeadm/app/componentconfigs/kubeproxy.go). It may be stale: kube-proxy only asks it what
//! comes from outside.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::{Node, Want};

const WANT: Want = Want::Members(&[("clusterCIDR", Want::All)]);

/// ConfigMap `kube-system/kube-proxy`; `data.config.conf` is YAML with `clusterCIDR`, a comma list for two families,
/// empty where nobody said it.
pub static SOURCE: Source = Source {
    name: "kube-proxy",
    reads: &[Reads::config_map("kube-system", "kube-proxy")],
    knows: &[Class::Pod],
    whole_in_itself: true,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let field = Field::root(node).at(&["data", "config.conf"], found);
    let Some(inner) = field.yaml(&WANT, found) else { return };
    Field::inner(&inner, field.path).get("clusterCIDR", found).claim(Class::Pod, Confidence::Stale, found);
}
