//! The nodes whose interfaces are known, by their NodeNetworkStates.

use super::{Nodes, World};
use crate::net::Interval;
use crate::networks::{Claim, Class, Networks};
use crate::objects::{Placement, Referrer};
use crate::sources::Found;
use crate::sources::node_network_state::Host;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of the interfaces of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// By name; only nodes whose NodeNetworkState lists every interface.
    watched: Vec<Watched>,
    /// Names of the other nodes, which are judged by nobody.
    unwatched: Vec<String>,
}

/// A node whose interfaces are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The node's name.
    pub name: String,
    /// Its interfaces.
    pub host: Host,
    /// Where the Node object stands in [`Nodes::seen`].
    seen: Option<usize>,
}

impl Interfaces {
    /// From NodeNetworkStates, and from what is known of nodes.
    pub fn of(found: &[Arc<Found>], nodes: &Nodes) -> Self {
        let hosts = found.iter().filter_map(|one| Some((&one.object.name, one.host.as_ref()?)));
        let hosts: BTreeMap<_, _> = hosts.filter(|(_, host)| host.whole).collect();
        if found.iter().all(|one| one.host.is_none()) {
            return Self::default();
        }
        let names = nodes.names();
        let watched = hosts.iter().map(|(name, host)| Watched {
            name: (*name).clone(),
            host: (*host).clone(),
            seen: names.get(name.as_str()).copied().flatten(),
        });
        let without = found.iter().filter(|one| one.host.is_some()).map(|one| one.object.name.as_str());
        let without: BTreeSet<_> = names.keys().copied().chain(without).collect();
        let unwatched = without.into_iter().filter(|name| !hosts.contains_key(&(*name).to_owned()));
        Self { watched: watched.collect(), unwatched: unwatched.map(str::to_owned).collect() }
    }

    /// How many nodes are judged, and which are not; `None` if no NodeNetworkState is in the world.
    pub fn sentence(&self) -> Option<String> {
        let (known, nodes) = (self.watched.len(), if self.watched.len() == 1 { "node" } else { "nodes" });
        match self.unwatched.as_slice() {
            [] if known == 0 => None,
            [] => Some(format!("The interfaces of {known} {nodes} are known.")),
            [first] => Some(format!(
                "The interfaces of {known} {nodes} are known; {first} has no NodeNetworkState that can be read, and is \
                 not judged by it."
            )),
            [first, rest @ ..] => Some(format!(
                "The interfaces of {known} {nodes} are known; {first} and {} more have no NodeNetworkState that can be \
                 read, and are not judged by it.",
                rest.len()
            )),
        }
    }

    /// Whether no node is judged.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// How many nodes nobody judges.
    pub fn unwatched(&self) -> usize {
        self.unwatched.len()
    }
}

impl World {
    /// What is known of the interfaces of nodes.
    pub fn interfaces(&self) -> &Interfaces {
        &self.base.interfaces
    }

    /// The nodes that virt-handler runs on and whose interfaces are known, by name. `referrer` places virt-handler.
    pub fn watched(&self, referrer: Option<&Referrer>) -> Vec<&Watched> {
        if self.base.interfaces.watched.is_empty() {
            return Vec::new();
        }
        let beside = self.kubevirt_beside(referrer);
        let usual = Placement::default();
        let placement = beside.as_deref().or(referrer).map_or(&usual, |referrer| &referrer.placement);
        let nodes = &self.base.nodes;
        let watched = self.base.interfaces.watched.iter();
        watched.filter(|one| nodes.run_on(&one.name, one.seen, placement)).collect()
    }
}

/// What the NodeNetworkStates claim, beside `others`, which say what an address is for: the prefix of a node's primary
/// address is the node's; one inside a pod, service or internal network is an interface of the CNI and says nothing new.
pub(super) fn claims(found: &[Arc<Found>], others: &[Claim], whole: bool) -> Vec<Claim> {
    const CNI: [Class; 3] = [Class::Pod, Class::Service, Class::CniInternal];
    let hosts: Vec<_> = found.iter().filter_map(|one| Some((one, one.host.as_ref()?))).collect();
    if hosts.is_empty() {
        return Vec::new();
    }
    let primary: BTreeSet<_> = others.iter().filter(|claim| claim.class == Class::Node).map(|c| c.interval).collect();
    let known = Networks::of(others.iter().filter(|claim| CNI.contains(&claim.class)).cloned());
    let is_cni = |interval: Interval| {
        CNI.iter().any(|class| known.meeting(*class, interval).any(|network| network.interval.holds(interval)))
    };
    let claims = hosts.into_iter().flat_map(|(one, host)| one.claims_in(whole, []).into_iter().zip(&host.addresses));
    let placed = claims.filter_map(|(claim, address)| {
        let own = primary.contains(&claim.interval) || primary.contains(&Interval::single(*address));
        let class = if own { Class::Node } else { claim.class };
        (own || !is_cni(claim.interval)).then_some(Claim { class, ..claim })
    });
    placed.collect()
}
