//! kubeadm's configuration as it was at `kubeadm init`: kubeadm itself, kind, minikube. It may be stale.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::{Node, Want};

const WANT: Want = Want::Members(&[("networking", Want::All)]);

/// ConfigMap `kube-system/kubeadm-config`; `data.ClusterConfiguration` is YAML with `networking.podSubnet` and
/// `networking.serviceSubnet`, comma lists for two families.
pub static SOURCE: Source = Source {
    name: "kubeadm-config",
    reads: &[Reads::all("", &["v1"], "configmaps", "ConfigMap").named(Some("kube-system"), "kubeadm-config")],
    knows: &[Class::Pod, Class::Service],
    whole_in_itself: true,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let field = Field::root(node).at(&["data", "ClusterConfiguration"], found);
    let Some(inner) = field.yaml(&WANT, found) else { return };
    let networking = Field::inner(&inner, field.path).get("networking", found);
    for (key, class) in [("podSubnet", Class::Pod), ("serviceSubnet", Class::Service)] {
        networking.get(key, found).claim(class, Confidence::Stale, found);
    }
}
