//! What is read of the cluster: the judged kinds, and what the table of sources names. RBAC in the chart is made from the
//! same table.

use crate::objects::WANTED;
use crate::place::ObjectRef;
use crate::sources::{Reads, SOURCES, wanted};
use crate::tree::Want;
use std::fmt;

/// One list of the cluster: of a kind, or of the one object of a name.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Which objects, in which versions.
    pub reads: Reads,
    /// Readiness waits for it.
    pub is_needed: bool,
    /// What of an object is kept.
    pub want: &'static Want,
}

const fn judged(
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
    kind: &'static str,
) -> Resource {
    Resource { reads: Reads::all(group, versions, plural, kind), is_needed: true, want: &WANTED }
}

/// The kinds that are judged: their lists hold readiness.
pub static JUDGED: [Resource; 3] = [
    judged("kubevirt.io", &["v1", "v1alpha3"], "kubevirts", "KubeVirt"),
    judged("hco.kubevirt.io", &["v1beta1", "v1"], "hyperconvergeds", "HyperConverged"),
    judged("k8s.cni.cncf.io", &["v1"], "network-attachment-definitions", "NetworkAttachmentDefinition"),
];

/// Everything that is read, each list once although several sources read it; `opt_in` includes what is read only if asked
/// for.
pub fn resources(opt_in: bool) -> Vec<Resource> {
    let mut all = JUDGED.to_vec();
    for reads in SOURCES.iter().flat_map(|source| source.reads).filter(|reads| opt_in || !reads.opt_in) {
        let resource = Resource { reads: *reads, is_needed: false, want: wanted(reads) };
        if !all.iter().any(|other| other.id() == resource.id()) {
            all.push(resource);
        }
    }
    all
}

impl Resource {
    fn id(&self) -> (&str, &str, Option<&str>, Option<&str>) {
        (self.reads.group, self.reads.plural, self.reads.namespace, self.reads.name)
    }

    /// `/api/v1` or `/apis/GROUP/VERSION`
    pub fn root(&self, version: &str) -> String {
        if self.reads.group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{}/{version}", self.reads.group)
        }
    }

    /// The path of its list, with the field selector that a grant for one name asks for.
    pub fn list(&self, version: &str) -> String {
        let namespace = self.reads.namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
        let selector = self.reads.name.map(|name| format!("fieldSelector=metadata.name%3D{name}&")).unwrap_or_default();
        format!("{}{namespace}/{}?{selector}", self.root(version), self.reads.plural)
    }

    /// The path of one object.
    pub fn object(&self, version: &str, object: &ObjectRef) -> String {
        let namespace = object.namespace.as_ref().map(|namespace| format!("/namespaces/{namespace}"));
        format!("{}{}/{}/{}", self.root(version), namespace.unwrap_or_default(), self.reads.plural, object.name)
    }

    /// As an object of it is named.
    pub fn api_version(&self, version: &str) -> String {
        if self.reads.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.reads.group) }
    }

    /// Whether it has one object for each node, which is large and written every minute or two.
    pub fn is_of_nodes(&self) -> bool {
        matches!((self.reads.group, self.reads.plural), ("", "nodes") | ("nmstate.io", "nodenetworkstates"))
    }
}

/// `ippools.crd.projectcalico.org`, `configmaps kube-system/kubeadm-config`
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reads.plural)?;
        if !self.reads.group.is_empty() {
            write!(f, ".{}", self.reads.group)?;
        }
        match (self.reads.namespace, self.reads.name) {
            (Some(namespace), Some(name)) => write!(f, " {namespace}/{name}"),
            (Some(namespace), None) => write!(f, " {namespace}/"),
            (None, Some(name)) => write!(f, " {name}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_name_is_asked_for_as_its_grant_allows() {
        let all = resources(true);
        let paths: Vec<_> = all.iter().map(|resource| resource.list(resource.reads.versions[0])).collect();
        assert!(paths.contains(&"/apis/kubevirt.io/v1/kubevirts?".to_owned()));
        assert!(paths.contains(&"/apis/networking.k8s.io/v1/servicecidrs?".to_owned()));
        let kubernetes = "/api/v1/namespaces/default/services?fieldSelector=metadata.name%3Dkubernetes&".to_owned();
        assert!(paths.contains(&kubernetes), "{paths:?}");
    }

    #[test]
    fn lists_with_an_object_for_each_node_are_known() {
        let all = resources(true);
        let of_nodes: Vec<_> = all.iter().filter(|one| one.is_of_nodes()).map(|one| one.reads.kind).collect();
        assert!(of_nodes.len() == 2 && ["Node", "NodeNetworkState"].iter().all(|kind| of_nodes.contains(kind)));
    }

    #[test]
    fn no_list_is_read_twice() {
        let mut names: Vec<_> = resources(true).iter().map(ToString::to_string).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
