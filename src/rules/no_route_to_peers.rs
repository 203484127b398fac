//! `no-route-to-peers`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "no-route-to-peers",
    summary: "an attachment whose peers are not on-link",
    levels: Levels::Set(D, D, W),
    page: include_str!("no_route_to_peers.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| judged.attached.attachment.detached.iter().map(move |one| (judged, one)));
    let findings = pairs.map(|(judged, (prefix, why))| {
        let message = format!(
            "After all plugins {prefix} of {} has no on-link route in the main table ({why}): virt-handlers do not \
             reach each other by migration0.",
            judged.who(),
        );
        let help = "Give addresses with the subnet's own prefix length, and leave sbr, vrf and ptp out.";
        judged.finding(RULE.id, prefix.to_string()).says(message, help)
    });
    findings.collect()
}
