//! What every cluster has: the Services `kubernetes` and DNS, each an address of the service range, and the addresses of
//! the API servers.

use super::field::Field;
use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;

const SERVICES: Reads = Reads::all("", &["v1"], "services", "Service");

/// Services `default/kubernetes` and `kube-system/kube-dns`, EndpointSlice `default/kubernetes`.
pub static SOURCE: Source = Source {
    name: "kubernetes",
    reads: &[
        SERVICES.named(Some("default"), "kubernetes"),
        SERVICES.named(Some("kube-system"), "kube-dns"),
        SERVICES.named(Some("openshift-dns"), "dns-default"),
        Reads::all("discovery.k8s.io", &["v1"], "endpointslices", "EndpointSlice").named(Some("default"), "kubernetes"),
    ],
    knows: &[],
    whole_in_itself: false,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let root = Field::root(node);
    if found.object.kind == "Service" {
        learn_cluster_ips(&root.get("spec", found), found);
    } else {
        for endpoint in root.get("endpoints", found).items(found) {
            let addresses = endpoint.get("addresses", found);
            addresses.claim_each(Class::Node, Confidence::Live, found);
        }
    }
}

/// A headless Service has the address `None`.
fn learn_cluster_ips(spec: &Field<'_, '_>, found: &mut Found) {
    let mut fields = spec.get("clusterIPs", found).items(found);
    if fields.is_empty() {
        fields.push(spec.get("clusterIP", found));
    }
    for field in fields {
        if field.text(found).is_some_and(|text| text != "None") {
            field.claim(Class::Service, Confidence::Floor, found);
        }
    }
}
