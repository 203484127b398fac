//! `default-route`

use super::levels::D;
use super::overlap;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::net::Family;
use crate::world::{Judged, World};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "default-route",
    summary: "a default route by the migration network",
    levels: Levels::Set(D, D, D),
    page: include_str!("default_route.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| Family::ALL.map(|family| (judged, family)));
    let findings = pairs.filter_map(|(judged, family)| {
        let attachment = &judged.attached.attachment;
        let parts = overlap::default_parts(attachment, family);
        let first = parts.first()?;
        let route = overlap::main_routes(attachment).find(|route| route.dst.interval() == *first)?;
        let via = route.via.map_or_else(String::new, |via| format!(" via {via}"));
        let list = overlap::listed(&parts);
        let together = if parts.len() > 1 { ", which together are a default route" } else { "" };
        let message = format!(
            "{} routes {list}{via} by migration0{together} ({}): virt-handler loses the API server.",
            judged.who(),
            route.origin,
        );
        let prefix = attachment.addresses.iter().any(|address| address.prefix == route.dst);
        let help = match (prefix, parts.len()) {
            (true, _) => "Give the address its subnet's own prefix length.",
            (false, 1) => "Remove the route: migration peers are on-link and need none.",
            (false, _) => "Remove these routes: migration peers are on-link and need none.",
        };
        let finding = judged.finding(RULE.id, family.to_string());
        Some(Finding { pointer: Some(route.pointer.clone()), ..finding }.says(message, help))
    });
    findings.chain(world.judged().iter().filter_map(by_lease)).collect()
}

/// A default by the gateway of a DHCP lease: that it comes is certain, only the gateway is not.
fn by_lease(judged: &Judged) -> Option<Finding> {
    let dhcp = judged.attached.attachment.dhcp.as_ref().filter(|dhcp| !dhcp.flushed)?;
    let pointer = dhcp.default.clone()?;
    let message = format!(
        "{} routes 0.0.0.0/0 by migration0 via the gateway of the DHCP lease ({pointer}), even if the server sends none: \
         virt-handler loses the API server.",
        judged.who(),
    );
    let finding = judged.finding(RULE.id, Family::V4.to_string());
    Some(Finding { pointer: Some(pointer), ..finding }.says(message, "Remove the key: migration peers are on-link."))
}
