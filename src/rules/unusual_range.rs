//! `unusual-range`

use super::levels::{O, W};
use super::special_range;
use super::{Check, Levels, Rule};
use crate::finding::Finding;
use crate::net::Prefix;
use crate::world::World;
use std::sync::LazyLock;

/// See the page.
pub(super) static RULE: Rule = Rule {
    id: "unusual-range",
    summary: "an on-link prefix outside private space",
    levels: Levels::Set(W, W, O),
    page: include_str!("unusual_range.md"),
    check: Check::State(check),
};

/// Named ranges first; what lies in none of the usual ones is public or reserved.
const NAMED: [(&str, &str); 8] = [
    ("192.0.2.0/24", "documentation (RFC 5737)"),
    ("198.51.100.0/24", "documentation (RFC 5737)"),
    ("203.0.113.0/24", "documentation (RFC 5737)"),
    ("198.18.0.0/15", "benchmarking (RFC 2544)"),
    ("240.0.0.0/4", "reserved (RFC 1112)"),
    ("2001:db8::/32", "documentation (RFC 3849)"),
    ("3fff::/20", "documentation (RFC 9637)"),
    ("2001:2::/48", "benchmarking (RFC 5180)"),
];
const USUAL: [(&str, &str); 5] = [
    ("10.0.0.0/8", "private (RFC 1918)"),
    ("172.16.0.0/12", "private (RFC 1918)"),
    ("192.168.0.0/16", "private (RFC 1918)"),
    ("100.64.0.0/10", "shared (RFC 6598)"),
    ("fc00::/7", "private (RFC 4193)"),
];
static NAMED_RANGES: LazyLock<Vec<(Prefix, &str)>> = LazyLock::new(|| special_range::read(&NAMED));
static USUAL_RANGES: LazyLock<Vec<(Prefix, &str)>> = LazyLock::new(|| special_range::read(&USUAL));

fn check(world: &World) -> Vec<Finding> {
    let judged = world.judged().iter();
    let pairs = judged.flat_map(|judged| {
        let prefixes = special_range::prefixes(&judged.attached.attachment);
        prefixes.map(move |at| (judged, at))
    });
    let findings = pairs.filter_map(|(judged, (prefix, pointer))| {
        let space = space(prefix)?;
        let message = format!("The on-link prefix {prefix} of {} lies in {space} space.", judged.who());
        let help = "Use private space (RFC 1918, RFC 4193), unless these addresses are yours.";
        let finding = judged.finding(RULE.id, prefix.to_string());
        Some(Finding { pointer: Some(pointer.clone()), ..finding }.says(message, help))
    });
    findings.collect()
}

fn space(prefix: Prefix) -> Option<&'static str> {
    let held = |(range, _): &&(Prefix, &str)| range.interval().holds(prefix.interval());
    if special_range::what(prefix).is_some() || USUAL_RANGES.iter().any(|range| held(&range)) {
        return None;
    }
    NAMED_RANGES.iter().find(held).map(|(_, name)| *name).or(Some("public or reserved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_read() {
        assert_eq!((NAMED_RANGES.len(), USUAL_RANGES.len()), (NAMED.len(), USUAL.len()));
    }
}
