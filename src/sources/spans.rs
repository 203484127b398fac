//! Lists of addresses and spans as the pool objects write them.

use crate::net::parse::{Ip, go_cidr, go_ip};
use crate::net::{Interval, Prefix};
use std::net::IpAddr;

/// The masked network of a CIDR, as Go reads it.
pub(super) fn network(text: &str) -> Option<Prefix> {
    go_cidr(text.trim()).map(|cidr| cidr.prefix)
}

/// One address.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    go_ip(text.trim()).map(|Ip { address, .. }| address)
}

/// One address, or the first and the last with `dash` between them.
pub(super) fn span(text: &str, dash: &str) -> Option<Interval> {
    match text.split_once(dash) {
        Some((first, last)) => Interval::of(address(first)?, address(last)?),
        None => address(text).map(Interval::single),
    }
}

/// From the lowest to the highest address of `spans`, and what lies between them.
pub(super) fn hull(mut spans: Vec<Interval>) -> Option<(Interval, Vec<Interval>)> {
    spans.sort_unstable();
    let mut rest = spans.into_iter();
    let (mut whole, mut holes) = (rest.next()?, Vec::new());
    let family = whole.family();
    for span in rest.filter(|span| span.family() == family) {
        let between = Interval::of(whole.last(), span.first()).and_then(|gap| gap.shrunk(1, 1));
        holes.extend(between);
        whole = Interval::of(whole.first(), whole.last().max(span.last())).unwrap_or(whole);
    }
    Some((whole, holes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_knows_its_holes() {
        let of = |texts: &[&str]| {
            let spans = texts.iter().filter_map(|text| span(text, "-")).collect();
            hull(spans)
                .map(|(whole, holes)| (whole.to_string(), holes.iter().map(Interval::to_string).collect::<Vec<_>>()))
        };
        let expect =
            |whole: &str, holes: &[&str]| Some((whole.to_owned(), holes.iter().map(|&h| h.to_owned()).collect()));
        assert_eq!(of(&["10.0.0.9"]), expect("10.0.0.9/32", &[]));
        assert_eq!(of(&["10.0.0.9", "10.0.0.1-10.0.0.4"]), expect("10.0.0.1-10.0.0.9", &["10.0.0.5-10.0.0.8"]));
        assert_eq!(of(&["10.0.0.1-10.0.0.9", "10.0.0.2-10.0.0.3", "10.0.0.10"]), expect("10.0.0.1-10.0.0.10", &[]));
        assert_eq!(of(&["10.0.0.1", "10.0.0.3", "bad"]), expect("10.0.0.1-10.0.0.3", &["10.0.0.2/32"]));
        assert_eq!(of(&[]), None);
    }
}
