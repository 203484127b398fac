//! Which addresses the cluster already uses, who says so, and how far that is to be believed.
//!
//! Every source yields [`Claim`]s; [`Networks`] merges them into [`Network`]s and answers which of them meet an
//! interval, in time that grows with the logarithm of their number.

pub mod classes;
pub mod declared;
pub mod file_error;
pub mod free;
pub mod lists;
pub mod report;

use crate::net::{Family, Interval};
use crate::place::ObjectRef;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What uses the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Pods of the default network, or of KubeVirt's own namespace.
    Pod,
    /// ClusterIPs.
    Service,
    /// Primary addresses of nodes with their on-link prefixes, and the API server's endpoints.
    Node,
    /// Join, transit and masquerade ranges of the CNI.
    CniInternal,
    /// Addresses handed to Services of type LoadBalancer.
    LoadBalancer,
    /// Further interfaces of nodes, and other attachments.
    Secondary,
    /// Everything else, for example other tenants' networks.
    Other,
}

impl Class {
    /// Every class, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Pod, Self::Service, Self::Node, Self::CniInternal, Self::LoadBalancer, Self::Secondary, Self::Other];

    /// As the json contracts write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Node => "node",
            Self::CniInternal => "cni-internal",
            Self::LoadBalancer => "load-balancer",
            Self::Secondary => "secondary",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How far a claim is to be believed; ordered from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Written once at install, perhaps edited since: warns only.
    Stale,
    /// True, but only a part of the truth: does not make its class known.
    Floor,
    /// The networks file, a flag, or policy says so.
    Declared,
    /// The object that the components themselves obey.
    Live,
}

impl Confidence {
    /// As the json contracts write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Floor => "floor",
            Self::Declared => "declared",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The field that says a range is in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Origin {
    /// The object; for the networks file and flags kind `ClusterNetworks` with the file's name or `flags`.
    pub object: ObjectRef,
    /// Dotted path of the field, or the flag.
    pub path: String,
    /// What people call the entry, if it has a name.
    #[serde(skip)]
    pub label: Option<String>,
}

impl Origin {
    /// The field `path` of `object`, without a name of its own.
    pub fn new(object: ObjectRef, path: impl Into<String>) -> Self {
        Self { object, path: path.into(), label: None }
    }
}

/// `IPPool default-pool (spec.cidr)`, `ClusterNetworks c.yaml (internal[0].prefix, join)`, `flag --pod-cidr`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, path, label } = self;
        match label {
            Some(label) if path.starts_with("--") => write!(f, "flag {path}, {label}"),
            None if path.starts_with("--") => write!(f, "flag {path}"),
            Some(label) => write!(f, "{object} ({path}, {label})"),
            None => write!(f, "{object} ({path})"),
        }
    }
}

/// One source's word that addresses are in use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Which addresses.
    pub interval: Interval,
    /// What uses them.
    pub class: Class,
    /// How far the source is to be believed.
    pub confidence: Confidence,
    /// The field.
    pub origin: Arc<Origin>,
    /// The pool that this range is, if it is one that a NAD can draw from: see [`crate::cni::Attachment::own`].
    pub pool: Option<Arc<str>>,
}

/// Addresses in use, with everyone who says so; never empty of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The widest claim's addresses.
    pub interval: Interval,
    /// What uses them.
    pub class: Class,
    /// The widest claim's confidence, which no absorbed claim exceeds.
    pub confidence: Confidence,
    /// The widest first; the others lie inside it.
    pub claims: Vec<Claim>,
    /// Whether any claim is of a pool that NADs can draw from.
    pub pooled: bool,
}

/// The networks of a world.
///
/// Networks of one class, family and confidence never lie inside each other, for the wider one would have absorbed the
/// other: sorted by first address they are sorted by last address too, and a query is two binary searches.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    shelves: BTreeMap<(Class, Family, Confidence), Vec<Network>>,
}

impl Networks {
    /// The claims, merged: one inside another of its class is only a further origin of it, if that one is believed as
    /// much or more.
    pub fn of(claims: impl IntoIterator<Item = Claim>) -> Self {
        let mut sorted: Vec<_> = claims.into_iter().collect();
        sorted.sort_by(|a, b| merge_order(a).cmp(&merge_order(b)).then_with(|| a.cmp(b)));
        sorted.dedup();
        let mut networks = Self::default();
        for claim in sorted {
            networks.absorb(claim);
        }
        networks
    }

    /// The networks of `class` that share an address with `interval`.
    pub fn meeting(&self, class: Class, interval: Interval) -> impl Iterator<Item = &Network> {
        let family = interval.family();
        let shelves = self.shelves.range((class, family, Confidence::Stale)..=(class, family, Confidence::Live));
        shelves.flat_map(move |(_, shelf)| {
            let start = shelf.partition_point(|n| n.interval.last_bits() < interval.first_bits());
            shelf[start..].iter().take_while(move |n| n.interval.first_bits() <= interval.last_bits())
        })
    }

    /// All networks, by class, family, confidence and first address.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.shelves.values().flatten()
    }

    /// How many networks there are.
    pub fn len(&self) -> usize {
        self.shelves.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the next claim in merge order; the last network of a shelf is the one that reaches farthest.
    fn absorb(&mut self, claim: Claim) {
        let key = (claim.class, claim.interval.family(), claim.confidence);
        let believed = key..=(key.0, key.1, Confidence::Live);
        let mut able = self.shelves.range_mut(believed).filter_map(|(_, shelf)| shelf.last_mut());
        if let Some(holder) = able.find(|network| network.interval.holds(claim.interval)) {
            holder.pooled |= claim.pool.is_some();
            holder.claims.push(claim);
            return;
        }
        let Claim { interval, class, confidence, .. } = claim;
        let pooled = claim.pool.is_some();
        let network = Network { interval, class, confidence, claims: vec![claim], pooled };
        self.shelves.entry(key).or_default().push(network);
    }
}

/// Containers before what they contain, equal intervals by falling confidence.
fn merge_order(claim: &Claim) -> (u128, std::cmp::Reverse<(u128, Confidence)>) {
    (claim.interval.first_bits(), std::cmp::Reverse((claim.interval.last_bits(), claim.confidence)))
}

impl Network {
    /// The first claim: the widest, and the strongest of its width.
    pub fn lead(&self) -> &Claim {
        &self.claims[0]
    }

    /// What is left of it without the claims that `gone` names, merged anew.
    pub fn without(&self, gone: impl Fn(&Claim) -> bool) -> Vec<Self> {
        let left = Networks::of(self.claims.iter().filter(|claim| !gone(claim)).cloned());
        left.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
