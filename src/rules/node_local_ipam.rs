//! `node-local-ipam`

use super::levels::{D, W};
use super::{Check, Levels, Rule};
use crate::cni::Scope;
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "node-local-ipam",
    summary: "addresses that repeat on each node",
    levels: Levels::Set(D, D, W),
    page: include_str!("node_local_ipam.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let findings = world.judged().iter().filter_map(|judged| {
        let single = world.demand(judged.referrer.as_deref()).is_some_and(|demand| demand.nodes == 1);
        let addresses = judged.attached.attachment.addresses.iter();
        let local = addresses.filter(|address| !single && address.scope != Scope::Cluster).max_by_key(|a| a.scope)?;
        let how = match local.scope {
            Scope::Fixed => "a fixed address, the same on every node",
            _ => "addresses from a store on each node, so that nodes give out the same ones",
        };
        let message = format!("{} gives {how}: migrations reach the wrong node, or the node itself.", judged.who());
        let help = "Use an IPAM whose pool is the cluster's, for example whereabouts.";
        let finding = judged.finding(RULE.id, "");
        Some(Finding { pointer: Some(local.pointer.clone()), ..finding }.says(message, help))
    });
    findings.collect()
}
