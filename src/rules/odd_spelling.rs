//! `odd-spelling`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "odd-spelling",
    summary: "a CNI configuration that works although it is oddly written",
    levels: Levels::Set(W, D, O),
    page: include_str!("odd_spelling.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let remarks = judged.flat_map(|judged| {
        let oddities = &judged.attached.attachment.oddities;
        judged.remarks(RULE.id, "is oddly written", oddities)
    });
    remarks.collect()
}
