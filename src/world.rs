//! The objects of a cluster, or of a set of files, and the facts drawn from them.
//!
//! A [`World`] is immutable and cheap to clone. [`World::after`] lays a write over it without copying what is below.

mod attached;
mod inputs;
mod interfaces;
mod judged;
mod meeting;
mod nodes;
mod references;

pub use attached::{Attached, Reading};
pub use inputs::{Inputs, Lists, Problem, Settings};
pub use interfaces::{Interfaces, Watched};
pub use judged::Judged;
pub use nodes::{Demand, Nodes};
pub use references::Reference;

use crate::cni::Pools;
use crate::net::Family;
use crate::networks::classes::{Classes, Known};
use crate::networks::{Claim, Class, Networks};
use crate::objects::{Kind, Nad, Object, Referrer, kind_of};
use crate::place::ObjectRef;
use crate::sources::{Found, Reads, node_network_state};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A write: an object as it was and as it will be.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// `None` on CREATE.
    pub before: Option<Object>,
    /// `None` on DELETE.
    pub after: Option<Object>,
}

/// The objects and facts; see the module.
#[derive(Clone, Debug)]
pub struct World {
    base: Arc<Base>,
    over: Over,
    references: Arc<[Reference]>,
    judged: Vec<Judged>,
}

#[derive(Debug)]
struct Base {
    /// By name, then namespace.
    nads: Vec<Arc<Attached>>,
    /// Which of `nads` are labelled as candidates.
    labelled: Vec<usize>,
    referrers: Vec<Arc<Referrer>>,
    networks: Networks,
    classes: Classes,
    nodes: Nodes,
    interfaces: Interfaces,
    pools: Arc<Pools>,
    pods_have_v6: Option<bool>,
    lists: Lists,
    settings: Settings,
    isolation: Option<Vec<String>>,
    problems: Vec<Problem>,
}

/// Writes laid over the base.
#[derive(Clone, Debug, Default)]
struct Over {
    gone: Vec<ObjectRef>,
    nads: Vec<Arc<Attached>>,
    referrers: Vec<Arc<Referrer>>,
    /// What the objects laid over claim, merged among themselves.
    networks: Arc<Networks>,
    /// Nothing is about to follow, whatever the lists say.
    rests: bool,
}

impl Base {
    /// The NADs of this namespace and name.
    fn at<'w>(&'w self, object: &'w ObjectRef) -> impl Iterator<Item = &'w Arc<Attached>> {
        let start = self.nads.partition_point(|a| nad_order(&a.nad.object) < nad_order(object));
        self.nads[start..].iter().take_while(move |a| nad_order(&a.nad.object) == nad_order(object))
    }
}

impl World {
    /// The world of these inputs.
    pub fn of(inputs: Inputs) -> Self {
        Self::made(inputs, None)
    }

    /// The same, sooner: what a text of an unchanged NAD means is taken from `previous`. A NAD is unchanged where it is
    /// the very same in memory, so keep the objects and replace those that change.
    pub fn renewed(previous: &Self, inputs: Inputs) -> Self {
        Self::made(inputs, Some(previous))
    }

    fn made(inputs: Inputs, previous: Option<&Self>) -> Self {
        let Inputs { objects, declared, lists, settings, problems } = inputs;
        let (mut nads, mut referrers, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for object in objects {
            match object {
                Object::Nad(nad) if !nad.deleting => nads.push(nad),
                Object::Nad(_) => {}
                Object::Referrer(referrer) => referrers.push(referrer),
                Object::Found(one) => found.push(one),
            }
        }
        let is_whole = |reads: &Reads| lists.kinds.contains(&(reads.group.to_owned(), reads.kind.to_owned()));
        let classes = Classes::of(&declared, found.iter().map(|one| &**one), is_whole);
        let namespaces = namespaces(&referrers, &settings);
        let mut claims = declared.claims().to_vec();
        for one in found.iter().filter(|one| one.host.is_none()) {
            let kind = (one.object.group().to_owned(), one.object.kind.clone());
            claims.extend(one.claims_in(lists.kinds.contains(&kind), namespaces.iter().copied()));
        }
        claims.extend(interfaces::claims(&found, &claims, node_network_state::SOURCE.reads.iter().all(is_whole)));
        let isolation = isolation(&settings, &found);
        let nodes = Nodes::of(&declared, &found, lists.kinds.contains(&(String::new(), "Node".to_owned())));
        let interfaces = Interfaces::of(&found, &nodes);
        let pools = pools(&found);
        let pods_have_v6 = pods_have_v6(&claims, &classes);
        let same = |previous: &&Self| *previous.base.pools == pools && previous.base.pods_have_v6 == pods_have_v6;
        let previous = previous.filter(same);
        // NADs hold on to the pools they were read with: equal ones must be the same, or each NAD that comes later has its own.
        let pools = previous.map_or_else(|| Arc::new(pools), |previous| Arc::clone(&previous.base.pools));
        let known = |nad: &Arc<Nad>| {
            let mut candidates = previous?.base.at(&nad.object);
            candidates.find(|attached| Arc::ptr_eq(&attached.nad, nad)).cloned()
        };
        let keep = settings.all_nads;
        let made = |nad| known(&nad).unwrap_or_else(|| Attached::read(nad, &pools, pods_have_v6, keep));
        let mut nads: Vec<_> = nads.into_iter().map(made).collect();
        nads.sort_by(|a, b| nad_order(&a.nad.object).cmp(&nad_order(&b.nad.object)));
        claims.extend(nads.iter().flat_map(|attached| attached.claims()).cloned());
        let networks = Networks::of(claims);
        let labelled = nads.iter().enumerate().filter(|(_, a)| a.nad.labelled).map(|(at, _)| at).collect();
        let base = Base {
            nads,
            labelled,
            referrers,
            networks,
            classes,
            nodes,
            interfaces,
            pools,
            pods_have_v6,
            lists,
            settings,
            isolation,
            problems,
        };
        let world =
            Self { base: Arc::new(base), over: Over::default(), references: Arc::default(), judged: Vec::new() };
        world.drawn(true)
    }

    /// With what is drawn from the objects; the references are those that it has unless a CR is new or gone.
    fn drawn(mut self, other_crs: bool) -> Self {
        if other_crs {
            self.references = references::of(&self).into();
        }
        self.judged = references::judged(&self);
        self
    }

    /// The world once the object is as `change` leaves it.
    #[must_use]
    pub fn after(&self, change: &Change) -> Self {
        let object = change.after.as_ref().or(change.before.as_ref());
        object.map_or_else(|| self.clone(), |object| self.with(object.reference(), change.after.clone()))
    }

    /// The world with `object` in the state given, `None` for absent.
    #[must_use]
    pub fn with(&self, name: &ObjectRef, object: Option<Object>) -> Self {
        let mut over = self.over.clone();
        over.nads.retain(|attached| !attached.nad.object.is_same(name));
        over.referrers.retain(|referrer| !referrer.object.is_same(name));
        over.gone.push(name.clone());
        let mut claims = over.networks.claims().to_vec();
        claims.retain(|claim| !claim.origin.object.is_same(name));
        match object {
            Some(Object::Nad(nad)) if !nad.deleting => {
                let attached = Attached::read(nad, &self.base.pools, self.base.pods_have_v6, true);
                claims.extend(attached.claims().cloned());
                over.nads.push(attached);
            }
            Some(Object::Referrer(referrer)) => over.referrers.push(referrer),
            Some(Object::Found(found)) => claims.extend(found.claims_in(true, self.kubevirt_namespaces())),
            Some(Object::Nad(_)) | None => {}
        }
        over.networks = Arc::new(Networks::of(claims));
        let (base, references) = (Arc::clone(&self.base), Arc::clone(&self.references));
        let other_crs = matches!(kind_of(name), Some(Kind::KubeVirt | Kind::HyperConverged));
        Self { base, over, references, judged: Vec::new() }.drawn(other_crs)
    }

    /// The world as it would be if a CR named `namespace/name`.
    #[must_use]
    pub fn as_if_named(&self, namespace: &str, name: &str) -> Self {
        let supposed = std::iter::once(Reference::by_flag(namespace, name));
        Self { references: self.references.iter().cloned().chain(supposed).collect(), ..self.clone() }.drawn(false)
    }

    /// The active references.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// What is judged: NADs that an active reference names, then candidates.
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// Every KubeVirt and HyperConverged, ignored and deleted ones included.
    pub fn referrers(&self) -> impl Iterator<Item = &Arc<Referrer>> {
        let below = self.base.referrers.iter().filter(|referrer| !self.is_gone(&referrer.object));
        below.chain(&self.over.referrers)
    }

    /// Every NAD.
    pub fn nads(&self) -> impl Iterator<Item = &Arc<Attached>> {
        self.base.nads.iter().filter(|a| !self.is_gone(&a.nad.object)).chain(&self.over.nads)
    }

    /// The NADs that are this object; several only where manifests repeat.
    pub fn nads_at<'w>(&'w self, object: &'w ObjectRef) -> impl Iterator<Item = &'w Arc<Attached>> {
        let below = self.base.at(object).filter(|a| !self.is_gone(&a.nad.object));
        below.chain(&self.over.nads).filter(|a| a.nad.object.is_same(object))
    }

    /// The NADs of this name, in whatever namespace.
    pub fn nads_named<'w>(&'w self, name: &'w str) -> impl Iterator<Item = &'w Arc<Attached>> {
        let nads = &self.base.nads;
        let start = nads.partition_point(|a| a.nad.object.name.as_str() < name);
        let below = nads[start..].iter().take_while(move |a| a.nad.object.name == name);
        let above = self.over.nads.iter().filter(move |a| a.nad.object.name == name);
        below.filter(|a| !self.is_gone(&a.nad.object)).chain(above)
    }

    /// Whether absence is a fact.
    pub fn lists(&self) -> &Lists {
        &self.base.lists
    }

    /// The same world when no write is about to follow.
    #[must_use]
    pub fn at_rest(&self) -> Self {
        Self { over: Over { rests: true, ..self.over.clone() }, ..self.clone() }
    }

    /// Whether a NAD that is not there is missing, and not only unseen.
    pub fn is_missing_a_fact(&self) -> bool {
        self.base.lists.nads && (self.base.lists.at_rest || self.over.rests)
    }

    /// What policy and flags say.
    pub fn settings(&self) -> &Settings {
        &self.base.settings
    }

    /// Documents that are no good.
    pub fn problems(&self) -> &[Problem] {
        &self.base.problems
    }

    /// Why the class is unknown; `None` if it is known.
    pub fn unknown(&self, class: Class) -> Option<&str> {
        self.base.classes.state(class).and_then(Known::why)
    }

    /// Which classes are known.
    pub fn classes(&self) -> &Classes {
        &self.base.classes
    }

    /// The namespaces that every pod may refer to, where Multus isolates namespaces; `None` where it does not.
    pub fn isolation(&self) -> Option<&[String]> {
        self.base.isolation.as_deref()
    }

    /// All networks of the snapshot, writes laid over it not counted.
    pub fn networks(&self) -> &Networks {
        &self.base.networks
    }

    /// How many addresses the attachment of `referrer` needs; `None` if the eligible nodes are not known.
    pub fn demand(&self, referrer: Option<&Referrer>) -> Option<Demand> {
        let beside = self.kubevirt_beside(referrer);
        let referrers: Vec<_> = beside.as_deref().into_iter().chain(referrer).collect();
        self.base.nodes.demand(&referrers)
    }

    /// The namespaces that KubeVirt is installed in, as far as the world tells.
    pub fn kubevirt_namespaces(&self) -> BTreeSet<&str> {
        namespaces(self.referrers(), &self.base.settings)
    }

    fn is_gone(&self, object: &ObjectRef) -> bool {
        self.over.gone.iter().any(|gone| gone.is_same(object))
    }

    /// The KubeVirt in the namespace of a HyperConverged: it has the placement in force.
    fn kubevirt_beside(&self, referrer: Option<&Referrer>) -> Option<Arc<Referrer>> {
        let namespace = referrer?.object.namespace.as_ref()?;
        self.referrers()
            .find(|r| r.is_kubevirt() && !r.deleting && r.object.namespace.as_ref() == Some(namespace))
            .cloned()
    }
}

fn nad_order(object: &ObjectRef) -> (&str, Option<&str>) {
    (&object.name, object.namespace.as_deref())
}

fn pods_have_v6(claims: &[Claim], classes: &Classes) -> Option<bool> {
    let any = claims.iter().any(|claim| claim.class == Class::Pod && claim.interval.family() == Family::V6);
    if any { Some(true) } else { classes.is_known(Class::Pod).then_some(false) }
}

/// Pools by key; several objects may be parts of one, for example the Subnets of one provider.
fn pools(found: &[Arc<Found>]) -> Pools {
    let mut pools = Pools::new();
    for pool in found.iter().flat_map(|one| one.pools.iter().cloned()) {
        match pools.get_mut(&pool.key) {
            None => drop(pools.insert(pool.key.clone(), pool)),
            Some(first) => {
                first.ranges.extend(pool.ranges);
                first.gateways.extend(pool.gateways);
                first.routes.extend(pool.routes);
                first.default_route |= pool.default_route;
                first.per_node |= pool.per_node;
            }
        }
    }
    pools
}

/// Namespaces of CRs, of references by flag, and of policy.
fn namespaces<'w>(referrers: impl IntoIterator<Item = &'w Arc<Referrer>>, settings: &'w Settings) -> BTreeSet<&'w str> {
    let crs = referrers.into_iter().filter_map(|referrer| referrer.object.namespace.as_deref());
    let flags = settings.migration_networks.iter().map(|(namespace, _)| namespace.as_str());
    crs.chain(flags).chain(settings.install_namespaces.iter().map(String::as_str)).collect()
}

/// Policy decides; without a word from it, config.openshift.io objects show OpenShift, whose Multus isolates.
fn isolation(settings: &Settings, found: &[Arc<Found>]) -> Option<Vec<String>> {
    const OPENSHIFT: [&str; 4] = ["default", "openshift-multus", "openshift-sriov-network-operator", "openshift-cnv"];
    let openshift = found.iter().any(|one| one.object.group() == "config.openshift.io");
    let isolated = settings.namespace_isolation.unwrap_or(openshift);
    let usual: &[&str] = if openshift { &OPENSHIFT } else { &OPENSHIFT[..1] };
    let globals = || usual.iter().map(|name| (*name).to_owned()).collect();
    isolated.then(|| settings.global_namespaces.clone().unwrap_or_else(globals))
}
