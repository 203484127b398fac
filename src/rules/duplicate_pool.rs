//! `duplicate-pool`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::cni::Lease;
use crate::finding::Finding;
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
    let own = &judged.attached.attachment.leases;
    if own.is_empty() {
        return Vec::new();
    }
    let mut others = world.neighbours(judged);
    others.retain(|other| other.attachment.leases.iter().any(|lease| own.iter().any(|mine| collide(mine, lease))));
    others
}

/// One pool object is safe; two are if they share a network_name and both check the other ranges.
fn collide(a: &Lease, b: &Lease) -> bool {
    let same_pool = a.prefix == b.prefix && a.network_name == b.network_name;
    let checked = a.network_name == b.network_name && a.overlap_checked && b.overlap_checked;
    a.pool.meets(b.pool) && !same_pool && !checked
}
