//! `unseen-attachment`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "unseen-attachment",
    summary: "a reference to a NetworkAttachmentDefinition that has not been seen yet",
    levels: Levels::Set(W, D, O),
    page: include_str!("unseen_attachment.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let fires = !world.is_missing_a_fact();
    let absent = world.references().iter().filter(|reference| fires && reference.is_absent(world));
    let what = "names a NetworkAttachmentDefinition that has not been seen";
    let harm = "unless it comes, virt-handler stays in ContainerCreating";
    absent.filter_map(|reference| reference.absence(RULE.id, what, harm)).collect()
}
