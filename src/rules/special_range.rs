//! `special-range`

use super::levels::D;
use super::{Check, Levels, Rule};
use crate::cni::{Attachment, Pointer};
use crate::finding::Finding;
use crate::net::Prefix;
use crate::net::parse::strict_prefix;
use crate::world::World;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "special-range",
    summary: "an on-link prefix in a range that is no unicast network",
    levels: Levels::Set(D, D, D),
    page: include_str!("special_range.md"),
    check: Check::State(check),
};

/// Range, what it is, source.
const SPECIAL: [(&str, &str); 9] = [
    ("0.0.0.0/8", "this host, RFC 1122"),
    ("127.0.0.0/8", "loopback, RFC 1122"),
    ("169.254.0.0/16", "link-local, RFC 3927"),
    ("224.0.0.0/4", "multicast, RFC 5771"),
    ("255.255.255.255/32", "broadcast, RFC 919"),
    ("::/128", "unspecified, RFC 4291"),
    ("::1/128", "loopback, RFC 4291"),
    ("fe80::/10", "link-local, RFC 4291"),
    ("ff00::/8", "multicast, RFC 4291"),
];

static RANGES: LazyLock<Vec<(Prefix, &str)>> = LazyLock::new(|| read(&SPECIAL));

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| prefixes(&judged.attached.attachment).map(move |at| (judged, at)));
    let findings = pairs.filter_map(|(judged, (prefix, pointer))| {
        let what = what(prefix)?;
        let message = format!(
            "The on-link prefix {prefix} of {} {what}: virt-handler finds no address that it can use, or loses others.",
            judged.who(),
        );
        let help = "Use a subnet of private space, for example of 10.0.0.0/8 or fd00::/8, that nothing else uses.";
        let finding = judged.finding(RULE.id, prefix.to_string());
        Some(Finding { pointer: Some(pointer.clone()), ..finding }.says(message, help))
    });
    findings.collect()
}

/// Each on-link prefix once, with the key that gives it.
pub(super) fn prefixes(attachment: &Attachment) -> impl Iterator<Item = (Prefix, &Pointer)> {
    let mut seen = BTreeSet::new();
    let all = attachment.addresses.iter().map(|address| (address.prefix, &address.pointer));
    all.filter(move |(prefix, _)| seen.insert(*prefix))
}

/// Why the prefix is special, if it is.
pub(super) fn what(prefix: Prefix) -> Option<String> {
    if prefix.is_everything() {
        return Some("is the whole address space".into());
    }
    let met = RANGES.iter().find(|(range, _)| range.interval().meets(prefix.interval()));
    met.map(|(range, name)| format!("meets {range} ({name})"))
}

/// Ranges with what is said of them; what cannot be read is left out, which a test forbids.
pub(super) fn read(ranges: &[(&str, &'static str)]) -> Vec<(Prefix, &'static str)> {
    ranges.iter().filter_map(|(range, name)| Some((strict_prefix(range).ok()?, *name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_read() {
        assert_eq!(RANGES.len(), SPECIAL.len());
    }
}
