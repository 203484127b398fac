//! `tight-range`

use super::levels::{O, W};
use super::range_too_small;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "tight-range",
    summary: "a pool with hardly more addresses than virt-handlers",
    levels: Levels::Set(W, W, O),
    page: include_str!("tight_range.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let tight = |usable: u128, needed: u128| usable >= needed && usable.saturating_mul(4) < needed.saturating_mul(5);
    range_too_small::findings(world, RULE.id, tight, "a node that joins or a lease that leaks soon finds none")
}
