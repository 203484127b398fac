//! `tight-range`

use crate::finding::Finding;
use crate::world::World;
use super::levels::{O, W};
use super::{Check, Levels, Rule};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "tight-range",
    summary: "a pool with hardly more addresses than virt-handlers",
    levels: Levels::Set(W, W, O),
    page: include_str!("tight_range.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.filter_map(|judged| Some((judged, world.demand(judged.referrer.as_deref())?)));
    let findings = pairs.flat_map(|(judged, demand)| {
        let needed = u128::from(demand.total());
        judged.attached.attachment.pools().filter_map(move |(pool, usable, pointer)| {
            if !(usable >= needed && usable.saturating_mul(4) < needed.saturating_mul(5)) {
                return None;
            }
            let message = format!(
                "The pool {pool} of {} has {usable} usable addresses for {}: nodes that join, or leases that leak, soon leave none.",
                judged.who(),
                demand,
            );
            let help = format!("Use a range with at least {} usable addresses.", needed + needed.div_ceil(4));
            let finding = judged.finding(RULE.id, pool.to_string());
            Some(Finding { pointer: Some(pointer.clone()), ..finding }.says(message, help))
        })
    });
    findings.collect()
}
