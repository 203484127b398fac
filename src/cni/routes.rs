//! Routes as JSON: containernetworking/cni `types.Route`, the form of every `routes` key.

use super::Pointer;
use super::decode::{Fields, MANY, Placed, Remarks, folds_to};
use super::ipam::{Call, GivenIp, GivenRoute};
use super::shape::{self, Shape, Struct};
use crate::net::Family;
use crate::net::parse::{Cidr, Ip, go_cidr, go_ip};
use crate::tree::Node;
use std::net::IpAddr;

const ROUTE: Struct = &[
    ("dst", Shape::Text),
    ("gw", Shape::Text),
    ("mtu", Shape::Int),
    ("advmss", Shape::Int),
    ("priority", Shape::Int),
    ("table", Shape::Int),
    ("scope", Shape::Int),
];

/// As cni v1.1 has it, which route-override is built on.
const SHORT_ROUTE: Struct = &[("dst", Shape::Text), ("gw", Shape::Text)];

/// The routes under `key`; what is wrong with one is a fault, and the others are read all the same.
pub(super) fn routes(fields: &Fields<'_, '_>, key: &str, remarks: &mut Remarks) -> Vec<GivenRoute> {
    let items = fields.short_list(key, MANY, remarks).unwrap_or_default();
    items.into_iter().filter_map(|item| route(item, ROUTE, remarks)).collect()
}

/// The routes of an `ipam` that gives these addresses. A result of an old version carries a route beside an address of its
/// family; one without `dst` counts as IPv6.
pub(super) fn of_ipam(call: &Call<'_, '_, '_>, ips: &[GivenIp], remarks: &mut Remarks) -> Vec<GivenRoute> {
    let carries_v6 = call.version >= (0, 3, 0) || ips.iter().any(|ip| ip.prefix.family() == Family::V6);
    let lacks = |node: &Node<'_>| node.map().is_some_and(|map| !map.iter().any(|(name, _)| folds_to(name, "dst")));
    let items = call.ipam.short_list("routes", MANY, remarks).unwrap_or_default();
    let read = |(node, pointer): Placed<'_, '_>| {
        let dropped = !carries_v6 && lacks(node);
        let mut own = Remarks::default();
        let found = route((node, pointer.clone()), ROUTE, if dropped { &mut own } else { &mut *remarks });
        own.faults.retain(|fault| fault.pointer != pointer); // that `dst` lacks
        remarks.faults.append(&mut own.faults);
        remarks.ambiguities.append(&mut own.ambiguities);
        remarks.oddities.append(&mut own.oddities);
        found
    };
    items.into_iter().filter_map(read).collect()
}

/// The routes under `key` as route-override reads them: destination and next hop only. `None` if the key is absent.
pub(super) fn short_routes(fields: &Fields<'_, '_>, key: &str, remarks: &mut Remarks) -> Option<Vec<GivenRoute>> {
    let items = fields.short_list(key, MANY, remarks)?;
    Some(items.into_iter().filter_map(|item| route(item, SHORT_ROUTE, remarks)).collect())
}

fn route((node, pointer): Placed<'_, '_>, keys: Struct, remarks: &mut Remarks) -> Option<GivenRoute> {
    if matches!(node, Node::Null) {
        remarks.fault(pointer, "a route must be an object, not null", "Write a destination or remove the entry.");
        return None;
    }
    let fields = Fields::open(node, pointer.clone(), remarks)?;
    shape::check(&fields, keys, remarks);
    let dst = destination(&fields, remarks);
    let gw = address(&fields, "gw", remarks).map(|(gw, _)| gw);
    let mut number = |key| {
        let known = keys.iter().any(|(name, _)| *name == key);
        known.then(|| fields.whole(key, remarks)).flatten().map(|(value, _)| value)
    };
    let (table, scope, priority) = (number("table"), number("scope"), number("priority"));
    Some(GivenRoute {
        dst: dst?,
        gw,
        table: table.and_then(table_of),
        priority: priority.map_or(0, metric_of),
        scope: scope.map(scope_of),
        pointer,
    })
}

/// A table of 0 or less is not sent to the kernel; of a greater one it gets the low 32 bits (netlink `routeHandle`).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn table_of(table: i64) -> Option<u32> {
    (table > 0).then_some(table as u32).filter(|t| *t != 0 && *t != super::kernel::MAIN)
}

/// A priority of 0 or less is none; of a greater one the kernel gets the low 32 bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn metric_of(priority: i64) -> u32 {
    if priority > 0 { priority as u32 } else { 0 }
}

/// The kernel gets the low 8 bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn scope_of(scope: i64) -> u8 {
    scope as u8
}

fn destination(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<Cidr> {
    if fields.get("dst", remarks).is_none() {
        let help = "Write `dst` as address/length, for example 10.0.0.0/8.";
        remarks.fault(fields.pointer.clone(), "the route has no `dst`", help);
        return None;
    }
    let (text, pointer) = fields.text("dst", remarks)?;
    cidr(text, pointer, remarks)
}

/// A CIDR as Go's `net.ParseCIDR` reads it; what it refuses is a fault, what is odd is remarked.
pub(super) fn cidr(text: &str, pointer: Pointer, remarks: &mut Remarks) -> Option<Cidr> {
    let Some(cidr) = go_cidr(text) else {
        let why = format!("`{text}` is not an address with a prefix length");
        remarks.fault(pointer, why, "Write address/length, without leading zeros in the address and without a zone.");
        return None;
    };
    if cidr.mapped || cidr.zeros {
        let canonical = format!("{}/{}", cidr.address, cidr.prefix.length());
        odd_number(text, &canonical, cidr.mapped, pointer, remarks);
    }
    Some(cidr)
}

/// An address as Go's `net.ParseIP` reads it; what it refuses is a fault, what is odd is remarked.
pub(super) fn ip(text: &str, pointer: Pointer, remarks: &mut Remarks) -> Option<IpAddr> {
    let Some(Ip { address, mapped, zeros }) = go_ip(text) else {
        let why = format!("`{text}` is not an IP address");
        remarks.fault(pointer, why, "Write one address, without a prefix length.");
        return None;
    };
    if mapped || zeros {
        odd_number(text, &address.to_string(), mapped, pointer, remarks);
    }
    Some(address)
}

fn odd_number(text: &str, canonical: &str, mapped: bool, pointer: Pointer, remarks: &mut Remarks) {
    let what = if mapped { "an IPv4-mapped IPv6 address" } else { "written with leading zeros" };
    let why = format!("`{text}` is {what} and is read as {canonical}");
    remarks.odd(pointer, why, format!("Write `{canonical}`."));
}

/// The address under `key`, `None` if it is absent, `null` or empty, as Go's `net.IP` decodes.
pub(super) fn address(fields: &Fields<'_, '_>, key: &str, remarks: &mut Remarks) -> Option<(IpAddr, Pointer)> {
    let (text, pointer) = fields.text(key, remarks)?;
    if text.is_empty() {
        return None;
    }
    Some((ip(text, pointer.clone(), remarks)?, pointer))
}
