//! `cross-namespace-attachment`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::{Finding, Role};
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "cross-namespace-attachment",
    summary: "a migration network outside KubeVirt's namespace",
    levels: Levels::Set(W, D, O),
    page: include_str!("cross_namespace_attachment.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let namespaces = world.kubevirt_namespaces();
    let outside = world.references().iter().filter(|reference| {
        let own = reference.referrer.as_ref().and_then(|referrer| referrer.object.namespace.as_ref());
        let crosses = reference.explicit && own.is_some() && own != reference.namespace.as_ref();
        crosses && !reference.is_refused(world) && reference.targets(world).next().is_some()
    });
    let references = outside.filter_map(|reference| {
        let (subject, who) = (reference.subject(), reference.who());
        let message =
            format!("{who} names {subject}, outside its own namespace: it works until Multus isolates namespaces.");
        let help = "Create the NetworkAttachmentDefinition in the CR's namespace and name it without a namespace.";
        Some(reference.finding(RULE.id, subject)?.says(message, help))
    });
    let candidates = world.judged().iter().filter_map(|judged| {
        let nad = &judged.attached.nad;
        let namespace = nad.object.namespace.as_deref()?;
        let labelled = judged.role == Role::Candidate && nad.labelled;
        if !labelled || namespaces.is_empty() || namespaces.contains(namespace) {
            return None;
        }
        let known = namespaces.iter().copied().collect::<Vec<_>>().join(", ");
        let message =
            format!("{} is outside KubeVirt's namespace ({known}), where a bare name is looked up.", judged.who());
        let help = "Create it in KubeVirt's namespace.";
        Some(judged.finding(RULE.id, namespace).at("metadata.namespace").says(message, help))
    });
    references.chain(candidates).collect()
}
