//! `missing-attachment`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "missing-attachment",
    summary: "a reference to a NetworkAttachmentDefinition that does not exist",
    levels: Levels::Set(D, D, W),
    page: include_str!("missing_attachment.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let fires = world.is_missing_a_fact();
    let absent = world.references().iter().filter(|reference| fires && reference.is_absent(world));
    let what = "names a NetworkAttachmentDefinition that does not exist";
    let harm = "virt-handler stays in ContainerCreating";
    absent.filter_map(|reference| reference.absence(RULE.id, what, harm)).collect()
}
