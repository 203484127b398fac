//! The dhcp IPAM plugin (containernetworking/plugins plugins/ipam/dhcp): what it asks a server for is known, what the
//! server gives is not. IPv4 only.

use super::{Call, Given};
use crate::cni::decode::{Fields, Placed, Remarks};
use crate::cni::shape::{self, Shape, Struct};
use crate::cni::{Dhcp, Field, Gap, Pointer};
use crate::net::Family;
use crate::tree::Node;
use std::collections::BTreeSet;

const IPAM: Struct = &[("type", Shape::Text), ("daemonSocketPath", Shape::Text), ("priority", Shape::Int)];

const REQUEST: Struct = &[("option", Shape::Text), ("skipDefault", Shape::Flag)];

const PROVIDE: Struct = &[("option", Shape::Text), ("value", Shape::Text), ("fromArg", Shape::Text)];

/// Options with a name (plugins/ipam/dhcp/options.go `optionNameToID`).
const NAMES: [(&str, u8); 6] = [
    ("dhcp-client-identifier", 61),
    ("subnet-mask", 1),
    ("routers", 3),
    ("host-name", 12),
    ("user-class", 77),
    ("vendor-class-identifier", 60),
];

/// Added unless an entry says `skipDefault`: routers and the subnet mask.
const DEFAULTS: [u8; 2] = [3, 1];

/// What github.com/insomniacslk/dhcp asks for where the plugin hands it no list: mask, routers, domain name, DNS.
const LIBRARY: [u8; 4] = [1, 3, 15, 6];

/// The parameter request list itself (RFC 2132, 9.8).
const REQUEST_LIST: u8 = 55;

/// What Multus puts into CNI_ARGS; a value that is not in the text.
const CNI_ARGS: [&str; 5] =
    ["IgnoreUnknown", "K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID", "K8S_POD_UID"];

/// The request list so far.
#[derive(Default)]
struct List {
    options: BTreeSet<u8>,
    pointer: Option<Pointer>,
    /// It comes from CNI_ARGS.
    outside: bool,
}

pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    shape::check(call.ipam, IPAM, remarks);
    let provided = provided(call.ipam, remarks);
    let (asked, skips) = asked(call.ipam, remarks);
    let defaults = DEFAULTS.into_iter().filter(|_| !skips);
    let own: BTreeSet<u8> = asked.options.into_iter().chain(defaults).collect();
    let list = match (own.is_empty(), provided) {
        (false, _) => List { options: own, pointer: asked.pointer, outside: false },
        (true, Some(list)) => list,
        (true, None) => List { options: LIBRARY.into(), pointer: asked.pointer, outside: false },
    };
    let gaps = gaps(&list);
    let pointer = list.pointer.unwrap_or_else(|| call.ipam.pointer.clone());
    Given {
        dhcp: Some(Dhcp { requests: list.options, pointer, flushed: false, default: None }),
        gaps,
        ..Given::default()
    }
}

fn gaps(list: &List) -> Vec<Gap> {
    let gap = |field, family, why: &str| Gap { field, family, why: why.to_owned() };
    let mut gaps = vec![
        gap(Field::Addresses, Some(Family::V4), "the DHCP server gives the address and its prefix length"),
        gap(Field::Routes, Some(Family::V4), "the DHCP server may send routes, asked for or not"),
    ];
    if list.outside {
        gaps.push(gap(Field::Dhcp, None, "the request list is taken from CNI_ARGS"));
    }
    let fails = if list.outside || list.options.contains(&1) {
        "ADD fails where no DHCP server answers, and where the kernel refuses a route that it sends"
    } else {
        "without the subnet mask (option 1) ADD fails, unless the server sends it all the same"
    };
    gaps.push(gap(Field::Fails, None, fails));
    gaps
}

/// The options of `request`, and whether any entry says `skipDefault`.
fn asked(ipam: &Fields<'_, '_>, remarks: &mut Remarks) -> (List, bool) {
    let (mut list, mut skips) = (List::default(), false);
    list.pointer = ipam.list("request", remarks).and_then(|_| ipam.get("request", remarks)).map(|(_, place)| place);
    for entry in ipam.objects("request", remarks).unwrap_or_default() {
        shape::check(&entry, REQUEST, remarks);
        skips |= entry.flag("skipDefault", remarks).is_some_and(|(flag, _)| flag);
        let named = entry.text("option", remarks).filter(|(text, _)| !text.is_empty());
        list.options.extend(named.and_then(|(text, place)| option(text, place, remarks)));
    }
    (list, skips)
}

/// The request list that `provide` spells out as option 55, the last one if there are several.
fn provided(ipam: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<List> {
    let items = ipam.list("provide", remarks).unwrap_or_default();
    items.into_iter().fold(None, |last, item| one_provided(item, remarks).or(last))
}

fn one_provided((node, pointer): Placed<'_, '_>, remarks: &mut Remarks) -> Option<List> {
    let missing = "an entry of `provide` has no `option`";
    if matches!(node, Node::Null) {
        remarks.fault(pointer, missing, "Name the option or remove the entry.");
        return None;
    }
    let fields = Fields::open(node, pointer, remarks)?;
    shape::check(&fields, PROVIDE, remarks);
    let value = fields.text("value", remarks).filter(|(value, _)| !value.is_empty());
    if let Some((_, place)) = value.as_ref().filter(|(value, _)| value.len() > 255) {
        remarks.fault(place.clone(), "a DHCP option holds 255 bytes at most", "Shorten the value.");
    }
    if fields.get("option", remarks).is_none() {
        remarks.fault(fields.pointer.clone(), missing, "Name the option or remove the entry.");
        return None;
    }
    let (name, place) = fields.text("option", remarks)?;
    let is_list = option(name, place, remarks) == Some(REQUEST_LIST);
    let from_arg = fields.text("fromArg", remarks).filter(|(arg, _)| CNI_ARGS.contains(arg));
    match (from_arg, value) {
        _ if !is_list => None,
        (Some((_, place)), _) => Some(List { options: BTreeSet::new(), pointer: Some(place), outside: true }),
        (None, Some((value, place))) => {
            Some(List { options: value.bytes().collect(), pointer: Some(place), outside: false })
        }
        (None, None) => None,
    }
}

/// An option by its name or as a decimal from 0 to 255, leading zeros allowed; what else is a fault.
fn option(text: &str, pointer: Pointer, remarks: &mut Remarks) -> Option<u8> {
    let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, code)| *code);
    let decimal = || text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let code = named.or_else(decimal);
    if code.is_none() {
        let why = format!("`{text}` is no DHCP option that the plugin knows");
        remarks.fault(pointer, why, "Write a decimal number from 0 to 255 as a string.");
    }
    code
}
