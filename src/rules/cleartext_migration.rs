//! `cleartext-migration`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "cleartext-migration",
    summary: "a dedicated migration network without TLS",
    levels: Levels::Set(W, D, O),
    page: include_str!("cleartext_migration.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let active = world.active_kubevirts().filter(|referrer| referrer.cleartext && referrer.network.is_some());
    let open = active.map(|referrer| {
        let message = format!("{} disables TLS: guest memory crosses the migration network in clear.", referrer.object);
        let finding = Finding { document: referrer.document, ..Finding::new(RULE.id, &referrer.object, "") };
        finding.at("spec.configuration.migrations.disableTLS").says(message, "Remove disableTLS.")
    });
    open.collect()
}
