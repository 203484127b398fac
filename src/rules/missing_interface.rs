//! `missing-interface`

use super::levels::{D, W};
use super::uplink::{self, Flaw, Words};
use super::{Check, Levels, Rule};
use crate::cni::Link;
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "missing-interface",
    summary: "an attachment on an interface that a node does not have",
    levels: Levels::Set(D, D, W),
    page: include_str!("missing_interface.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    uplink::findings(world, RULE.id, words)
}

fn words(link: &Link, name: &str, flaw: Flaw) -> Option<Words> {
    let same = "Give the interface that name on every node, or keep virt-handler off the node by nodePlacement.";
    let (what, fault, help) = match flaw {
        Flaw::Absent if link.plugin == "host-device" => (
            format!("moves the device {name} into the pod, which"),
            "does not have: virt-handler does not start there".to_owned(),
            same,
        ),
        Flaw::Absent => (
            format!("builds {} on {name}, which", link.plugin),
            "does not have: virt-handler does not start there".to_owned(),
            same,
        ),
        Flaw::NoBridge => (
            format!("needs a bridge {name}, and on"),
            format!("{name} is no bridge: virt-handler does not start there"),
            "Name a bridge, or rename the interface that has its name.",
        ),
        Flaw::BridgeAbsent(_) | Flaw::NoUplink | Flaw::Down | Flaw::SmallMtu(..) => return None,
    };
    Some(Words { what, fault, help: help.to_owned() })
}
