//! The subnet keys of ovn-k8s-cni-overlay (pkg/config:ParseClusterSubnetEntriesWithDefaults): CIDRs with commas
//! between them, blanks allowed; in layer3 each may have the length of a node's subnet behind a second slash.

use super::super::Pointer;
use super::super::decode::Remarks;
use super::Topology;
use crate::net::parse::{Cidr, go_cidr};
use crate::net::{Family, Interval, Prefix};
use std::collections::BTreeSet;

/// A subnet of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    /// The whole.
    pub(super) prefix: Prefix,
    /// Length of a node's subnet; the whole's own length where nodes share it.
    pub(super) host_length: u8,
    /// The key.
    pub(super) pointer: Pointer,
}

/// The entries that can be read. The first that cannot fails the whole, but the others still tell what is meant.
pub(super) fn entries((text, pointer): &(&str, Pointer), topology: Topology, remarks: &mut Remarks) -> Vec<Subnet> {
    let items = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
    let (mut entries, mut refusal) = (Vec::new(), None);
    for item in items {
        match entry(item, topology) {
            Ok((cidr, host_length)) => {
                note_odd(item, &cidr, pointer, remarks);
                entries.push(Subnet { prefix: cidr.prefix, host_length, pointer: pointer.clone() });
            }
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    if let Some((why, help)) = refusal {
        remarks.fault(pointer.clone(), why, help);
    }
    entries
}

/// Plain CIDRs: `joinSubnet`, `excludeSubnets` and the like.
pub(super) fn plain(text: &(&str, Pointer), remarks: &mut Remarks) -> Vec<(Prefix, Pointer)> {
    let entries = entries(text, Topology::Layer2, remarks);
    entries.into_iter().map(|subnet| (subnet.prefix, subnet.pointer)).collect()
}

/// Plain CIDRs that must lie inside the subnets; only those that do are given back.
pub(super) fn holes(text: &(&str, Pointer), subnets: &BTreeSet<Prefix>, remarks: &mut Remarks) -> Vec<Prefix> {
    let holes = plain(text, remarks).into_iter().map(|(hole, _)| hole);
    let (inside, outside): (Vec<_>, Vec<_>) = holes.partition(|hole| lies_in(*hole, subnets));
    if let Some(hole) = outside.first() {
        let why = format!("{hole} lies in none of the subnets, which OVN-Kubernetes refuses");
        remarks.fault(text.1.clone(), why, "Write a part of the subnets.");
    }
    inside
}

/// What of `holes` concerns `subnet`. CIDRs nest or are apart: one that holds the subnet is one of its shorter
/// prefixes, and those inside it stand behind it in order.
pub(super) fn holes_of(subnet: Prefix, holes: &BTreeSet<Prefix>) -> Vec<Interval> {
    if lies_in(subnet, holes) {
        return vec![subnet.interval()];
    }
    let whole = subnet.interval();
    holes.range(subnet..).map(|hole| hole.interval()).take_while(|hole| whole.holds(*hole)).collect()
}

/// Whether one of `wider` holds `prefix`.
fn lies_in(prefix: Prefix, wider: &BTreeSet<Prefix>) -> bool {
    let mut around = (0..=prefix.length()).filter_map(|length| Prefix::of(prefix.first(), length));
    around.any(|around| wider.contains(&around))
}

type Refusal = (String, String);

fn entry(item: &str, topology: Topology) -> Result<(Cidr, u8), Refusal> {
    let mut parts = item.split('/');
    let (address, length, host) = (parts.next(), parts.next(), parts.next());
    let cidr = address.zip(length).filter(|_| parts.next().is_none());
    let cidr = cidr.and_then(|(address, length)| go_cidr(&format!("{address}/{length}")));
    let Some(cidr) = cidr else {
        let help = "Write CIDRs with commas between them; one address needs /32 or /128.";
        return Err((format!("`{item}` is not a CIDR"), help.to_owned()));
    };
    match (topology, host) {
        (Topology::Layer3, host) => Ok((cidr, host_length(&cidr, host)?)),
        (_, None) => Ok((cidr, cidr.prefix.length())),
        (_, Some(_)) => {
            let why = format!("`{item}` has a second length, which only layer3 knows");
            Err((why, "Write a plain CIDR.".to_owned()))
        }
    }
}

/// IPv4 24 where it is not said and at most 32; IPv6 always 64; longer than the subnet itself.
fn host_length(cidr: &Cidr, written: Option<&str>) -> Result<u8, Refusal> {
    let family = cidr.prefix.family();
    let (default, most) = if family == Family::V4 { (24, 32) } else { (64, 64) };
    let length = written.map_or(Some(default), |text| text.parse::<u8>().ok());
    let (least, network) = (cidr.prefix.length() + 1, cidr.prefix);
    let fits = |length: &u8| *length >= least && *length <= most && (family == Family::V4 || *length == 64);
    length.filter(fits).ok_or_else(|| {
        let asked = written.map_or(default.to_string(), str::to_owned);
        let why = format!("the nodes' subnets of {network} cannot have the length {asked}");
        let help = match family {
            Family::V6 => "Write an IPv6 subnet shorter than /64; each node gets a /64.".to_owned(),
            Family::V4 => {
                format!("Write a second length from {least} to {most}, for example `{network}/{}`.", least.max(24))
            }
        };
        (why, help)
    })
}

fn note_odd(item: &str, cidr: &Cidr, pointer: &str, remarks: &mut Remarks) {
    if cidr.mapped || cidr.zeros || cidr.has_host_bits() {
        let why = format!("`{item}` is read as {}", cidr.prefix);
        remarks.odd(pointer, why, format!("Write `{}`.", cidr.prefix));
    }
}
