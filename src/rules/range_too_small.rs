//! `range-too-small`

use crate::finding::Finding;
use crate::world::World;
use super::levels::{D, W};
use super::{Check, Levels, Rule};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "range-too-small",
    summary: "a pool with fewer addresses than virt-handlers",
    levels: Levels::Set(D, D, W),
    page: include_str!("range_too_small.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.filter_map(|judged| Some((judged, world.demand(judged.referrer.as_deref())?)));
    let findings = pairs.flat_map(|(judged, demand)| {
        let needed = u128::from(demand.total());
        judged.attached.attachment.pools().filter_map(move |(pool, usable, pointer)| {
            if usable == 0 || usable >= needed {
                return None;
            }
            let message = format!(
                "The pool {pool} of {} has {usable} usable addresses for {}: virt-handler does not start on every node.",
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
