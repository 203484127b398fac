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

/// Findings for one NAD: with all NADs judged, every pair of a large pool would be one.
const MOST: usize = 20;

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter().filter(|judged| !judged.attached.attachment.own.is_empty());
    judged.flat_map(|judged| told(judged, &sharing(world, judged))).collect()
}

/// One finding for each of the first others; the last of them says how many more there are.
fn told(judged: &Judged, others: &[Arc<Attached>]) -> Vec<Finding> {
    let rest = others.len().saturating_sub(MOST);
    let findings = others.iter().take(MOST).enumerate().map(|(at, other)| {
        let more = if rest > 0 && at + 1 == MOST { format!(", as do {rest} more") } else { String::new() };
        let message = format!(
            "{} and {} draw from one pool{more}: others can use up the addresses that virt-handler needs.",
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
