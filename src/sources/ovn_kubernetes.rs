//! OVN-Kubernetes' user-defined networks. They are isolated from each other and from the default network, so they are
//! `other`, unless one is the primary network of KubeVirt's own namespace: see [`Found::primary_of`].

use super::field::Field;
use super::{Found, Namespaces, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::sync::Arc;

/// `k8s.ovn.org` UserDefinedNetwork and ClusterUserDefinedNetwork: subnets and join subnets of each topology.
///
/// The pool key is `udn/<namespace>/<name>` or `cudn/<name>`.
pub static SOURCE: Source = Source {
    name: "ovn-kubernetes",
    reads: &[
        Reads::all("k8s.ovn.org", &["v1"], "userdefinednetworks", "UserDefinedNetwork"),
        Reads::all("k8s.ovn.org", &["v1"], "clusteruserdefinednetworks", "ClusterUserDefinedNetwork"),
    ],
    knows: &[],
    whole_in_itself: false,
    learn,
};

fn learn(node: &Node<'_>, found: &mut Found) {
    let spec = Field::root(node).get("spec", found);
    let cluster_wide = found.object.kind == "ClusterUserDefinedNetwork";
    let network = if cluster_wide { spec.get("network", found) } else { spec.clone() };
    let mut primary = false;
    for topology in ["layer3", "layer2", "localnet"] {
        let part = network.get(topology, found);
        primary |= part.get("role", found).text(found) == Some("Primary");
        claim_subnets(&part, found);
    }
    let (key, namespaces) = if cluster_wide {
        (format!("cudn/{}", found.object.name), selected(&spec.get("namespaceSelector", found), found))
    } else {
        let namespace = found.object.namespace.clone();
        let key = format!("udn/{}/{}", namespace.as_deref().unwrap_or_default(), found.object.name);
        (key, namespace.map_or(Namespaces::Unknown, |name| Namespaces::Named(vec![name])))
    };
    found.primary_of = primary.then_some(namespaces);
    let key: Arc<str> = key.into();
    for claim in &mut found.claims {
        claim.origin.set_pool(&key);
    }
}

/// Subnets of layer 3 are objects with a `cidr`, all others strings.
fn claim_subnets(part: &Field<'_, '_>, found: &mut Found) {
    let mut fields = part.get("subnets", found).items(found);
    fields.extend(part.get("joinSubnets", found).items(found));
    for field in fields {
        let field = if field.is_object() { field.get("cidr", found).required(found) } else { field };
        field.claim(Class::Other, Confidence::Live, found);
    }
}

const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Every namespace carries its name as a label, so a selector of that label alone needs no Namespace objects.
fn selected(selector: &Field<'_, '_>, found: &mut Found) -> Namespaces {
    let labels = selector.get("matchLabels", found).members(found);
    let expressions = selector.get("matchExpressions", found).items(found);
    match (labels.as_slice(), expressions.as_slice()) {
        ([], []) if selector.is_there() => Namespaces::All,
        ([], []) => Namespaces::Named(Vec::new()),
        ([(NAME_LABEL, name)], []) => Namespaces::Named(name.text(found).map(str::to_owned).into_iter().collect()),
        ([], [expression]) => one_of(expression, found).map_or(Namespaces::Unknown, Namespaces::Named),
        _ => Namespaces::Unknown,
    }
}

fn one_of(expression: &Field<'_, '_>, found: &mut Found) -> Option<Vec<String>> {
    let mut is = |key, value| expression.get(key, found).text(found) == Some(value);
    if !(is("key", NAME_LABEL) && is("operator", "In")) {
        return None;
    }
    let values = expression.get("values", found).items(found);
    Some(values.iter().filter_map(|value| value.text(found)).map(str::to_owned).collect())
}
