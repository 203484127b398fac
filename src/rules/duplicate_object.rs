//! `duplicate-object`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::{Problem, World};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "duplicate-object",
    summary: "one object twice in the files",
    levels: Levels::Set(W, D, O),
    page: include_str!("duplicate_object.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let findings = world.problems().iter().filter_map(|problem| {
        let Problem::Duplicate { object, document, place, first } = problem else { return None };
        let message =
            format!("{object} stands twice; the first is in {} line {}. Each was judged.", first.file, first.line);
        let finding =
            Finding { document: Some(*document), place: Some(place.clone()), ..Finding::new(RULE.id, object, "") };
        Some(finding.at("metadata.name").says(message, "Keep one of them, or check each set of files on its own."))
    });
    findings.collect()
}
