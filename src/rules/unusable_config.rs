//! `unusable-config`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "unusable-config",
    summary: "a CNI configuration that fails",
    levels: Levels::Set(D, D, D),
    page: include_str!("unusable_config.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    judged.flat_map(|judged| judged.remarks(RULE.id, "does not work", &judged.attached.attachment.faults)).collect()
}
