//! Who names a migration network, and which NADs are judged for it.

use super::{Attached, Judged, World};
use crate::finding::{Finding, Role};
use crate::objects::{Network, Referrer};
use crate::place::ObjectRef;
use std::sync::Arc;

/// An active reference to a migration network.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The CR; `None` for a reference by flag.
    pub referrer: Option<Arc<Referrer>>,
    /// As written in the CR; `None` for a reference by flag.
    pub network: Option<Network>,
    /// The namespace that it is looked up in; `None` if the CR's manifest leaves its own out.
    pub namespace: Option<String>,
    /// The NAD's name; `None` where Multus makes nothing of the text.
    pub name: Option<String>,
    /// The reference spells its namespace out.
    pub explicit: bool,
}

impl Reference {
    /// A reference by a CR outside the world.
    pub(super) fn by_flag(namespace: &str, name: &str) -> Self {
        Self {
            referrer: None,
            network: None,
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            explicit: true,
        }
    }

    /// `namespace/name`, `?` for what is not known.
    pub fn subject(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".into());
        format!("{}/{}", part(&self.namespace), part(&self.name))
    }

    /// Whether the NAD is what this reference names. An unknown namespace matches every one.
    pub fn names(&self, attached: &Attached) -> bool {
        let object = &attached.nad.object;
        let same = match (&self.namespace, &object.namespace) {
            (Some(wanted), Some(given)) => wanted == given,
            _ => true,
        };
        same && self.name.as_deref() == Some(&object.name)
    }

    /// The NADs that it names: more than one only where namespaces are unknown or manifests repeat.
    pub fn targets<'w>(&'w self, world: &'w World) -> impl Iterator<Item = &'w Arc<Attached>> {
        world.nads_named(self.name.as_deref().unwrap_or_default()).filter(|attached| self.names(attached))
    }
}

/// The active references: HyperConvergeds first, for they are what an admin writes, then KubeVirts, then flags.
pub(super) fn of(world: &World) -> Vec<Reference> {
    let mut active: Vec<_> = world.referrers().filter(|referrer| is_active(world, referrer)).collect();
    active.sort_by_key(|referrer| (referrer.is_kubevirt(), &referrer.object));
    let crs = active.into_iter().filter_map(|referrer| {
        let network = referrer.network.clone()?;
        let target = network.read.target.clone();
        let explicit = target.as_ref().is_some_and(|t| t.namespace.is_some());
        let (namespace, name) = target.map_or((None, None), |t| (t.namespace, Some(t.name)));
        Some(Reference {
            namespace: namespace.or_else(|| referrer.object.namespace.clone()),
            name,
            explicit,
            network: Some(network),
            referrer: Some(Arc::clone(referrer)),
        })
    });
    let flags = world.settings().migration_networks.iter().map(|(namespace, name)| Reference::by_flag(namespace, name));
    crs.chain(flags).collect()
}

/// Whether the operator acts on the CR: it is not being deleted and no other KubeVirt came before it.
fn is_active(world: &World, referrer: &Referrer) -> bool {
    !referrer.deleting && !is_ignored(world, referrer)
}

/// Whether virt-operator ignores this KubeVirt for another (kubevirt: pkg/virt-operator `checkForActiveInstall`).
pub(super) fn is_ignored(world: &World, referrer: &Referrer) -> bool {
    let came_before = |other: &Arc<Referrer>| {
        other.is_kubevirt()
            && !other.deleting
            && !other.object.is_same(&referrer.object)
            && matches!((&other.created, &referrer.created), (Some(first), Some(later)) if first < later)
    };
    referrer.is_kubevirt() && (referrer.ignored || world.referrers().any(came_before))
}

/// The referenced NADs, each once, then the candidates among the others.
pub(super) fn judged(world: &World) -> Vec<Judged> {
    let mut judged: Vec<Judged> = Vec::new();
    for reference in world.references() {
        for attached in reference.targets(world) {
            if !judged.iter().any(|one| Arc::ptr_eq(&one.attached, attached)) {
                let role = Role::Reference(reference.subject());
                judged.push(Judged { attached: Arc::clone(attached), role, referrer: reference.referrer.clone() });
            }
        }
    }
    let all = world.settings().all_nads;
    let referenced = judged.len();
    let candidates = world.candidates().filter(|attached| all || attached.nad.labelled);
    let candidates: Vec<_> = candidates
        .filter(|attached| !judged[..referenced].iter().any(|one| Arc::ptr_eq(&one.attached, attached)))
        .map(|attached| Judged { attached: Arc::clone(attached), role: Role::Candidate, referrer: None })
        .collect();
    judged.extend(candidates);
    judged
}

impl World {
    /// The NADs that can be candidates: all of them under `--all-nads`, else the labelled ones.
    fn candidates(&self) -> impl Iterator<Item = &Arc<Attached>> {
        let all = self.settings().all_nads;
        let below = self.base.labelled.iter().filter(move |_| !all).filter_map(|&at| self.base.nads.get(at));
        let every = self.base.nads.iter().filter(move |_| all);
        below.chain(every).filter(|a| !self.is_gone(&a.nad.object)).chain(&self.over.nads)
    }

    /// Whether virt-operator ignores this KubeVirt for another.
    pub fn is_ignored(&self, referrer: &Referrer) -> bool {
        is_ignored(self, referrer)
    }

    /// The active KubeVirts.
    pub fn active_kubevirts(&self) -> impl Iterator<Item = &Arc<Referrer>> {
        self.referrers().filter(|referrer| referrer.is_kubevirt() && is_active(self, referrer))
    }
}

impl Reference {
    /// A finding of `rule` about the CR that refers; `None` for a reference by flag where only a CR can be at fault.
    pub fn finding(&self, rule: &'static str, subject: impl Into<String>) -> Option<Finding> {
        let referrer = self.referrer.as_ref()?;
        let path = self.network.as_ref().map_or("", |network| network.path.as_str());
        let finding = Finding { document: referrer.document, ..Finding::new(rule, &referrer.object, subject) };
        Some(finding.at(path))
    }

    /// The CR, or the flag.
    pub fn who(&self) -> String {
        self.referrer.as_ref().map_or_else(|| "--migration-network".into(), |referrer| referrer.object.to_string())
    }

    /// Whether Multus refuses it because it isolates namespaces.
    pub fn is_refused(&self, world: &World) -> bool {
        let own = self.referrer.as_ref().and_then(|referrer| referrer.object.namespace.as_ref());
        let (Some(globals), Some(own), Some(namespace)) = (world.isolation(), own, &self.namespace) else {
            return false;
        };
        namespace != own && !globals.contains(namespace)
    }

    /// Whether nothing that it could name is in the world, and no other rule says why.
    pub fn is_absent(&self, world: &World) -> bool {
        let known = self.namespace.is_some() && self.name.is_some();
        let elsewhere =
            || !self.explicit && world.nads_named(self.name.as_deref().unwrap_or_default()).next().is_some();
        known && self.targets(world).next().is_none() && !self.is_refused(world) && !elsewhere()
    }

    /// The finding for an absent NAD; for a reference by flag it is about the NAD itself.
    pub fn absence(&self, rule: &'static str, what: &str, harm: &str) -> Option<Finding> {
        let (subject, who) = (self.subject(), self.who());
        let finding = self.finding(rule, &subject).unwrap_or_else(|| {
            let object = ObjectRef {
                api_version: "k8s.cni.cncf.io/v1".into(),
                kind: "NetworkAttachmentDefinition".into(),
                namespace: self.namespace.clone(),
                name: self.name.clone().unwrap_or_default(),
            };
            Finding::new(rule, &object, &subject)
        });
        let help = "Create it first, or check it together with the CR.";
        Some(finding.says(format!("{who} {what}: {subject}; {harm}."), help))
    }
}
