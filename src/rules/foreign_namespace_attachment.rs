//! `foreign-namespace-attachment`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::{Reference, World};
use std::collections::BTreeSet;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "foreign-namespace-attachment",
    summary: "a reference that Multus looks up in the wrong namespace or refuses",
    levels: Levels::Set(D, D, D),
    page: include_str!("foreign_namespace_attachment.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let references = world.references().iter();
    references.filter_map(|reference| refused(world, reference).or_else(|| elsewhere(world, reference))).collect()
}

/// `ns/name` that Multus refuses because it isolates namespaces.
fn refused(world: &World, reference: &Reference) -> Option<Finding> {
    if !reference.is_refused(world) {
        return None;
    }
    let (subject, who) = (reference.subject(), reference.who());
    let message = format!(
        "{who} names {subject}, but Multus isolates namespaces here and refuses it: virt-handler stays in \
         ContainerCreating."
    );
    let own = reference.referrer.as_ref().and_then(|r| r.object.namespace.as_deref()).unwrap_or("KubeVirt's namespace");
    let help = format!("Create the NetworkAttachmentDefinition in {own} and name it without a namespace.");
    Some(reference.finding(RULE.id, subject)?.says(message, help))
}

/// A bare name that exists only in other namespaces.
fn elsewhere(world: &World, reference: &Reference) -> Option<Finding> {
    let name = reference.name.as_deref()?;
    let own = reference.namespace.as_deref()?;
    if reference.explicit || reference.targets(world).next().is_some() {
        return None;
    }
    let others: BTreeSet<_> = world.nads_named(name).filter_map(|a| a.nad.object.namespace.as_deref()).collect();
    let seen = others.iter().next()?;
    let list = others.iter().copied().collect::<Vec<_>>().join(", ");
    let who = reference.who();
    let message = format!(
        "{who} names `{name}`, which Multus looks up in {own}; it was seen only in {list}: virt-handler stays in \
         ContainerCreating."
    );
    let help = format!("Create the NetworkAttachmentDefinition `{name}` in {own} (copy it from {seen}).");
    Some(reference.finding(RULE.id, reference.subject())?.says(message, help))
}
