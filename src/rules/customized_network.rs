//! `customized-network`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "customized-network",
    summary: "a migration network that a patch decides",
    levels: Levels::Set(W, D, O),
    page: include_str!("customized_network.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let active = world.referrers().filter(|referrer| !referrer.deleting && !world.is_ignored(referrer));
    let patched = active.filter_map(|referrer| {
        let path = referrer.customized.as_ref()?;
        let result = match &referrer.network {
            Some(network) => format!("to `{}`", network.text),
            None => "away: there is no dedicated network".to_owned(),
        };
        let message = format!("A patch in {} changes the migration network {result}.", referrer.object);
        let help = "Set the field instead, so that what is written is what holds.";
        let finding = Finding { document: referrer.document, ..Finding::new(RULE.id, &referrer.object, path) };
        Some(finding.at(path).says(message, help))
    });
    patched.collect()
}
