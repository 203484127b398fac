//! `resource-not-requested`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "resource-not-requested",
    summary: "an attachment that wants a device which virt-handler does not ask for",
    levels: Levels::Set(W, W, O),
    page: include_str!("resource_not_requested.md"),
    check: Check::State(check),
};

const PATH: &str = "metadata.annotations[k8s.v1.cni.cncf.io/resourceName]";

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let wanting = judged.filter_map(|judged| Some((judged, judged.attached.nad.resource_name.as_ref()?)));
    let findings = wanting.map(|(judged, resource)| {
        let message = format!(
            "{} asks for the device resource `{resource}`, which KubeVirt does not request for virt-handler.",
            judged.who(),
        );
        let help = "Use a network resources injector, or a plugin that needs no device.";
        judged.finding(RULE.id, "").at(PATH).says(message, help)
    });
    findings.collect()
}
