//! `no-route-to-peers`

use super::levels::{D, W};
use super::special_range;
use super::{Check, Levels, Rule};
use crate::cni::Attachment;
use crate::finding::Finding;
use crate::net::Prefix;
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
    let pairs = judged.flat_map(|judged| off_link(&judged.attached.attachment).map(move |one| (judged, one)));
    let findings = pairs.map(|(judged, (subject, prefix, why))| {
        let message = format!(
            "After all plugins {prefix} of {} has no on-link route in the main table ({why}): virt-handlers do not \
             reach each other by migration0.",
            judged.who(),
        );
        let help = "Give addresses with the subnet's own prefix length, and leave sbr, vrf and ptp out.";
        judged.finding(RULE.id, subject).says(message, help)
    });
    findings.collect()
}

/// Subject, prefix and why; what the DHCP server gives is detached like any other, whatever it is.
fn off_link(attachment: &Attachment) -> impl Iterator<Item = (String, String, &'static str)> {
    let known = detached(attachment).map(|(prefix, why)| (prefix.to_string(), prefix.to_string(), *why));
    let leased = attachment.dhcp.as_ref().and(attachment.detached_by);
    known.chain(leased.map(|why| ("dhcp".to_owned(), "the DHCP server's prefix".to_owned(), why)))
}

/// A wide prefix that the kernel gives no route because of where it lies is special-range's matter: one cause.
fn detached(attachment: &Attachment) -> impl Iterator<Item = &(Prefix, &'static str)> {
    let named = |prefix: Prefix| !prefix.is_single() && special_range::what(prefix).is_some();
    attachment.detached.iter().filter(move |(prefix, _)| !named(*prefix))
}
