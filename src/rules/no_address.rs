//! `no-address`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "no-address",
    summary: "an attachment that gives no address",
    levels: Levels::Set(D, D, D),
    page: include_str!("no_address.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let bare = world.judged().iter().filter(|judged| judged.attached.attachment.gives_no_address());
    let findings = bare.map(|judged| {
        let message =
            format!("{} gives migration0 no address: virt-handler finds none and panics as it starts.", judged.who());
        let help = "Add an `ipam` that gives every node an address of its own, for example whereabouts with a `range`.";
        judged.finding(RULE.id, "").says(message, help)
    });
    findings.collect()
}
