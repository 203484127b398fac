//! flannel's network configuration, which its daemons obey (flannel-io/flannel pkg/subnet/config.go:`Config`,
//! Documentation/kube-flannel.yml); Canal and RKE2's Canal carry the same text under names of their own.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

/// ConfigMap `kube-flannel-cfg`, `canal-config` or `rke2-canal-config`; `data.net-conf.json` is JSON with `Network` and `IPv6Network`.
pub static SOURCE: Source = Source {
    name: "flannel",
    reads: &[
        Reads::config_map("kube-flannel", "kube-flannel-cfg"),
        Reads::config_map("kube-system", "kube-flannel-cfg"),
        Reads::config_map("kube-system", "canal-config"),
        Reads::config_map("kube-system", "rke2-canal-config"),
    ],
    knows: &[Class::Pod],
    whole_in_itself: true,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let field = Field::root(node).at(&["data", "net-conf.json"], found).required(found);
    let Some(inner) = field.json(found) else { return };
    let config = Field::inner(&inner, field.path);
    for key in ["Network", "IPv6Network"] {
        config.get(key, found).claim(Class::Pod, Confidence::Live, found);
    }
}
