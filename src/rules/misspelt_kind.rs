//! `misspelt-kind`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::{Problem, World};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "misspelt-kind",
    summary: "a kind or group that is one letter off",
    levels: Levels::Set(D, D, W),
    page: include_str!("misspelt_kind.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let findings = world.problems().iter().filter_map(|problem| {
        let Problem::Misspelt { object, place, found, meant, .. } = problem else { return None };
        let message = format!("{object}: `{found}` is not a known word here, `{meant}` is; it was not judged.");
        let help = format!("Write `{meant}`.");
        Some(Finding { place: Some(place.clone()), ..Finding::new(RULE.id, object, found) }.says(message, help))
    });
    findings.collect()
}
