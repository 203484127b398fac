//! `implicit-master`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::cni::Uplink;
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "implicit-master",
    summary: "an attachment on the node's uplink by default",
    levels: Levels::Set(W, W, O),
    page: include_str!("implicit_master.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let links = judged.flat_map(|judged| judged.attached.attachment.chain.iter().map(move |link| (judged, link)));
    // vlan has no default for it: its ADD fails, and unusable-config says so.
    let implicit = links.filter(|(_, link)| link.uplink == Uplink::Implicit && link.plugin != "vlan");
    let findings = implicit.map(|(judged, link)| {
        let message = format!(
            "{} names no master for {}: it takes the interface of the node's default route, the cluster's own uplink.",
            judged.who(),
            link.plugin,
        );
        let help = "Set `master` to the interface of the migration network.";
        let finding = judged.finding(RULE.id, "");
        Finding { pointer: Some(link.pointer.clone()), ..finding }.says(message, help)
    });
    findings.collect()
}
