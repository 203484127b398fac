//! `dhcp-may-route`

use super::dhcp_routes;
use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "dhcp-may-route",
    summary: "a DHCP client whose server decides on routes and prefix",
    levels: Levels::Set(W, W, O),
    page: include_str!("dhcp_may_route.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let clients = judged.filter_map(|judged| Some((judged, judged.attached.attachment.dhcp.as_ref()?)));
    let quiet = clients.filter(|(_, dhcp)| dhcp.flushed || !dhcp_routes::asks(&dhcp.requests));
    let findings = quiet.map(|(judged, dhcp)| {
        let survive = "on-link routes that it sends survive the flush";
        let routes = if dhcp.flushed { survive } else { "it can send routes unasked" };
        let message = format!(
            "{} takes its address by DHCP: the server chooses the prefix, which was not compared, and {routes}.",
            judged.who(),
        );
        let help = "Check that the server's subnet meets no cluster network and that it sends no routes.";
        Finding { pointer: Some(dhcp.pointer.clone()), ..judged.finding(RULE.id, "") }.says(message, help)
    });
    findings.collect()
}
