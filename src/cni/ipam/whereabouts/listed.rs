//! What a whereabouts text lists itself, in the shapes of the static plugin: addresses, routes and DNS.

use super::super::super::decode::{Fields, Remarks, child};
use super::super::super::{Pointer, Scope, Taken};
use super::super::{GivenIp, GivenRoute};
use super::note_odd_ip;
use crate::net::Family;
use crate::net::parse::{Cidr, go_cidr, go_ip, sloppy_cidr};
use crate::tree::Node;
use std::net::IpAddr;

/// `addresses`: each with a length, read by the sloppy parser. A CNI result before 0.3.0 holds one of a family.
pub(super) fn addresses(ipam: &Fields<'_, '_>, version: (u32, u32, u32), remarks: &mut Remarks) -> Vec<GivenIp> {
    let entries = ipam.objects("addresses", remarks).unwrap_or_default();
    let ips: Vec<_> = entries.iter().filter_map(|entry| address(entry, remarks)).collect();
    let crowded = |family| ips.iter().filter(|ip| ip.prefix.family() == family).count() > 1;
    if version < (0, 3, 0) && Family::ALL.into_iter().any(crowded) {
        let why = "a CNI version before 0.3.0 has room for one address of a family only";
        remarks.fault(child(&ipam.pointer, "addresses"), why, "Write `cniVersion` 0.3.1 or later.");
    }
    ips
}

fn address(entry: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<GivenIp> {
    let (gateway, gateway_pointer) = strict_ip(entry, "gateway", remarks).unzip();
    // Written `Address`, it is another field of the struct, and `address` stays empty.
    let spelt = !entry.keys().any(|key| key == "Address");
    let written = if spelt { entry.text("address", remarks) } else { None };
    let (text, pointer) = written.unwrap_or_else(|| ("", child(&entry.pointer, "address")));
    let Some(cidr) = sloppy_cidr(text) else {
        let why = format!("`{text}` is not an address with a prefix length");
        remarks.fault(pointer, why, "Write `address` as for example `10.1.1.9/24`.");
        return None;
    };
    note_odd_cidr(text, &cidr, &pointer, remarks);
    Some(GivenIp {
        prefix: cidr.prefix,
        taken: Taken::Fixed(cidr.address),
        gateway,
        gateway_pointer,
        scope: Scope::Fixed,
        alternative: false,
        pointer,
    })
}

/// `routes`, decoded as cni/pkg/types:Route.
pub(super) fn routes(ipam: &Fields<'_, '_>, remarks: &mut Remarks) -> Vec<GivenRoute> {
    let entries = ipam.list("routes", remarks).unwrap_or_default();
    entries.into_iter().filter_map(|(node, pointer)| route(node, pointer, remarks)).collect()
}

/// `null` comes out of the plugin as null, and the main plugin fails on it.
fn route(node: &Node<'_>, pointer: Pointer, remarks: &mut Remarks) -> Option<GivenRoute> {
    let entry = &Fields::open(node, pointer, remarks)?;
    let gw = strict_ip(entry, "gw", remarks).map(|(gw, _)| gw);
    let [table, scope, priority, _, _] =
        ["table", "scope", "priority", "mtu", "advmss"].map(|key| entry.whole(key, remarks).map(|(value, _)| value));
    let (text, pointer) = entry.text("dst", remarks).unwrap_or_else(|| ("", child(&entry.pointer, "dst")));
    let Some(dst) = go_cidr(text) else {
        let why = format!("`{text}` is not a destination with a prefix length");
        remarks.fault(pointer, why, "Write `dst` as a CIDR, for example `10.2.0.0/16`.");
        return None;
    };
    note_odd_cidr(text, &dst, &pointer, remarks);
    Some(GivenRoute {
        dst,
        gw,
        table: table.map(low_bits).filter(|table| ![0, MAIN_TABLE].contains(table)),
        priority: priority.map_or(0, low_bits),
        scope: scope.map(|scope| scope.to_le_bytes()[0]),
        pointer: entry.pointer.clone(),
    })
}

const MAIN_TABLE: u32 = 254;

/// What the kernel is sent: nothing of a number below 1, and the low 32 bits of any other.
fn low_bits(number: i64) -> u32 {
    let [a, b, c, d, ..] = number.max(0).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// A `net.IP`: a bare address, or an empty string for none.
fn strict_ip(fields: &Fields<'_, '_>, key: &str, remarks: &mut Remarks) -> Option<(IpAddr, Pointer)> {
    let (text, pointer) = fields.text(key, remarks).filter(|(text, _)| !text.is_empty())?;
    let Some(ip) = go_ip(text) else {
        remarks.fault(pointer, format!("`{text}` is not an IP address"), "Write an address without a length.");
        return None;
    };
    note_odd_ip(text, ip, &pointer, remarks);
    Some((ip.address, pointer))
}

fn note_odd_cidr(text: &str, cidr: &Cidr, pointer: &str, remarks: &mut Remarks) {
    if cidr.mapped || cidr.zeros {
        let plain = format!("{}/{}", cidr.address, cidr.prefix.length());
        remarks.odd(pointer, format!("`{text}` is read as {plain}"), format!("Write `{plain}`."));
    }
}

/// The types inside `dns`, which changes nothing for a pod's further interface.
pub(super) fn check_dns(ipam: &Fields<'_, '_>, remarks: &mut Remarks) {
    let Some(dns) = ipam.object("dns", remarks) else { return };
    dns.text("domain", remarks);
    for key in ["nameservers", "search", "options"] {
        dns.texts(key, remarks);
    }
}
