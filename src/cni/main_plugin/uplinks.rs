//! Plugins that build on an interface of the node: macvlan, ipvlan, vlan (containernetworking/plugins plugins/main).

use super::{Facts, Main, Need, check_mac, check_vlan, flag, text};
use crate::cni::chain::{Chain, Outcome, OutcomeIp};
use crate::cni::decode::{Fields, Remarks, child};
use crate::cni::envelope::Element;
use crate::cni::iface;
use crate::cni::prev_result;
use crate::cni::shape::{Shape, Struct};
use crate::cni::{Field, Uplink};

pub(super) const MACVLAN: Main = Main { kind: "macvlan", keys: MACVLAN_KEYS, ipam: Need::Optional, look: macvlan };
pub(super) const IPVLAN: Main = Main { kind: "ipvlan", keys: IPVLAN_KEYS, ipam: Need::Required, look: ipvlan };
pub(super) const VLAN: Main = Main { kind: "vlan", keys: VLAN_KEYS, ipam: Need::Required, look: vlan };

const MACVLAN_KEYS: Struct = &[
    ("master", Shape::Text),
    ("mode", Shape::Text),
    ("mtu", Shape::Int),
    ("mac", Shape::Text),
    ("linkInContainer", Shape::Flag),
    ("bcqueuelen", Shape::Unsigned(u32::MAX as u64)),
    ("runtimeConfig", Shape::Struct(&[("mac", Shape::Text)])),
];

const IPVLAN_KEYS: Struct =
    &[("master", Shape::Text), ("mode", Shape::Text), ("mtu", Shape::Int), ("linkInContainer", Shape::Flag)];

const VLAN_KEYS: Struct =
    &[("master", Shape::Text), ("vlanId", Shape::Int), ("mtu", Shape::Int), ("linkInContainer", Shape::Flag)];

fn macvlan(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    check_mode(fields, &["bridge", "private", "vepa", "passthru"], remarks);
    let runtime = fields.nested(&["runtimeConfig"]).and_then(|f| f.text("mac", &mut Remarks::default()));
    let mac = runtime.filter(|(mac, _)| !mac.is_empty()).or_else(|| fields.text("mac", &mut Remarks::default()));
    check_mac(mac, remarks);
    Facts { uplink: master(fields), vlan: 0, mtu: check_mtu(fields, remarks) }
}

fn ipvlan(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    check_mode(fields, &["l2", "l3", "l3s"], remarks);
    let by_dhcp = fields.nested(&["ipam"]).is_some_and(|ipam| text(&ipam, "type") == "dhcp");
    if by_dhcp && matches!(text(fields, "mode"), "l3" | "l3s") {
        let why = "an ipvlan in mode l3 passes no broadcasts, so DHCP never gets an answer";
        remarks.fault(child(&fields.pointer, "mode"), why, "Use mode l2, or another IPAM plugin.");
    }
    Facts { uplink: master(fields), vlan: 0, mtu: super::number(fields, "mtu").max(0) }
}

fn vlan(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    let vlan = check_vlan(fields, "vlanId", remarks);
    if text(fields, "master").is_empty() {
        remarks.fault(fields.pointer.clone(), "`vlan` needs a `master`", "Name the node's interface as `master`.");
    }
    Facts { uplink: master(fields), vlan, mtu: check_mtu(fields, remarks) }
}

fn check_mode(fields: &Fields<'_, '_>, modes: &[&str], remarks: &mut Remarks) {
    let mode = fields.text("mode", remarks).filter(|(mode, _)| !mode.is_empty() && !modes.contains(mode));
    if let Some((mode, place)) = mode {
        remarks.fault(place, format!("there is no mode `{mode}`"), format!("Write one of {}.", modes.join(", ")));
    }
}

/// From 0 to the master's MTU, which only the node knows.
fn check_mtu(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> i64 {
    let Some((mtu, place)) = fields.whole("mtu", remarks) else { return 0 };
    if mtu < 0 {
        remarks.fault(place, format!("no interface takes the MTU {mtu}"), "Write a number from 0 to the master's MTU.");
    }
    mtu.max(0)
}

/// The master; inside the pod it is none of the node's.
fn master(fields: &Fields<'_, '_>) -> Uplink {
    match text(fields, "master") {
        _ if flag(fields, "linkInContainer") => Uplink::None,
        "" => Uplink::Implicit,
        name => Uplink::Interface(name.to_owned()),
    }
}

/// Without `ipam` ipvlan takes the addresses of the previous result, if that has any. Whether it did.
pub(super) fn from_prev_result(element: &Element<'_, '_>, chain: &mut Chain<'_>) -> bool {
    if let Some(before) = chain.result.as_ref().filter(|result| result.open || !result.ips.is_empty()) {
        let again = Outcome { open: true, ips: Vec::<OutcomeIp>::clone(&before.ips), routes: before.routes.clone() };
        chain.result = Some(again);
        chain.gap(Field::Addresses, "ipvlan takes the addresses of the plugin before it");
        return true;
    }
    if element.fields.get("prevResult", &mut Remarks::default()).is_none() {
        return false;
    }
    let given = prev_result::read(element, &mut chain.remarks);
    let some = !given.ips.is_empty();
    if some {
        iface::configure(chain, &given, "prevResult");
    }
    some
}
