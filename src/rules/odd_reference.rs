//! `odd-reference`

use super::levels::{D, O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "odd-reference",
    summary: "blanks or an empty namespace in a reference",
    levels: Levels::Set(W, D, O),
    page: include_str!("odd_reference.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let odd = world.references().iter().filter_map(|reference| {
        let network = reference.network.as_ref()?;
        let why = network.read.oddity.as_ref()?;
        let referrer = reference.referrer.as_ref()?;
        let message =
            format!("The migration network `{}` of {} is oddly written: {why}.", network.text, referrer.object);
        let plain = if reference.explicit { reference.subject() } else { reference.name.clone().unwrap_or_default() };
        let help = format!("Write `{plain}`.");
        Some(reference.finding(RULE.id, &network.text)?.says(message, help))
    });
    odd.collect()
}
