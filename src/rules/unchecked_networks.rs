//! `unchecked-networks`

use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::networks::Class;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "unchecked-networks",
    summary: "a network class that nothing is known of",
    levels: Levels::Unknown,
    page: include_str!("unchecked_networks.md"),
    check: Check::State(check),
};

const DEMANDED: [(Class, &str); 3] =
    [(Class::Pod, "--pod-cidr"), (Class::Service, "--service-cidr"), (Class::Node, "the networks file's `nodes`")];

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| DEMANDED.map(|(class, flag)| (judged, class, flag)));
    let findings = pairs.filter_map(|(judged, class, flag)| {
        let why = world.unknown(class)?;
        let message = format!("{} was not compared with all {class} networks. {why}", judged.who());
        let help = format!("Name them: {flag}, or a networks file, or a snapshot of the cluster.");
        Some(judged.finding(RULE.id, class.name()).says(message, help))
    });
    findings.collect()
}
