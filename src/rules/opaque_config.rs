//! `opaque-config`

use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "opaque-config",
    summary: "a CNI configuration whose meaning stands elsewhere",
    levels: Levels::Unknown,
    page: include_str!("opaque_config.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let remarks = judged.flat_map(|judged| {
        let opaque = &judged.attached.attachment.opaque;
        judged.remarks(RULE.id, "cannot be judged in full", opaque)
    });
    remarks.collect()
}
