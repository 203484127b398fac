//! `duplicate-pool`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::cni::{Attachment, Lease, Taken};
use crate::finding::Finding;
use crate::net::{Interval, free_count};
use crate::world::{Attached, Judged, World};
use std::sync::Arc;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "duplicate-pool",
    summary: "two attachments that give out the same addresses unseen by each other",
    levels: Levels::Set(D, D, W),
    page: include_str!("duplicate_pool.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| doubles(world, judged).into_iter().map(move |other| (judged, other)));
    let findings = pairs.map(|(judged, other)| {
        let message = format!(
            "{} and {} give out the same addresses unseen by each other: one address ends up twice on the network.",
            judged.who(),
            other.label(),
        );
        let help = "Give each its own range, or the same range and the same network_name.";
        let pointer = judged.attached.attachment.leases.first().map(|lease| lease.pointer.clone());
        Finding { pointer, ..judged.finding(RULE.id, other.nad.object.to_string()) }.says(message, help)
    });
    findings.collect()
}

/// The NADs whose whereabouts leases can be equal to the judged one's.
pub(super) fn doubles(world: &World, judged: &Judged) -> Vec<Arc<Attached>> {
    let own = &judged.attached.attachment;
    if own.leases.is_empty() {
        return Vec::new();
    }
    let mut others = world.neighbours(judged);
    others.retain(|other| {
        let mut pairs =
            other.attachment.leases.iter().flat_map(|lease| own.leases.iter().map(move |mine| (mine, lease)));
        pairs.any(|(mine, lease)| collide(mine, lease) && give_the_same((own, mine), (&other.attachment, lease)))
    });
    others
}

/// One pool object is safe; two are if they share a network_name and both check the other ranges.
fn collide(a: &Lease, b: &Lease) -> bool {
    let same_pool = a.prefix == b.prefix && a.network_name == b.network_name;
    let checked = a.network_name == b.network_name && a.overlap_checked && b.overlap_checked;
    a.pool.meets(b.pool) && !same_pool && !checked
}

/// Whether an address is left that neither excludes: clusters and tenants share a range by excludes.
fn give_the_same(a: (&Attachment, &Lease), b: (&Attachment, &Lease)) -> bool {
    let holes = [a, b].map(|(attachment, lease)| holes(attachment, lease)).concat();
    a.1.pool.intersection(b.1.pool).is_some_and(|common| free_count(common, holes) > 0)
}

fn holes(attachment: &Attachment, lease: &Lease) -> Vec<Interval> {
    let pools = attachment.addresses.iter().filter(|address| address.pointer == lease.pointer);
    let holes = pools.filter_map(|address| match &address.taken {
        Taken::Pool(pool, holes) if *pool == lease.pool => Some(holes.clone()),
        _ => None,
    });
    holes.flatten().collect()
}
