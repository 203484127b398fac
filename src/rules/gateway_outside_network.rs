//! `gateway-outside-network`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "gateway-outside-network",
    summary: "a gateway off the network that no route uses",
    levels: Levels::Set(W, W, O),
    page: include_str!("gateway_outside_network.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| judged.attached.attachment.idle_gateways.iter().map(move |at| (judged, at)));
    let off = pairs.filter(|(judged, (gateway, _))| !judged.attached.attachment.is_on_link(*gateway));
    let findings = off.map(|(judged, (gateway, pointer))| {
        let message = format!(
            "The gateway {gateway} of {} lies in none of its on-link prefixes; no route uses it yet.",
            judged.who(),
        );
        let finding = judged.finding(RULE.id, gateway.to_string());
        let help = "Remove the gateway: a migration network needs none.";
        Finding { pointer: Some(pointer.clone()), ..finding }.says(message, help)
    });
    findings.collect()
}
