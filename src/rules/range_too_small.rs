//! `range-too-small`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "range-too-small",
    summary: "a pool with fewer addresses than virt-handlers",
    levels: Levels::Set(D, D, W),
    page: include_str!("range_too_small.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    // No usable address at all makes ADD fail: unusable-config says so alone.
    let short = |usable: u128, needed: u128| usable > 0 && usable < needed;
    findings(world, RULE.id, short, "virt-handler does not start on every node")
}

/// One finding for each pool of which `falls_short` says so, given its usable and the needed addresses.
pub(super) fn findings(
    world: &World,
    rule: &'static str,
    falls_short: fn(u128, u128) -> bool,
    harm: &str,
) -> Vec<Finding> {
    let judged = world.judged().iter();
    let demands = judged.filter_map(|judged| Some((judged, world.demand(judged.referrer.as_deref())?)));
    let short = demands.flat_map(|(judged, demand)| {
        let needed = u128::from(demand.total());
        let pools = judged.attached.attachment.pools().filter(move |(_, usable, _)| falls_short(*usable, needed));
        pools.map(move |(pool, usable, pointer)| {
            let message =
                format!("The pool {pool} of {} has {usable} usable addresses for {demand}: {harm}.", judged.who());
            let help = format!("Use a range with at least {} usable addresses.", needed + needed.div_ceil(4));
            let finding = judged.finding(rule, pool.to_string());
            Finding { pointer: Some(pointer.clone()), ..finding }.says(message, help)
        })
    });
    short.collect()
}
