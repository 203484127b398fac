//! What the addresses of a judged NAD meet, with the writes that are laid over a world.

use super::{Attached, Judged, World};
use crate::net::Interval;
use crate::networks::{Claim, Class, Network, Networks};
use crate::objects::kind_of;
use std::collections::BTreeSet;
use std::sync::Arc;

impl World {
    /// The networks of `class` that meet `interval` and are not the judged NAD's own.
    pub fn meeting(&self, judged: &Judged, class: Class, interval: Interval) -> Vec<Network<'_>> {
        let Attached { nad, attachment, .. } = judged.attached.as_ref();
        let own = |claim: &Claim| {
            let is = |pool: &str| attachment.own.contains(pool) || nad.made_by.contains(pool);
            claim.origin.object.is_same(&nad.object) || claim.origin.pool().is_some_and(is)
        };
        let excluded = |claim: &Claim| own(claim) || self.is_gone(&claim.origin.object);
        let below: Vec<_> = self.base.networks.meeting(class, interval).collect();
        let near = below.iter().map(|network| network.interval).chain([interval]);
        let laid: Vec<_> = claims(&self.over.networks, class, near).filter(|claim| !own(claim)).collect();
        if !laid.is_empty() {
            return self.merged(class, interval, &laid, excluded);
        }
        let left = below.into_iter().flat_map(|network| {
            if self.may_exclude(&network) && network.claims.iter().any(excluded) {
                network.without(excluded)
            } else {
                vec![network]
            }
        });
        left.filter(|network| network.interval.meets(interval)).collect()
    }

    /// The networks that meet `interval` once the claims laid over are merged with those below, as in a world made anew.
    fn merged(
        &self,
        class: Class,
        interval: Interval,
        laid: &[&Claim],
        excluded: impl Fn(&Claim) -> bool,
    ) -> Vec<Network<'_>> {
        let near = laid.iter().map(|claim| claim.interval).chain([interval]);
        let below = claims(&self.base.networks, class, near).filter(|claim| !excluded(claim));
        let networks = Networks::of(below.chain(laid.iter().copied()).cloned());
        networks.iter().filter(|network| network.interval.meets(interval)).map(Network::into_owned).collect()
    }

    /// The other NADs whose on-link prefixes meet those of the judged one, by name.
    pub fn neighbours(&self, judged: &Judged) -> Vec<Arc<Attached>> {
        let own = &judged.attached.nad.object;
        let prefixes = judged.attached.attachment.addresses.iter().map(|address| address.prefix.interval());
        let claims = prefixes.flat_map(|prefix| {
            let near = |networks| claims(networks, Class::Secondary, std::iter::once(prefix));
            let below = near(&self.base.networks).filter(|claim| !self.is_gone(&claim.origin.object));
            below.chain(near(&self.over.networks)).filter(move |claim| claim.interval.meets(prefix))
        });
        let named: BTreeSet<_> =
            claims.map(|claim| &claim.origin.object).filter(|object| !object.is_same(own)).collect();
        named.into_iter().flat_map(|object| self.nads_at(object).cloned()).collect()
    }

    /// Whether a claim of the network can be a NAD's own or laid over: spares looking at each of many node claims.
    fn may_exclude(&self, network: &Network<'_>) -> bool {
        let sources_gone = self.over.gone.iter().any(|object| kind_of(object).is_none());
        network.class == Class::Secondary || network.pooled || sources_gone
    }
}

/// The claims of every network of `class` that meets one of the intervals.
fn claims(networks: &Networks, class: Class, near: impl Iterator<Item = Interval>) -> impl Iterator<Item = &Claim> {
    near.flat_map(move |near| networks.claims_meeting(class, near))
}
