//! `edit-in-use`

use super::levels::{O, W};
use super::{Check, Levels, Rule};
use crate::cni::Attachment;
use crate::finding::{Finding, Role};
use crate::objects::{Nad, Object};
use crate::world::{Change, World};
use std::collections::BTreeSet;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "edit-in-use",
    summary: "an edit that running virt-handlers do not see",
    levels: Levels::Set(W, W, O),
    page: include_str!("edit_in_use.md"),
    check: Check::Change(check),
};

fn check(change: &Change, before: &World, after: &World) -> Vec<Finding> {
    let (Some(Object::Nad(old)), Some(Object::Nad(new))) = (&change.before, &change.after) else { return Vec::new() };
    let find = |world: &World, nad: &Nad| {
        world.judged().iter().find(|judged| judged.attached.nad.object.is_same(&nad.object)).cloned()
    };
    let (Some(was), Some(is)) = (find(before, old), find(after, new)) else { return Vec::new() };
    let altered = alterations(&was.attached.attachment, &is.attached.attachment);
    if altered.is_empty() || is.role == Role::Candidate {
        return Vec::new();
    }
    let message = format!(
        "{} is in use and the write changes its {}: virt-handler takes it up only as it restarts, node by node; until then \
         nodes of the old and the new network cannot reach each other.",
        is.who(),
        altered.join(" and "),
    );
    let help = "Better create a second NetworkAttachmentDefinition and point the CR to it: KubeVirt then rolls it out.";
    vec![is.finding(RULE.id, "").says(message, help)]
}

/// What of the result differs.
fn alterations(was: &Attachment, is: &Attachment) -> Vec<&'static str> {
    let prefixes = |a: &Attachment| a.addresses.iter().map(|address| address.prefix).collect::<BTreeSet<_>>();
    let pools = |a: &Attachment| a.addresses.iter().map(|address| address.taken.clone()).collect::<Vec<_>>();
    let uplinks = |a: &Attachment| a.chain.iter().map(|link| link.uplink.clone()).collect::<Vec<_>>();
    let vlans = |a: &Attachment| a.chain.iter().map(|link| link.vlan).collect::<Vec<_>>();
    let mtus = |a: &Attachment| a.chain.iter().map(|link| link.mtu).collect::<Vec<_>>();
    let routes = |a: &Attachment| a.routes.iter().map(|route| (route.dst, route.via, route.table)).collect::<Vec<_>>();
    let parts = [
        ("prefix", prefixes(was) != prefixes(is)),
        ("pool", pools(was) != pools(is)),
        ("route", routes(was) != routes(is)),
        ("master", uplinks(was) != uplinks(is)),
        ("VLAN", vlans(was) != vlans(is)),
        ("MTU", mtus(was) != mtus(is)),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
}
