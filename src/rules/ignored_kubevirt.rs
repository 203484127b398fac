//! `ignored-kubevirt`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::objects::Referrer;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "ignored-kubevirt",
    summary: "a second KubeVirt CR, which the operator ignores",
    levels: Levels::Set(W, W, O),
    page: include_str!("ignored_kubevirt.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let several = |one: &Referrer| world.active_kubevirts().any(|other| !other.object.is_same(&one.object));
    let doubtful = world.active_kubevirts().any(|one| several(one));
    let kubevirts = world.referrers().filter(|referrer| referrer.is_kubevirt() && !referrer.deleting);
    let ignored = kubevirts.filter_map(|referrer| {
        let ignored = world.is_ignored(referrer);
        if !(ignored || doubtful) {
            return None;
        }
        let message = if ignored {
            format!("{} is ignored by virt-operator, which acts on another KubeVirt.", referrer.object)
        } else {
            format!("{} is one of several KubeVirts; nothing tells which one virt-operator acts on.", referrer.object)
        };
        let finding = Finding { document: referrer.document, ..Finding::new(RULE.id, &referrer.object, "") };
        Some(finding.at("metadata.name").says(message, "Keep one KubeVirt in the cluster."))
    });
    ignored.collect()
}
