//! `secondary-network-overlap`

use super::levels::{D, O, W};
use super::overlap;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::networks::Class;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "secondary-network-overlap",
    summary: "a migration network that meets load balancers or other attachments",
    levels: Levels::Set(W, D, O),
    page: include_str!("secondary_network_overlap.md"),
    check: Check::State(check),
};

const CLASSES: [Class; 3] = [Class::LoadBalancer, Class::Secondary, Class::Other];

fn check(world: &World) -> Vec<Finding> {
    let harm = "virt-handler reaches them by migration0 only";
    let all = world.judged().iter().flat_map(|judged| {
        let doubled = super::duplicate_pool::doubles(world, judged);
        let told = move |finding: &Finding| {
            let origin = finding.fact.as_ref().map(|fact| &fact.origin.object);
            !doubled.iter().any(|other| origin.is_some_and(|object| object.is_same(&other.nad.object)))
        };
        overlap::of_judged(world, judged, RULE.id, &CLASSES, harm).into_iter().filter(told)
    });
    all.collect()
}
