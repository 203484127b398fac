//! OpenShift: the cluster's Network, what its network operator makes of it, and the machines' networks (openshift/api
//! config/v1, operator/v1). `additionalNetworks` are not read: the operator makes NADs of them.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::net::parse::strict_interval;
use crate::networks::{Class, Confidence};
use crate::tree::{Node, Want};

/// `config.openshift.io` Network `cluster`: `clusterNetwork` and `serviceNetwork` of spec and status.
pub static SOURCE: Source = Source {
    name: "openshift",
    reads: &[Reads::all("config.openshift.io", &["v1"], "networks", "Network").named(None, "cluster")],
    knows: &[Class::Pod, Class::Service],
    whole_in_itself: true,
    learn: |node, found| {
        let root = Field::root(node);
        for half in ["spec", "status"] {
            learn_cluster_network(&root.get(half, found), found);
        }
        let external = root.at(&["spec", "externalIP", "autoAssignCIDRs"], found);
        external.claim_each(Class::LoadBalancer, Confidence::Live, found);
    },
};

/// `operator.openshift.io` Network `cluster`: the ranges that OVN-Kubernetes keeps for itself.
pub static OPERATOR: Source = Source {
    name: "openshift-operator",
    reads: &[Reads::all("operator.openshift.io", &["v1"], "networks", "Network").named(None, "cluster")],
    knows: &[Class::Pod, Class::Service, Class::CniInternal],
    whole_in_itself: true,
    learn: learn_operator,
};

/// `config.openshift.io` Infrastructure `cluster`: `machineNetworks` of a platform.
pub static INFRASTRUCTURE: Source = Source {
    name: "openshift-infrastructure",
    reads: &[Reads::all("config.openshift.io", &["v1"], "infrastructures", "Infrastructure").named(None, "cluster")],
    knows: &[],
    whole_in_itself: true,
    learn: |node, found| {
        let root = Field::root(node);
        for half in [["spec", "platformSpec"], ["status", "platformStatus"]] {
            let platforms = root.at(&half, found);
            for platform in ["baremetal", "openstack", "vsphere"] {
                let networks = platforms.at(&[platform, "machineNetworks"], found);
                networks.claim_each(Class::Node, Confidence::Live, found);
            }
        }
    },
};

/// ConfigMap `kube-system/cluster-config-v1`: the install-config, frozen at installation.
pub static INSTALL_CONFIG: Source = Source {
    name: "openshift-install-config",
    reads: &[Reads::all("", &["v1"], "configmaps", "ConfigMap").named(Some("kube-system"), "cluster-config-v1")],
    knows: &[],
    whole_in_itself: false,
    learn: learn_install_config,
};

fn learn_cluster_network(half: &Field<'_, '_>, found: &mut Found) {
    for entry in half.get("clusterNetwork", found).items(found) {
        entry.get("cidr", found).required(found).claim(Class::Pod, Confidence::Live, found);
    }
    let services = half.get("serviceNetwork", found);
    services.claim_each(Class::Service, Confidence::Live, found);
}

/// A range of OVN-Kubernetes: the paths below `ovnKubernetesConfig` where it may stand, the winner first, and what an
/// unset one is (openshift/api operator/v1/types_network.go).
const INTERNAL: [(&[&[&str]], &str); 6] = [
    (&[&["ipv4", "internalJoinSubnet"], &["v4InternalSubnet"]], "100.64.0.0/16"),
    (&[&["ipv6", "internalJoinSubnet"], &["v6InternalSubnet"]], "fd98::/64"),
    (&[&["ipv4", "internalTransitSwitchSubnet"]], "100.88.0.0/16"),
    (&[&["ipv6", "internalTransitSwitchSubnet"]], "fd97::/64"),
    (&[&["gatewayConfig", "ipv4", "internalMasqueradeSubnet"]], "169.254.0.0/17"),
    (&[&["gatewayConfig", "ipv6", "internalMasqueradeSubnet"]], "fd69::/112"),
];

/// Clusters that were upgraded keep it, and only an annotation of a DaemonSet says so (openshift/cluster-network-operator
/// pkg/network/ovn_kubernetes.go, `default-masquerade-network-cidrs`); Nodes name the one in use. Of IPv6 the old range
/// lies in the new one.
const OLD_MASQUERADE: &str = "169.254.169.0/29";

fn learn_operator(node: &Node<'_>, found: &mut Found) {
    let spec = Field::root(node).get("spec", found);
    learn_cluster_network(&spec, found);
    let network = spec.get("defaultNetwork", found);
    if network.get("type", found).text(found) != Some("OVNKubernetes") {
        return;
    }
    let config = network.get("ovnKubernetesConfig", found);
    for (places, default) in INTERNAL {
        claim_internal(&config, places, default, found);
    }
    let masquerade = config.at(&["gatewayConfig", "ipv4", "internalMasqueradeSubnet"], found);
    if !masquerade.is_there() || masquerade.is_empty_text() {
        let path = format!("{}, default before 4.17, kept by upgrades", masquerade.path);
        found.claim_text(Class::CniInternal, OLD_MASQUERADE, Confidence::Stale, &path);
    }
    for entry in config.at(&["hybridOverlayConfig", "hybridClusterNetwork"], found).items(found) {
        entry.get("cidr", found).required(found).claim(Class::Pod, Confidence::Live, found);
    }
}

fn claim_internal(config: &Field<'_, '_>, places: &[&[&str]], default: &str, found: &mut Found) {
    let fields: Vec<_> = places.iter().map(|keys| config.at(keys, found)).collect();
    let is_set = |field: &&Field<'_, '_>| field.is_there() && !field.is_empty_text();
    match (fields.iter().find(is_set), fields.first()) {
        (Some(field), _) => field.claim(Class::CniInternal, Confidence::Live, found),
        (None, Some(field)) => {
            let path = format!("{}, default", field.path);
            found.claim_text(Class::CniInternal, default, Confidence::Live, &path);
        }
        (None, None) => {}
    }
}

const WANT: Want = Want::Members(&[("networking", Want::All)]);

/// What the installer fills in when nobody says anything (openshift/installer pkg/types/defaults/installconfig.go): often
/// it is not where the machines are.
const NEVER_EDITED: &str = "10.0.0.0/16";

fn learn_install_config(node: &Node<'_>, found: &mut Found) {
    let field = Field::root(node).at(&["data", "install-config"], found);
    let Some(inner) = field.yaml(&WANT, found) else { return };
    let networking = Field::inner(&inner, field.path).get("networking", found);
    let entries = networking.get("machineNetwork", found).items(found);
    let mut fields: Vec<_> = entries.iter().map(|entry| entry.get("cidr", found).required(found)).collect();
    fields.push(networking.get("machineCIDR", found));
    for field in fields {
        field.claim(Class::Node, Confidence::Stale, found);
    }
    let never_edited = strict_interval(NEVER_EDITED).ok();
    found.claims.retain(|claim| Some(claim.interval) != never_edited);
}
