//! `shared-pool`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::{Attached, Judged, World};
use std::sync::Arc;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "shared-pool",
    summary: "a migration network whose pool others draw from",
    levels: Levels::Set(W, W, O),
    page: include_str!("shared_pool.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter().filter(|judged| !judged.attached.attachment.own.is_empty());
    let pairs = judged.flat_map(|judged| sharing(world, judged).into_iter().map(move |other| (judged, other)));
    let findings = pairs.map(|(judged, other)| {
        let message = format!(
            "{} and {} draw from one pool: others can use up the addresses that virt-handler needs.",
            judged.who(),
            other.label(),
        );
        let help = "Give the migration network a pool of its own.";
        judged.finding(RULE.id, other.nad.object.to_string()).says(message, help)
    });
    findings.collect()
}

fn sharing(world: &World, judged: &Judged) -> Vec<Arc<Attached>> {
    let own = &judged.attached.attachment.own;
    let mut others = world.neighbours(judged);
    others.retain(|other| !own.is_disjoint(&other.attachment.own));
    others
}
