//! `shared-l2-gateway`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "shared-l2-gateway",
    summary: "a bridge that puts the gateway's address on every node",
    levels: Levels::Set(W, W, O),
    page: include_str!("shared_l2_gateway.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let bridges = judged.filter_map(|judged| Some((judged, judged.attached.attachment.host_gateway.as_ref()?)));
    let findings = bridges.map(|(judged, pointer)| {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let effect = match key {
            "ipMasq" => "each node translates what leaves the network to its own address",
            _ => "every node's bridge gets the gateway's address, so that it repeats on the migration network",
        };
        let message = format!("{} sets {key}: {effect}.", judged.who());
        let help = format!("Remove {key}.");
        Finding { pointer: Some(pointer.clone()), ..judged.finding(RULE.id, "") }.says(message, help)
    });
    findings.collect()
}
