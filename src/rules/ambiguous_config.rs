//! `ambiguous-config`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "ambiguous-config",
    summary: "a CNI configuration that readers understand differently",
    levels: Levels::Set(D, D, D),
    page: include_str!("ambiguous_config.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    judged.flat_map(|judged| judged.remarks(RULE.id, "is ambiguous", &judged.attached.attachment.ambiguities)).collect()
}
