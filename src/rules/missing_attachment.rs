//! `missing-attachment`

use crate::finding::Finding;
use crate::world::World;
use super::levels::{D, W};
use super::{Check, Levels, Rule};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "missing-attachment",
    summary: "a reference to a NetworkAttachmentDefinition that does not exist",
    levels: Levels::Set(D, D, W),
    page: include_str!("missing_attachment.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let fires = world.lists().nads && world.lists().at_rest;
    let absent = world.references().iter().filter(|reference| fires && reference.is_absent(world));
    absent.filter_map(|reference| reference.absence(RULE.id, "names a NetworkAttachmentDefinition that does not exist", "virt-handler stays in ContainerCreating")).collect()
}
