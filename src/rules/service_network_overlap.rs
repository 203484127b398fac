//! `service-network-overlap`

use super::levels::D;
use super::overlap;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::networks::Class;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "service-network-overlap",
    summary: "a migration network that meets services",
    levels: Levels::Set(D, D, D),
    page: include_str!("service_network_overlap.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    overlap::findings(world, RULE.id, Class::Service, "virt-handler loses these Services, perhaps the API server")
}
