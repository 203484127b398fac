//! flannel's network configuration, which its daemons obey.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

const CONFIG_MAPS: Reads = Reads::all("", &["v1"], "configmaps", "ConfigMap");

/// ConfigMap `kube-flannel-cfg`; `data.net-conf.json` is JSON with `Network` and `IPv6Network`.
pub static SOURCE: Source = Source {
    name: "flannel",
    reads: &[
        CONFIG_MAPS.named(Some("kube-flannel"), "kube-flannel-cfg"),
        CONFIG_MAPS.named(Some("kube-system"), "kube-flannel-cfg"),
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
