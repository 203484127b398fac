//! `unreadable-document`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::place::ObjectRef;
use crate::world::{Problem, World};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "unreadable-document",
    summary: "a document that cannot be read",
    levels: Levels::Set(D, D, D),
    page: include_str!("unreadable_document.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let findings = world.problems().iter().filter_map(|problem| {
        let Problem::Unreadable { place, why, help } = problem else { return None };
        let name = place.file.clone();
        let object = ObjectRef { api_version: String::new(), kind: "File".into(), namespace: None, name };
        let subject = format!("{}:{}", place.line, place.column);
        let message = format!("{}; it was not judged.", why.trim_end_matches('.'));
        Some(Finding { place: Some(place.clone()), ..Finding::new(RULE.id, &object, subject) }.says(message, help))
    });
    findings.collect()
}
