//! The static IPAM plugin (containernetworking/plugins plugins/ipam/static): every pod gets the same addresses.

use super::{Call, Given, GivenIp};
use crate::cni::decode::{Fields, MANY, Placed, Remarks, child, whole};
use crate::cni::routes;
use crate::cni::shape::{self, Shape, Struct};
use crate::cni::{Pointer, Scope, Taken};
use crate::net::parse::{Cidr, go_ip};
use crate::net::{Family, Prefix, unmapped};
use crate::tree::Node;
use std::net::IpAddr;

const CONF: Struct = &[
    ("runtimeConfig", Shape::Struct(&[("ips", Shape::List(&Shape::Text))])),
    ("args", Shape::Open(&[("cni", Shape::Open(&[("ips", Shape::List(&Shape::Text))]))])),
];

const IPAM: Struct = &[("name", Shape::Text), ("type", Shape::Text), ("dns", shape::IPAM_DNS)];

pub(super) fn given(call: &Call<'_, '_, '_>, remarks: &mut Remarks) -> Given {
    shape::check(call.conf, CONF, remarks);
    shape::check(call.ipam, IPAM, remarks);
    let overriding = overriding(call.conf, remarks);
    let listed = listed(call.ipam, overriding.is_some(), remarks);
    let ips = overriding.unwrap_or(listed);
    refuse_several_in_old_versions(call, &ips, remarks);
    let routes = routes::of_ipam(call, &ips, remarks);
    Given { ips, routes, ..Given::default() }
}

/// `runtimeConfig.ips` in place of `args.cni.ips` in place of `addresses`, as far as they are written.
fn overriding(conf: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<Vec<GivenIp>> {
    let runtime = conf.nested(&["runtimeConfig"]);
    let args = conf.nested(&["args", "cni"]);
    let [args, runtime] = [args, runtime].map(|fields| fields.and_then(|fields| asked(&fields, remarks)));
    runtime.or(args)
}

/// `ips`, `None` if there is none.
fn asked(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<Vec<GivenIp>> {
    let mut texts = fields.short_list("ips", MANY, remarks).and_then(|_| fields.texts("ips", remarks))?;
    texts.truncate(MANY);
    let ip = |(text, pointer): (&str, Pointer)| {
        let cidr = routes::cidr(text, pointer.clone(), remarks)?;
        Some(fixed(cidr, None, pointer))
    };
    let some = !texts.is_empty();
    some.then(|| texts.into_iter().filter_map(ip).collect())
}

fn fixed(cidr: Cidr, gateway: Option<(IpAddr, Pointer)>, pointer: Pointer) -> GivenIp {
    let (gateway, gateway_pointer) = gateway.unzip();
    GivenIp {
        prefix: cidr.prefix,
        taken: Taken::Fixed(cidr.address),
        gateway,
        gateway_pointer,
        scope: Scope::Fixed,
        alternative: false,
        pointer,
    }
}

/// `addresses`; where other ones take their place, it is only decoded.
fn listed(ipam: &Fields<'_, '_>, replaced: bool, remarks: &mut Remarks) -> Vec<GivenIp> {
    let items = ipam.short_list("addresses", MANY, remarks).unwrap_or_default();
    items.into_iter().filter_map(|item| one(item, replaced, remarks)).collect()
}

fn one((node, pointer): Placed<'_, '_>, replaced: bool, remarks: &mut Remarks) -> Option<GivenIp> {
    if matches!(node, Node::Null) && replaced {
        return None;
    }
    if matches!(node, Node::Null) {
        remarks.fault(pointer, "an address must be an object, not null", "Write an object with `address`.");
        return None;
    }
    let fields = Fields::open(node, pointer, remarks)?;
    shape::check(&fields, &[("version", Shape::Text)], remarks);
    let gateway = routes::address(&fields, "gateway", remarks);
    let (cidr, place) = match fields.exact("Address") {
        Some(node) => {
            (structured(node, child(&fields.pointer, "Address"), remarks)?, child(&fields.pointer, "Address"))
        }
        None if replaced => {
            let _ = fields.text("address", remarks);
            return None;
        }
        None => text(&fields, remarks)?,
    };
    Some(fixed(cidr, gateway, place))
}

fn text(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<(Cidr, Pointer)> {
    if fields.get("address", remarks).is_none() {
        let help = "Write `address` as address/length, for example 192.168.100.5/24.";
        remarks.fault(fields.pointer.clone(), "the entry has no `address`", help);
        return None;
    }
    let (text, place) = fields.text("address", remarks)?;
    Some((routes::cidr(text, place.clone(), remarks)?, place))
}

/// The value of a key spelled exactly `Address`: the plugin has an internal field of this name, of two parts `IP` and
/// `Mask`, which Go fills instead of the text.
fn structured(node: &Node<'_>, pointer: Pointer, remarks: &mut Remarks) -> Option<Cidr> {
    let why = "`Address` with a capital letter is an internal field of the plugin and cannot hold a CIDR";
    let read = || {
        let mut quiet = Remarks::default();
        let fields = Fields::open(node, pointer.clone(), &mut quiet)?;
        let (text, _) = fields.text("IP", &mut quiet)?;
        let (mask, _) = fields.get("Mask", &mut quiet)?;
        let address = unmapped(go_ip(text)?.address);
        let prefix = Prefix::of(address, length_of(&bytes(mask)?, Family::of(address))?)?;
        Some(Cidr { address, prefix, mapped: false, zeros: false })
    };
    let cidr = read();
    match cidr {
        None => remarks.fault(pointer, why, "Write `address` in lower case."),
        Some(_) => remarks.odd(pointer, "`Address` is read in place of `address`", "Write `address` in lower case."),
    }
    cidr
}

/// The length of a contiguous mask of 4 or 16 bytes; of the latter the last 4 count for an IPv4 address.
fn length_of(mask: &[u8], family: Family) -> Option<u8> {
    let counted = match (mask.len(), family) {
        (4, Family::V4) | (16, Family::V6) => mask,
        (16, Family::V4) => mask.get(12..)?,
        _ => return None,
    };
    let bits = counted.iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte)) << (128 - family.bits());
    let ones = bits.leading_ones();
    (bits.count_ones() == ones).then(|| u8::try_from(ones).ok()).flatten()
}

/// Go's `[]byte`: base64, or a list of numbers.
fn bytes(node: &Node<'_>) -> Option<Vec<u8>> {
    match node {
        Node::List(items) => items.iter().map(|item| u8::try_from(whole(item)?).ok()).collect(),
        Node::Text(text) => base64(text),
        _ => None,
    }
}

/// RFC 4648 section 4, with padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    for chunk in digits.chunks(4) {
        let bits = chunk.iter().try_fold(0u32, |bits, c| Some((bits << 6) | u32::from(value(*c)?)))?;
        let whole = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        out.extend(whole.iter().skip(1).take(chunk.len() * 3 / 4));
    }
    Some(out)
}

fn refuse_several_in_old_versions(call: &Call<'_, '_, '_>, ips: &[GivenIp], remarks: &mut Remarks) {
    let count = |family| ips.iter().filter(|ip| ip.prefix.family() == family).count();
    if call.version < (0, 3, 0) && Family::ALL.into_iter().any(|family| count(family) > 1) {
        let why = "the CNI version in force knows one address of each family only, and there are more";
        remarks.fault(call.ipam.pointer.clone(), why, "Set `cniVersion` to 1.0.0.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_contiguous() {
        let v4 = |text: &str| length_of(&base64(text).unwrap(), Family::V4);
        assert_eq!(v4("////AA=="), Some(24));
        assert_eq!(v4("AAAAAA=="), Some(0));
        assert_eq!(v4("/wD/AA=="), None);
        assert_eq!(length_of(&[255; 16], Family::V6), Some(128));
        assert_eq!(base64("///"), None);
        assert_eq!(base64("//8="), Some(vec![255, 255]));
    }
}
