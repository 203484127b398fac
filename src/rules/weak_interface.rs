//! `weak-interface`

use super::levels::{O, W};
use super::uplink::{self, Flaw, Words};
use super::{Check, Levels, Rule};
use crate::cni::Link;
use crate::finding::Finding;
use crate::world::World;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "weak-interface",
    summary: "an attachment on an interface that a node has without a way to the others",
    levels: Levels::Set(W, W, O),
    page: include_str!("weak_interface.md"),
    check: Check::State(check),
};

fn check(world: &World) -> Vec<Finding> {
    uplink::findings(world, RULE.id, words)
}

fn words(_: &Link, name: &str, flaw: Flaw) -> Option<Words> {
    let bridge = "Make the bridge on every node, with the migration network's NIC as a port.";
    let (what, fault, help) = match flaw {
        Flaw::BridgeAbsent(true) => (
            format!("uses the bridge {name}, which"),
            "does not have: the plugin makes one without an uplink, and no other node is reached by it".to_owned(),
            bridge,
        ),
        Flaw::BridgeAbsent(false) => (
            format!("uses the bridge {name}, which"),
            "does not show: ovs makes none, and virt-handler does not start without it".to_owned(),
            bridge,
        ),
        Flaw::NoUplink => (
            format!("uses the bridge {name}, which on"),
            "has no port but those of pods: no other node is reached by it".to_owned(),
            bridge,
        ),
        Flaw::Down => (
            format!("uses {name}, which on"),
            "is down: migrations from and to that node fail".to_owned(),
            "Set the interface up, and check its cable and switch.",
        ),
        Flaw::SmallMtu(has, wanted) => (
            format!("uses {name}, which on"),
            format!("has the MTU {has}, not {wanted}: larger packets are lost there, or the attachment fails"),
            "Give the interface the same MTU on every node, and the attachment no larger one.",
        ),
        Flaw::Absent | Flaw::NoBridge => return None,
    };
    Some(Words { what, fault, help: help.to_owned() })
}
