//! `dhcp-routes`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;
use std::collections::BTreeSet;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "dhcp-routes",
    summary: "a DHCP client that asks for routes",
    levels: Levels::Set(D, D, W),
    page: include_str!("dhcp_routes.md"),
    check: Check::State(check),
};

const ROUTING: [(u8, &str); 3] = [(3, "routers"), (33, "static routes"), (121, "classless static routes, RFC 3442")];

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let clients = judged.filter_map(|judged| Some((judged, judged.attached.attachment.dhcp.as_ref()?)));
    let asking = clients.filter(|(_, dhcp)| !dhcp.flushed);
    let options = asking.flat_map(|(judged, dhcp)| {
        let asked = ROUTING.iter().filter(|(option, _)| dhcp.requests.contains(option));
        asked.map(move |(option, name)| (judged, dhcp, option, name))
    });
    let findings = options.map(|(judged, dhcp, option, name)| {
        let message = format!(
            "{} asks the DHCP server for option {option} ({name}): what it answers becomes a route by migration0, a \
             router a default route.",
            judged.who(),
        );
        let help = "Set ipam.request to [{\"skipDefault\": true}, {\"option\": \"subnet-mask\"}] and have the server \
                    send no routes, or use whereabouts.";
        let finding = judged.finding(RULE.id, format!("option {option}"));
        Finding { pointer: Some(dhcp.pointer.clone()), ..finding }.says(message, help)
    });
    findings.collect()
}

/// Whether an option that brings routes is asked for.
pub(super) fn asks(requests: &BTreeSet<u8>) -> bool {
    ROUTING.iter().any(|(option, _)| requests.contains(option))
}
