//! `routes-off-network`

use super::levels::{D, O, W};
use super::overlap::{self, Own};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::networks::Class;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "routes-off-network",
    summary: "a route by the migration network to somewhere else",
    levels: Levels::Set(W, D, O),
    page: include_str!("routes_off_network.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| {
        let attachment = &judged.attached.attachment;
        let inside = |own: &Own| attachment.addresses.iter().any(|a| a.prefix.interval().holds(own.interval));
        let beyond = overlap::owned(attachment).into_iter().filter(move |own| own.route && !inside(own));
        beyond.map(move |own| (judged, own))
    });
    let free = pairs
        .filter(|(judged, own)| Class::ALL.iter().all(|class| world.meeting(judged, *class, own.interval).is_empty()));
    let findings = free.map(|(judged, own)| {
        let message = format!(
            "{} routes {} by migration0, beyond its own network; it meets no network that is known.",
            judged.who(),
            own.interval,
        );
        let help = "Remove the route: migration peers are on-link and need none.";
        Finding { pointer: Some(own.pointer), ..judged.finding(RULE.id, own.interval.to_string()) }.says(message, help)
    });
    findings.collect()
}
