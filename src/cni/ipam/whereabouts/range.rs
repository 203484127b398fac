//! The ranges of a whereabouts configuration: a CIDR, or `first-last/length`, with bounds and holes.

use super::super::super::Pointer;
use super::super::super::decode::{Fields, Remarks, child, folds_to};
use super::note_odd_ip;
use crate::net::parse::{Cidr, go_cidr, go_ip, sloppy_cidr, sloppy_ip};
use crate::net::{Interval, Prefix, free_count};
use std::net::IpAddr;

/// A range as the text has it.
pub(super) struct Written<'n> {
    text: &'n str,
    pointer: Pointer,
    start: Option<Bound>,
    end: Option<Bound>,
    exclude: Vec<(&'n str, Pointer)>,
}

/// Where to begin or to end.
struct Bound {
    address: IpAddr,
    name: &'static str,
    pointer: Pointer,
}

/// A range as it is allocated from.
pub(super) struct Range {
    /// Its network, which is on-link.
    pub(super) prefix: Prefix,
    /// From the first to the last address that can be given; `None` if the network is too small to have any.
    pub(super) pool: Option<Interval>,
    /// What is excluded.
    pub(super) holes: Vec<Interval>,
    /// Where it stands.
    pub(super) pointer: Pointer,
}

impl<'n> Written<'n> {
    /// `range` first, then the entries of `ipRanges`. The outer bounds and `exclude` belong to `range` alone.
    pub(super) fn all(ipam: &Fields<'n, '_>, remarks: &mut Remarks) -> Vec<Self> {
        let outer = Self::of(ipam, outer_bound, remarks).filter(|range| !range.text.is_empty());
        let entries = ipam.objects("ipRanges", remarks).unwrap_or_default();
        let inner = entries.iter().filter_map(|entry| Self::of(entry, inner_bound, remarks));
        outer.into_iter().chain(inner).collect()
    }

    fn of(fields: &Fields<'n, '_>, bound: BoundReader, remarks: &mut Remarks) -> Option<Self> {
        note_twins(fields, remarks);
        let start = bound(fields, "range_start", remarks);
        let end = bound(fields, "range_end", remarks);
        let exclude = fields.texts("exclude", remarks).unwrap_or_default();
        let faults_before = remarks.faults.len();
        let (text, pointer) = match fields.text("range", remarks) {
            Some(range) => range,
            None if remarks.faults.len() > faults_before => return None,
            None => ("", child(&fields.pointer, "range")),
        };
        Some(Self { text, pointer, start, end, exclude })
    }

    /// What it means; `None` if it cannot be read. `sliced`: a slice of the node replaces bounds and holes.
    pub(super) fn resolved(mut self, sliced: bool, remarks: &mut Remarks) -> Option<Range> {
        let prefix = match self.text.split_once('-') {
            Some((first, rest)) => self.read_ends(first, rest, remarks)?,
            None => self.read_cidr(remarks)?,
        };
        let pointer = self.pointer.clone();
        let Some(usable) = prefix.interval().shrunk(1, 1) else {
            let why = format!("{prefix} has no usable address, so the allocation fails");
            remarks.fault(pointer.clone(), why, "Write a range of at least a /30 (IPv6: /126).");
            return Some(Range { prefix, pool: None, holes: Vec::new(), pointer });
        };
        if sliced {
            self.note_unused_bounds(remarks);
            return Some(Range { prefix, pool: Some(usable), holes: Vec::new(), pointer });
        }
        let pool = self.bounded(usable, remarks);
        let holes: Vec<_> = self.exclude.iter().filter_map(|(text, at)| hole(text, at, remarks)).collect();
        if free_count(pool, holes.iter().copied()) == 0 {
            remarks.fault(pointer.clone(), format!("every address of {pool} is excluded"), "Exclude less.");
        }
        Some(Range { prefix, pool: Some(pool), holes, pointer })
    }

    /// `first-last/length`: the two ends take the place of the bounds.
    fn read_ends(&mut self, first: &str, rest: &str, remarks: &mut Remarks) -> Option<Prefix> {
        let (Some(start), Some(end)) = (sloppy_ip(first), sloppy_cidr(rest)) else {
            let why = format!("`{}` is not a range `first-last/length`", self.text);
            remarks.fault(self.pointer.clone(), why, "Write for example `10.1.1.10-10.1.1.50/24`, without blanks.");
            return None;
        };
        let prefix = network(rest, &end);
        if !prefix.holds(start.address) {
            let why = format!("the first address {} lies outside {prefix}", start.address);
            remarks.fault(self.pointer.clone(), why, "Let the range begin inside its network.");
            return None;
        }
        if start.mapped || start.zeros || end.mapped || end.zeros {
            let plain = format!("{}-{}/{}", start.address, end.address, prefix.length());
            note_reading(self.text, &plain, &self.pointer, remarks);
        }
        let bound = |address, name| Some(Bound { address, name, pointer: self.pointer.clone() });
        (self.start, self.end) = (bound(start.address, "the first address"), bound(end.address, "the last address"));
        Some(prefix)
    }

    fn read_cidr(&self, remarks: &mut Remarks) -> Option<Prefix> {
        let Some(cidr) = sloppy_cidr(self.text) else {
            let why = format!("`{}` is not a CIDR, nor a range `first-last/length`", self.text);
            remarks.fault(
                self.pointer.clone(),
                why,
                "Write one CIDR, for example `10.1.1.0/24`; more go to `ipRanges`.",
            );
            return None;
        };
        let prefix = network(self.text, &cidr);
        note_odd_network(self.text, &cidr, prefix, &self.pointer, remarks);
        Some(prefix)
    }

    /// iphelpers:GetIPRange: a bound outside the usable addresses, or an end before the start, is dropped silently.
    fn bounded(&self, usable: Interval, remarks: &mut Remarks) -> Interval {
        let from = |start: IpAddr| Interval::of(start, usable.last());
        let pool = within(usable, self.start.as_ref(), from, remarks);
        let until = |end: IpAddr| Interval::of(pool.first(), end);
        within(pool, self.end.as_ref(), until, remarks)
    }

    fn note_unused_bounds(&self, remarks: &mut Remarks) {
        for bound in [&self.start, &self.end].into_iter().flatten() {
            let why = format!("{} is ignored, for `node_slice_size` gives each node a slice", bound.name);
            remarks.odd(bound.pointer.clone(), why, "Leave it out.");
        }
    }
}

type BoundReader = fn(&Fields<'_, '_>, &'static str, &mut Remarks) -> Option<Bound>;

/// A string; what is no address is ignored (types:backwardsCompatibleIPAddress).
fn outer_bound(fields: &Fields<'_, '_>, name: &'static str, remarks: &mut Remarks) -> Option<Bound> {
    let (text, pointer) = fields.text(name, remarks).filter(|(text, _)| !text.is_empty())?;
    let Some(ip) = sloppy_ip(text) else {
        remarks.odd(pointer, format!("`{text}` is not an IP address, so `{name}` is ignored"), "Write an address.");
        return None;
    };
    note_odd_ip(text, ip, &pointer, remarks);
    Some(Bound { address: ip.address, name, pointer })
}

/// A `net.IP`: what is no address fails in the decoder.
fn inner_bound(fields: &Fields<'_, '_>, name: &'static str, remarks: &mut Remarks) -> Option<Bound> {
    let (text, pointer) = fields.text(name, remarks).filter(|(text, _)| !text.is_empty())?;
    let Some(ip) = go_ip(text) else {
        remarks.fault(pointer, format!("`{text}` is not an IP address"), "Write an address without a length.");
        return None;
    };
    note_odd_ip(text, ip, &pointer, remarks);
    Some(Bound { address: ip.address, name, pointer })
}

fn within(
    pool: Interval,
    bound: Option<&Bound>,
    cut: impl Fn(IpAddr) -> Option<Interval>,
    remarks: &mut Remarks,
) -> Interval {
    let Some(bound) = bound else { return pool };
    if pool.holds(Interval::single(bound.address)) {
        return cut(bound.address).unwrap_or(pool);
    }
    let span = format!("{}-{}", pool.first(), pool.last());
    let why = format!("{} {} lies outside {span}, so it is ignored", bound.name, bound.address);
    remarks.odd(bound.pointer.clone(), why, format!("Write an address of {span}, or leave it out."));
    pool
}

/// A CIDR, or one address; read by Go's strict parsers, but only when an address is allocated.
fn hole(text: &str, pointer: &str, remarks: &mut Remarks) -> Option<Interval> {
    if let Some(cidr) = go_cidr(text) {
        let prefix = network(text, &cidr);
        note_odd_network(text, &cidr, prefix, pointer, remarks);
        return Some(prefix.interval());
    }
    let Some(ip) = go_ip(text) else {
        let why = format!("`{text}` is neither a CIDR nor an IP address, so the allocation fails");
        remarks.fault(pointer, why, "Write a CIDR or one address; a span needs several CIDRs.");
        return None;
    };
    note_odd_ip(text, ip, pointer, remarks);
    Some(Interval::single(ip.address))
}

/// The masked network. Below /96 a mapped address loses its mark under the mask, and the network is an IPv6 one.
fn network(text: &str, cidr: &Cidr) -> Prefix {
    let length = text.rsplit_once('/').and_then(|(_, length)| length.parse::<u8>().ok());
    match (cidr.mapped, cidr.address, length) {
        (true, IpAddr::V4(v4), Some(length @ ..96)) => {
            Prefix::of(IpAddr::V6(v4.to_ipv6_mapped()), length).unwrap_or(cidr.prefix)
        }
        _ => cidr.prefix,
    }
}

fn note_odd_network(text: &str, cidr: &Cidr, prefix: Prefix, pointer: &str, remarks: &mut Remarks) {
    if cidr.mapped || cidr.zeros || cidr.has_host_bits() {
        note_reading(text, &prefix.to_string(), pointer, remarks);
    }
}

fn note_reading(text: &str, plain: &str, pointer: &str, remarks: &mut Remarks) {
    remarks.odd(pointer, format!("`{text}` is read as {plain}"), format!("Write `{plain}`."));
}

/// `rangeStart` is no key of whereabouts and does nothing.
fn note_twins(fields: &Fields<'_, '_>, remarks: &mut Remarks) {
    for (twin, key) in [("rangeStart", "range_start"), ("rangeEnd", "range_end")] {
        for name in fields.keys().filter(|name| folds_to(name, twin)) {
            let why = format!("whereabouts has no key `{name}` and ignores it");
            remarks.odd(child(&fields.pointer, name), why, format!("Write `{key}`, or leave it out."));
        }
    }
}
