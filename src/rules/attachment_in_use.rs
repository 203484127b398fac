//! `attachment-in-use`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::finding::{Finding, Role};
use crate::objects::Object;
use crate::world::{Change, World};

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "attachment-in-use",
    summary: "deletion of a NetworkAttachmentDefinition in use",
    levels: Levels::Set(D, D, W),
    page: include_str!("attachment_in_use.md"),
    check: Check::Change(check),
};

fn check(change: &Change, before: &World, after: &World) -> Vec<Finding> {
    let (Some(Object::Nad(nad)), None) = (&change.before, &change.after) else { return Vec::new() };
    let holds = |world: &World| world.nads_named(&nad.object.name).any(|a| a.nad.object.is_same(&nad.object));
    if nad.deleting || !holds(before) || holds(after) {
        return Vec::new();
    }
    let using = after.references().iter().filter(|reference| {
        let same = reference.namespace.is_none() || reference.namespace == nad.object.namespace;
        same && reference.name.as_deref() == Some(&nad.object.name)
    });
    let findings = using.map(|reference| {
        let who = reference.who();
        let message =
            format!("{} is in use: {who} names it. Without it virt-handler does not start again.", nad.object);
        let help = "Point the CR to another network first, or set its network to null; then delete.";
        Finding {
            document: nad.document,
            referrer: reference.referrer.as_ref().map(|referrer| referrer.object.clone()),
            role: Role::Reference(reference.subject()),
            ..Finding::new(RULE.id, &nad.object, reference.subject())
        }
        .at("metadata.name")
        .says(message, help)
    });
    findings.collect()
}
