//! OVN-Kubernetes' own configuration: upstream's ConfigMap `ovn-config`, and `ovnkube-config` of MicroShift and OpenShift
//! (ovn-kubernetes/ovn-kubernetes dist/images/ovnkube.sh, helm/ovn-kubernetes/templates/ovn-setup.yaml,
//! go-controller/pkg/config/config.go; openshift/microshift assets/components/ovn/common/configmap.yaml).
//!
//! A pod range is written `10.244.0.0/16/24`: the last part is the length of each node's piece.

use super::field::Field;
use super::text::{Ini, without_host_lengths};
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

/// ConfigMap `ovn-kubernetes/ovn-config`: `net_cidr` and `svc_cidr`.
///
/// The ranges that OVN-Kubernetes keeps for itself stand in no object here but in its flags, and as annotations on
/// Nodes: their defaults are stale.
pub static SOURCE: Source = Source {
    name: "ovn-config",
    reads: &[Reads::config_map("ovn-kubernetes", "ovn-config")],
    knows: &[Class::Pod, Class::Service],
    whole_in_itself: true,
    learn,
};

/// ConfigMap `ovnkube-config`; `data.ovnkube.conf` is an INI file, values quoted or not.
pub static OVNKUBE: Source = Source {
    name: "ovnkube-config",
    reads: &[
        Reads::config_map("openshift-ovn-kubernetes", "ovnkube-config"),
        Reads::config_map("ovn-kubernetes", "ovnkube-config"),
    ],
    knows: &[Class::Pod, Class::Service],
    whole_in_itself: true,
    learn: learn_ini,
};

/// `config.go`: `Default.V4JoinSubnet` and its like.
const DEFAULTS: [(&str, &str); 4] =
    [("join", "100.64.0.0/16"), ("join", "fd98::/64"), ("transit", "100.88.0.0/16"), ("transit", "fd97::/64")];

fn learn(node: &Node<'_>, found: &mut Found) {
    let data = Field::root(node).get("data", found);
    let (pods, services) = (data.get("net_cidr", found), data.get("svc_cidr", found));
    if let Some(text) = pods.text(found) {
        found.claim_text(Class::Pod, &without_host_lengths(text), Confidence::Live, &pods.path);
    }
    services.claim(Class::Service, Confidence::Live, found);
    for (what, range) in DEFAULTS {
        found.claim_text(Class::CniInternal, range, Confidence::Stale, &format!("{}, default {what}", data.path));
    }
}

/// Section, key, and class of what stands there.
const KEYS: [(&str, &str, Class); 11] = [
    ("default", "cluster-subnets", Class::Pod),
    ("hybridoverlay", "cluster-subnets", Class::Pod),
    ("kubernetes", "service-cidrs", Class::Service),
    ("gateway", "v4-join-subnet", Class::CniInternal),
    ("gateway", "v6-join-subnet", Class::CniInternal),
    ("gateway", "v4-masquerade-subnet", Class::CniInternal),
    ("gateway", "v6-masquerade-subnet", Class::CniInternal),
    ("clustermanager", "v4-transit-switch-subnet", Class::CniInternal),
    ("clustermanager", "v6-transit-switch-subnet", Class::CniInternal),
    ("clustermanager", "v4-transit-subnet", Class::CniInternal),
    ("clustermanager", "v6-transit-subnet", Class::CniInternal),
];

fn learn_ini(node: &Node<'_>, found: &mut Found) {
    let field = Field::root(node).at(&["data", "ovnkube.conf"], found).required(found);
    let Some(text) = field.text(found) else { return };
    let ini = Ini::read(text);
    for (section, key, class) in KEYS {
        if let Some(value) = ini.get(section, key) {
            let path = format!("{}[{section}].{key}", field.path);
            found.claim_text(class, &without_host_lengths(value), Confidence::Live, &path);
        }
    }
    for (key, range) in [("v4-join-subnet", "100.64.0.0/16"), ("v6-join-subnet", "fd98::/64")] {
        if ini.get("gateway", key).is_none() {
            let path = format!("{}[gateway].{key}, default", field.path);
            found.claim_text(Class::CniInternal, range, Confidence::Live, &path);
        }
    }
}
