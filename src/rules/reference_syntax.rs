//! `reference-syntax`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "reference-syntax",
    summary: "a reference that Multus cannot read, or reads as several",
    levels: Levels::Set(D, D, D),
    page: include_str!("reference_syntax.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let faulty = world.references().iter().filter_map(|reference| {
        let network = reference.network.as_ref()?;
        let why = network.read.fault.as_ref()?;
        let referrer = reference.referrer.as_ref()?;
        let message = format!("The migration network `{}` of {} does not work: {why}.", network.text, referrer.object);
        let help = "Write the bare name of a NetworkAttachmentDefinition in the same namespace, or remove the field.";
        Some(reference.finding(RULE.id, &network.text)?.says(message, help))
    });
    faulty.collect()
}
