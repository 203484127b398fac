//! Where the cluster's networks can be learned: one file a source, and the one list of them.
//!
//! A [`Source`] names the objects that it reads and has a pure function from such an object to what it says. The
//! watcher, `check`, `snapshot` and the webhook's reverse direction all call that same function.

pub mod antrea;
pub mod azure;
pub mod calico;
pub mod cilium;
mod field;
pub mod flannel;
pub mod gke;
pub mod harvester;
pub mod k0s;
pub mod kube_ovn;
pub mod kube_proxy;
pub mod kube_vip;
pub mod kubeadm_config;
pub mod kubernetes;
pub mod labels;
pub mod metallb;
pub mod node_network_state;
pub mod nodes;
pub mod nv_ipam;
pub mod openshift;
pub mod ovn_config;
pub mod ovn_kubernetes;
pub mod servicecidr;
pub mod shared;
mod spans;
pub mod spiderpool;
#[cfg(test)]
mod testing;
mod text;
mod wanted;
pub mod whereabouts;

pub use wanted::wanted;

use crate::cni::Pool;
use crate::net::Interval;
use crate::networks::{Claim, Class, Confidence, Origin};
use crate::place::ObjectRef;
use crate::tree::Node;
use labels::Labels;
use node_network_state::Host;
use std::borrow::Cow;
use std::sync::Arc;

/// A way to learn networks.
#[derive(Debug)]
pub struct Source {
    /// As `networks` and the metrics name it.
    pub name: &'static str,
    /// The objects it reads.
    pub reads: &'static [Reads],
    /// The classes that it makes known where its list is whole (or the one object it reads is there).
    pub knows: &'static [Class],
    /// Whether one object is the whole truth about `knows`, so that it counts even among files.
    pub whole_in_itself: bool,
    /// What an object says.
    pub learn: fn(&Node<'_>, &mut Found),
}

/// A resource that a source reads; the chart's RBAC is made from these.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Served versions, the preferred one first.
    pub versions: &'static [&'static str],
    /// Resource name in the API.
    pub plural: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Only objects in this namespace.
    pub namespace: Option<&'static str>,
    /// Only the object of this name.
    pub name: Option<&'static str>,
    /// In a cluster it is read only if asked for; files and snapshots that hold such objects count always.
    pub opt_in: bool,
}

/// What one object says about the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Which document it was read from.
    pub document: Option<usize>,
    /// The source that read it.
    pub source: &'static str,
    /// Addresses in use.
    pub claims: Vec<Claim>,
    /// Pools that a NAD can draw from, by the key that NADs name them with.
    pub pools: Vec<Pool>,
    /// Set by Node objects.
    pub node: Option<NodeFacts>,
    /// Set by NodeNetworkState objects.
    pub host: Option<Host>,
    /// Set by a network that is the primary one of some namespaces: which. For those its claims are [`Class::Pod`].
    pub primary_of: Option<Namespaces>,
    /// Fields that could not be read: path and why.
    pub bad: Vec<(String, String)>,
}

/// What decides whether virt-handler runs on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// `metadata.labels`
    pub labels: Labels,
    /// `spec.taints` with effect NoSchedule or NoExecute: key, value, effect.
    pub taints: Vec<(String, String, String)>,
    /// Label `kubernetes.io/os`, which virt-handler's selector reads, else `status.nodeInfo.operatingSystem`.
    pub os: Option<Cow<'static, str>>,
}

/// Which namespaces a network serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Every one.
    All,
    /// These.
    Named(Vec<String>),
    /// Only labels of Namespace objects tell, or a `metadata.namespace` that a manifest leaves out.
    Unknown,
}

impl Namespaces {
    /// Whether `namespace` is one of them; `None` if this cannot be told.
    pub fn hold(&self, namespace: &str) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::Named(names) => Some(names.iter().any(|name| name == namespace)),
            Self::Unknown => None,
        }
    }
}

impl Source {
    /// Whether an object of this name is one of those that it reads. An unknown namespace matches any.
    pub fn reads_object(&self, api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> bool {
        self.reads.iter().any(|reads| reads.holds(api_version, kind, namespace, name))
    }
}

impl Reads {
    /// Every object of a kind.
    pub(crate) const fn all(
        group: &'static str,
        versions: &'static [&'static str],
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self { group, versions, plural, kind, namespace: None, name: None, opt_in: false }
    }

    /// The one object of this name.
    const fn named(self, namespace: Option<&'static str>, name: &'static str) -> Self {
        Self { namespace, name: Some(name), ..self }
    }

    /// Not read in a cluster unless asked for.
    const fn opt_in(self) -> Self {
        Self { opt_in: true, ..self }
    }

    /// Every object of the kind in this namespace.
    const fn within(self, namespace: &'static str) -> Self {
        Self { namespace: Some(namespace), ..self }
    }

    /// One ConfigMap.
    const fn config_map(namespace: &'static str, name: &'static str) -> Self {
        Self::all("", &["v1"], "configmaps", "ConfigMap").named(Some(namespace), name)
    }

    fn holds(&self, api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> bool {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        self.kind == kind
            && self.group == group
            && self.versions.contains(&version)
            && self.name.is_none_or(|wanted| wanted == name)
            && self.namespace.is_none_or(|wanted| namespace.is_none_or(|namespace| namespace == wanted))
    }
}

impl Found {
    /// Nothing yet, about `object`.
    pub fn about(object: impl Into<Arc<ObjectRef>>, source: &'static str) -> Self {
        Self {
            object: object.into(),
            document: None,
            source,
            claims: Vec::new(),
            pools: Vec::new(),
            node: None,
            host: None,
            primary_of: None,
            bad: Vec::new(),
        }
    }

    /// Claims `interval` for `class`.
    pub fn claim(&mut self, class: Class, interval: Interval, confidence: Confidence, path: impl Into<String>) {
        let origin = Origin::new(Arc::clone(&self.object), path);
        self.claims.push(Claim { interval, class, confidence, origin });
    }

    /// Claims what `text` names for `class`: prefixes, ranges and bare addresses, apart by commas or blanks. What cannot
    /// be read is noted in `bad`.
    pub fn claim_text(&mut self, class: Class, text: &str, confidence: Confidence, path: &str) {
        for piece in text::intervals(text) {
            match piece {
                Ok(interval) => self.claim(class, interval, confidence, path),
                Err(error) => self.refuse(path, error.to_string()),
            }
        }
    }

    /// Marks every claim as one of the pool that NADs name `key`.
    fn pooled(&mut self, key: &Arc<str>) {
        self.claims.iter_mut().for_each(|claim| claim.origin.set_pool(key));
    }

    /// Notes that the field at `path` cannot be read.
    pub fn refuse(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.bad.push((path.into(), why.into()));
    }

    /// The claims as a world holds them. Among files (`whole` is false) an object is a part of the truth, unless it is
    /// `whole_in_itself`; a primary network of one of `kubevirt_namespaces` is a pod network.
    pub fn claims_in<'n>(&self, whole: bool, kubevirt_namespaces: impl IntoIterator<Item = &'n str>) -> Vec<Claim> {
        let whole = whole || named(self.source).is_none_or(|source| source.whole_in_itself);
        let serves = |namespace| self.primary_of.as_ref().is_some_and(|all| all.hold(namespace) == Some(true));
        let serves = kubevirt_namespaces.into_iter().any(serves);
        let claims = self.claims.iter().cloned().map(|mut claim| {
            if !whole && claim.confidence == Confidence::Live {
                claim.confidence = Confidence::Floor;
            }
            if serves && claim.class == Class::Other {
                claim.class = Class::Pod;
            }
            claim
        });
        claims.collect()
    }
}

/// Every source.
pub static SOURCES: &[&Source] = &[
    &antrea::CONFIG,
    &antrea::EXTERNAL,
    &antrea::SOURCE,
    &azure::SOURCE,
    &calico::BGP,
    &calico::INSTALLATION,
    &calico::SOURCE,
    &cilium::CONFIG,
    &cilium::LOAD_BALANCERS,
    &cilium::SOURCE,
    &flannel::SOURCE,
    &gke::SOURCE,
    &harvester::HOSTS,
    &harvester::LOAD_BALANCERS,
    &harvester::SOURCE,
    &k0s::SOURCE,
    &kube_ovn::SOURCE,
    &kube_proxy::SOURCE,
    &kube_vip::SOURCE,
    &kubeadm_config::SOURCE,
    &kubernetes::SOURCE,
    &metallb::SOURCE,
    &node_network_state::SOURCE,
    &nodes::SOURCE,
    &nv_ipam::SOURCE,
    &openshift::INFRASTRUCTURE,
    &openshift::INSTALL_CONFIG,
    &openshift::OPERATOR,
    &openshift::SOURCE,
    &ovn_config::OVNKUBE,
    &ovn_config::SOURCE,
    &ovn_kubernetes::CONNECTS,
    &ovn_kubernetes::SOURCE,
    &ovn_kubernetes::VTEPS,
    &servicecidr::SOURCE,
    &spiderpool::SOURCE,
    &whereabouts::SOURCE,
];

/// The source of this name.
pub fn named(name: &str) -> Option<&'static Source> {
    SOURCES.iter().copied().find(|source| source.name == name)
}

/// The sources that read the object of this name; none for most objects.
pub fn sources_for<'q>(
    api_version: &'q str,
    kind: &'q str,
    namespace: Option<&'q str>,
    name: &'q str,
) -> impl Iterator<Item = &'static Source> + 'q {
    SOURCES.iter().copied().filter(move |source| source.reads_object(api_version, kind, namespace, name))
}

/// Everything that the object `node` says, to all sources that read it; `None` if none does.
pub fn found(node: &Node<'_>, name: &ObjectRef, document: Option<usize>) -> Option<Found> {
    let ObjectRef { api_version, kind, namespace, name } = name;
    let mut said =
        sources_for(api_version, kind, namespace.as_deref(), name).map(|source| learn(source, node, document));
    let mut found = said.next()?;
    for more in said {
        found.claims.extend(more.claims);
        found.pools.extend(more.pools);
        found.bad.extend(more.bad);
        found.node = found.node.or(more.node);
        found.host = found.host.or(more.host);
        found.primary_of = found.primary_of.or(more.primary_of);
    }
    Some(found)
}

/// Whether any source reads objects like this one.
pub fn is_read(object: &ObjectRef) -> bool {
    sources_for(&object.api_version, &object.kind, object.namespace.as_deref(), &object.name).next().is_some()
}

/// What the object `node` says to `source`, which reads it; `document` is where it stands among the files.
pub fn learn(source: &'static Source, node: &Node<'_>, document: Option<usize>) -> Found {
    let text = |keys: &[&str]| node.text_at(keys).map(str::to_owned);
    let object = ObjectRef {
        api_version: text(&["apiVersion"]).unwrap_or_default(),
        kind: text(&["kind"]).unwrap_or_default(),
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"]).unwrap_or_default(),
    };
    let mut found = Found { document, ..Found::about(object, source.name) };
    (source.learn)(node, &mut found);
    found.bad.sort();
    found.bad.dedup();
    found.claims.shrink_to_fit();
    found
}

#[cfg(test)]
mod tests;
