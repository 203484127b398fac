//! Which addresses the cluster already uses, who says so, and how far that is to be believed.
//!
//! Every source yields [`Claim`]s; [`Networks`] merges them into [`Network`]s and answers which of them meet an
//! interval, in time that grows with the logarithm of their number.

pub mod classes;
pub mod declared;
pub mod file_error;
pub mod free;
pub mod lists;
pub mod origin;
pub mod report;

pub use origin::Origin;

use crate::net::{Family, Interval};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

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
    pub origin: Origin,
}

/// Addresses in use, with everyone who says so; never empty of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network<'n> {
    /// The widest claim's addresses.
    pub interval: Interval,
    /// What uses them.
    pub class: Class,
    /// The widest claim's confidence, which no absorbed claim exceeds.
    pub confidence: Confidence,
    /// The widest first; the others lie inside it.
    pub claims: Cow<'n, [Claim]>,
    /// Whether any claim is of a pool that NADs can draw from.
    pub pooled: bool,
}

/// The networks of a world.
///
/// Networks of one class, family and confidence never lie inside each other, for the wider one would have absorbed the
/// other: sorted by first address they are sorted by last address too, and a query is two binary searches.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// Those of each network side by side, the widest first.
    claims: Vec<Claim>,
    places: Vec<Place>,
    /// Which of `places` are of one class, family and confidence; they are sorted by first address.
    shelves: BTreeMap<Shelf, Range<usize>>,
}

type Shelf = (Class, Family, Confidence);

/// Where a network's claims begin; they end where those of the next one begin.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    pooled: bool,
}

/// A network while claims are merged.
struct Head {
    /// Its first claim.
    lead: u32,
    claims: u32,
    pooled: bool,
}

impl Networks {
    /// The claims, merged: one inside another of its class is only a further origin of it, if that one is believed as
    /// much or more.
    pub fn of(claims: impl IntoIterator<Item = Claim>) -> Self {
        let mut claims: Vec<_> = claims.into_iter().collect();
        claims.sort_unstable_by(|a, b| merge_order(a).cmp(&merge_order(b)).then_with(|| a.cmp(b)));
        claims.dedup();
        let (heads, mut seats) = merged(&claims);
        let shelf = |at: &usize| shelf(&claims[heads[*at].lead as usize]);
        let mut order: Vec<_> = (0..heads.len()).collect();
        order.sort_by_key(shelf);
        let mut starts = vec![0; heads.len()];
        let (mut places, mut shelves) = (Vec::with_capacity(heads.len()), BTreeMap::<Shelf, Range<usize>>::new());
        let mut start = 0;
        for at in order {
            let head = &heads[at];
            shelves.entry(shelf(&at)).or_insert(places.len()..0).end = places.len() + 1;
            places.push(Place { start, pooled: head.pooled });
            starts[at] = start;
            start += head.claims;
        }
        for seat in &mut seats {
            let next = &mut starts[*seat as usize];
            (*seat, *next) = (*next, *next + 1);
        }
        take_seats(&mut claims, seats);
        claims.shrink_to_fit();
        Self { claims, places, shelves }
    }

    /// The networks of `class` that share an address with `interval`.
    pub fn meeting(&self, class: Class, interval: Interval) -> impl Iterator<Item = Network<'_>> {
        self.places_meeting(class, interval).map(|at| self.network(at))
    }

    fn places_meeting(&self, class: Class, interval: Interval) -> impl Iterator<Item = usize> {
        let family = interval.family();
        let shelves = self.shelves.range((class, family, Confidence::Stale)..=(class, family, Confidence::Live));
        shelves.flat_map(move |(_, shelf)| {
            let places = &self.places[shelf.clone()];
            let start = places.partition_point(|place| self.lead(*place).interval.last_bits() < interval.first_bits());
            let met = move |at: &usize| self.lead(self.places[*at]).interval.first_bits() <= interval.last_bits();
            (shelf.start + start..shelf.end).take_while(met)
        })
    }

    /// Their claims.
    pub fn claims_meeting(&self, class: Class, interval: Interval) -> impl Iterator<Item = &Claim> {
        self.places_meeting(class, interval).flat_map(|at| self.claims_of(at))
    }

    /// The claims of all networks.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// All networks, by class, family, confidence and first address.
    pub fn iter(&self) -> impl Iterator<Item = Network<'_>> {
        (0..self.places.len()).map(|at| self.network(at))
    }

    /// How many networks there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lead(&self, place: Place) -> &Claim {
        &self.claims[place.start as usize]
    }

    fn claims_of(&self, at: usize) -> &[Claim] {
        let end = self.places.get(at + 1).map_or(self.claims.len(), |next| next.start as usize);
        &self.claims[self.places[at].start as usize..end]
    }

    fn network(&self, at: usize) -> Network<'_> {
        let claims = self.claims_of(at);
        let Claim { interval, class, confidence, .. } = claims[0];
        Network { interval, class, confidence, claims: Cow::Borrowed(claims), pooled: self.places[at].pooled }
    }
}

fn shelf(claim: &Claim) -> Shelf {
    (claim.class, claim.interval.family(), claim.confidence)
}

/// The networks of claims in merge order, and for each claim which of them holds it.
#[allow(clippy::cast_possible_truncation)] // a world of four thousand million claims fits into no memory
fn merged(claims: &[Claim]) -> (Vec<Head>, Vec<u32>) {
    let mut heads = Vec::<Head>::new();
    // The last network of a shelf is the one that reaches farthest.
    let mut last = BTreeMap::<Shelf, u32>::new();
    let mut holder = |(at, claim): (usize, &Claim)| {
        let shelf = shelf(claim);
        let holds = |head: &u32| claims[heads[*head as usize].lead as usize].interval.holds(claim.interval);
        let able = last.range(shelf..=(shelf.0, shelf.1, Confidence::Live)).map(|(_, head)| *head).find(holds);
        let head = able.unwrap_or(heads.len() as u32);
        if able.is_none() {
            heads.push(Head { lead: at as u32, claims: 0, pooled: false });
            last.insert(shelf, head);
        }
        let taken = &mut heads[head as usize];
        taken.claims += 1;
        taken.pooled |= claim.origin.pool().is_some();
        head
    };
    let holders = claims.iter().enumerate().map(&mut holder).collect();
    (heads, holders)
}

/// Puts each claim at the place that `seats` has for it, without a copy of the list.
fn take_seats(claims: &mut [Claim], mut seats: Vec<u32>) {
    for at in 0..claims.len() {
        while seats[at] as usize != at {
            let to = seats[at] as usize;
            claims.swap(at, to);
            seats.swap(at, to);
        }
    }
}

/// Containers before what they contain, equal intervals by falling confidence.
fn merge_order(claim: &Claim) -> (u128, std::cmp::Reverse<(u128, Confidence)>) {
    (claim.interval.first_bits(), std::cmp::Reverse((claim.interval.last_bits(), claim.confidence)))
}

impl Network<'_> {
    /// The first claim: the widest, and the strongest of its width.
    pub fn lead(&self) -> &Claim {
        &self.claims[0]
    }

    /// The same, apart from the world that it stands in.
    pub fn into_owned(self) -> Network<'static> {
        let Network { interval, class, confidence, claims, pooled } = self;
        Network { interval, class, confidence, claims: Cow::Owned(claims.into_owned()), pooled }
    }

    /// What is left of it without the claims that `gone` names, merged anew.
    pub fn without(&self, gone: impl Fn(&Claim) -> bool) -> Vec<Network<'static>> {
        let left = Networks::of(self.claims.iter().filter(|claim| !gone(claim)).cloned());
        left.iter().map(Network::into_owned).collect()
    }
}

#[cfg(test)]
mod tests;
