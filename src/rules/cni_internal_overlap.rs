//! `cni-internal-overlap`

use super::levels::{D, W};
use super::overlap;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::networks::Class;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "cni-internal-overlap",
    summary: "a migration network that meets the CNI's own ranges",
    levels: Levels::Set(D, D, W),
    page: include_str!("cni_internal_overlap.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    overlap::findings(world, RULE.id, Class::CniInternal, "what virt-handler answers to them leaves by migration0")
}
