//! `unchecked-networks`

use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::networks::Class;
use crate::networks::classes::remedy;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "unchecked-networks",
    summary: "a network class that nothing is known of",
    levels: Levels::Unknown,
    page: include_str!("unchecked_networks.md"),
    check: Check::State(check),
};

const DEMANDED: [Class; 3] = [Class::Pod, Class::Service, Class::Node];

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| DEMANDED.map(|class| (judged, class)));
    let findings = pairs.filter_map(|(judged, class)| {
        let why = world.unknown(class)?;
        let message = format!("{} was not compared with all {class} networks: {why}.", judged.who());
        let mut help = remedy(class).replacen("list", "List", 1);
        help.push('.');
        Some(judged.finding(RULE.id, class.name()).says(message, help))
    });
    findings.collect()
}
