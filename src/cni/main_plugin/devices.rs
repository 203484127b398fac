//! Plugins that move a device into the pod or make one there: host-device, tap, dummy, loopback
//! (containernetworking/plugins plugins/main), sriov and ovs (k8snetworkplumbingwg).

use super::{Facts, Main, NO_FACTS, Need, check_mac, check_vlan, flag, number, text};
use crate::cni::Uplink;
use crate::cni::chain::{Chain, Outcome, OutcomeIp};
use crate::cni::decode::{Fields, Remarks, child};
use crate::cni::ipam::Given;
use crate::cni::mac;
use crate::cni::shape::{Shape, Struct};

pub(super) const HOST_DEVICE: Main =
    Main { kind: "host-device", keys: HOST_DEVICE_KEYS, ipam: Need::Optional, look: host_device };
pub(super) const SRIOV: Main = Main { kind: "sriov", keys: SRIOV_KEYS, ipam: Need::Optional, look: sriov };
pub(super) const OVS: Main = Main { kind: "ovs", keys: OVS_KEYS, ipam: Need::Optional, look: ovs };
pub(super) const TAP: Main = Main { kind: "tap", keys: TAP_KEYS, ipam: Need::Optional, look: tap };
pub(super) const DUMMY: Main = Main { kind: "dummy", keys: &[], ipam: Need::Required, look: nothing };
pub(super) const LOOPBACK: Main = Main { kind: "loopback", keys: &[], ipam: Need::Never, look: nothing };

const HOST_DEVICE_KEYS: Struct = &[
    ("device", Shape::Text),
    ("hwaddr", Shape::Text),
    ("dpdkMode", Shape::Flag),
    ("kernelpath", Shape::Text),
    ("pciBusID", Shape::Text),
    ("runtimeConfig", Shape::Struct(&[("deviceID", Shape::Text)])),
];

const SRIOV_KEYS: Struct = &[
    ("deviceID", Shape::Text),
    ("vlan", Shape::Int),
    ("vlanQoS", Shape::Int),
    ("vlanProto", Shape::Text),
    ("min_tx_rate", Shape::Int),
    ("max_tx_rate", Shape::Int),
    ("spoofchk", Shape::Text),
    ("trust", Shape::Text),
    ("link_state", Shape::Text),
    ("runtimeConfig", Shape::Struct(&[("mac", Shape::Text)])),
];

const UINT: Shape = Shape::Unsigned(u64::MAX);

const OVS_KEYS: Struct = &[
    ("bridge", Shape::Text),
    ("vlan", UINT),
    ("mtu", Shape::Int),
    ("trunk", Shape::List(&Shape::Struct(&[("minID", UINT), ("maxID", UINT), ("id", UINT)]))),
    ("deviceID", Shape::Text),
    ("ofport_request", UINT),
    ("configuration_path", Shape::Text),
    ("socket_file", Shape::Text),
    ("link_state_check_retries", Shape::Int),
    ("link_state_check_interval", Shape::Int),
];

const U32: Shape = Shape::Unsigned(u32::MAX as u64);

const TAP_KEYS: Struct = &[
    ("multiQueue", Shape::Flag),
    ("mtu", Shape::Int),
    ("mac", Shape::Text),
    ("owner", U32),
    ("group", U32),
    ("selinuxContext", Shape::Text),
    ("bridge", Shape::Text),
    ("args", Shape::Open(&[])),
    ("runtimeConfig", Shape::Struct(&[("mac", Shape::Text)])),
];

fn nothing(_: &Fields<'_, '_>, _: &mut Remarks) -> Facts {
    NO_FACTS
}

fn host_device(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    let keys = ["device", "hwaddr", "kernelpath", "pciBusID"];
    let by_runtime = fields.nested(&["runtimeConfig"]).is_some_and(|inner| !text(&inner, "deviceID").is_empty());
    if !by_runtime && keys.iter().all(|key| text(fields, key).is_empty()) {
        let help = "Name the device by `device`, `hwaddr`, `kernelpath` or `pciBusID`.";
        remarks.fault(fields.pointer.clone(), "host-device names no device", help);
    }
    check_device_keys(fields, remarks);
    let uplink = match text(fields, "device") {
        "" => Uplink::None,
        name => Uplink::Interface(name.to_owned()),
    };
    Facts { uplink, vlan: 0, mtu: 0 }
}

/// An internal field of host-device that the text can set: the device stays with the node, and the addresses that are
/// given are put nowhere. `pciBusID` makes the plugin find out for itself.
pub(super) fn is_userspace(fields: &Fields<'_, '_>) -> bool {
    flag(fields, "dpdkMode") && text(fields, "pciBusID").is_empty()
}

/// The result names addresses, but there is no interface to have them.
pub(super) fn keep_away(given: &Given, chain: &mut Chain<'_>) {
    let ips = given.ips.iter().filter(|ip| !ip.alternative);
    let ips = ips.map(|ip| OutcomeIp { ip: ip.clone(), gateway: ip.gateway }).collect();
    let routes = given.routes.iter().map(|route| route.dst.prefix).collect();
    chain.has_interface = false;
    chain.result = Some(Outcome { ips, routes, open: false });
}

/// The first key that is there decides: `device`, `hwaddr`, `kernelpath` (plugins/main/host-device `getLink`).
fn check_device_keys(fields: &Fields<'_, '_>, remarks: &mut Remarks) {
    if !text(fields, "device").is_empty() || flag(fields, "dpdkMode") {
        return;
    }
    let (hwaddr, path) = (text(fields, "hwaddr"), text(fields, "kernelpath"));
    if !hwaddr.is_empty() && mac::parse(hwaddr).is_none() {
        let why = format!("`{hwaddr}` is no hardware address");
        remarks.fault(child(&fields.pointer, "hwaddr"), why, "Write an address such as 02:00:00:00:00:01.");
    } else if hwaddr.is_empty() && !path.is_empty() && !path.starts_with("/sys/devices/") {
        let why = format!("`{path}` does not begin with /sys/devices/");
        remarks.fault(child(&fields.pointer, "kernelpath"), why, "Write the device's path below /sys/devices/.");
    }
}

/// A missing `deviceID` is no fault of the text: Multus writes it in.
fn sriov(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    let vlan = check_vlan(fields, "vlan", remarks);
    check_vlan_details(fields, vlan, remarks);
    let state = fields.text("link_state", remarks);
    if let Some((state, place)) = state.filter(|(s, _)| !matches!(*s, "" | "auto" | "enable" | "disable")) {
        let why = format!("there is no link state `{state}`");
        remarks.fault(place, why, "Write \"auto\", \"enable\" or \"disable\".");
    }
    Facts { uplink: Uplink::None, vlan, mtu: 0 }
}

/// Priority and protocol of a VLAN tag need a VLAN (k8snetworkplumbingwg/sriov-cni pkg/config `LoadConf`).
fn check_vlan_details(fields: &Fields<'_, '_>, vlan: i64, remarks: &mut Remarks) {
    let qos = fields.whole("vlanQoS", remarks);
    if let Some((qos, place)) = qos {
        let untagged = vlan == 0 && (qos != 0 || !fields.has("vlan"));
        if untagged || !(0..=7).contains(&qos) {
            let why = format!("`vlanQoS` {qos} is no priority from 0 to 7 of a VLAN");
            remarks.fault(place, why, "Set `vlan`, and a priority from 0 to 7.");
        }
    }
    let proto = fields.text("vlanProto", remarks);
    if let Some((proto, place)) = proto {
        let lower = proto.to_lowercase();
        let untagged = vlan == 0 && (lower == "802.1ad" || !fields.has("vlan"));
        if untagged || !matches!(lower.as_str(), "802.1q" | "802.1ad") {
            let why = format!("`vlanProto` {proto} is no protocol of a VLAN");
            remarks.fault(place, why, "Set `vlan`, and \"802.1q\" or \"802.1ad\".");
        }
    }
}

/// A bridge that the text does not name can come from a file on the node.
fn ovs(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    let bridge = text(fields, "bridge");
    let path = text(fields, "configuration_path");
    if bridge.is_empty() && text(fields, "deviceID").is_empty() {
        let why = "the text names no `bridge`, which a file on the node may do";
        let key = if path.is_empty() { "type" } else { "configuration_path" };
        remarks.opaque(child(&fields.pointer, key), why, "Write `bridge` into the text.");
    } else if !path.is_empty() {
        let why = format!("the file `{path}` on the node adds what the text leaves out");
        remarks.opaque(child(&fields.pointer, "configuration_path"), why, "Write everything into the text.");
    }
    let uplink = if bridge.is_empty() { Uplink::None } else { Uplink::Bridge(bridge.to_owned()) };
    Facts { uplink, vlan: number(fields, "vlan"), mtu: number(fields, "mtu").max(0) }
}

fn tap(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Facts {
    let runtime = fields.nested(&["runtimeConfig"]).and_then(|f| f.text("mac", &mut Remarks::default()));
    let mac = runtime.filter(|(mac, _)| !mac.is_empty()).or_else(|| fields.text("mac", &mut Remarks::default()));
    check_mac(mac, remarks);
    let mtu = number(fields, "mtu");
    if mtu != 0 && !(68..=65535).contains(&mtu) {
        let place = child(&fields.pointer, "mtu");
        remarks.fault(place, format!("no interface takes the MTU {mtu}"), "Write a number from 68 to 65535.");
    }
    Facts { uplink: Uplink::None, vlan: 0, mtu: mtu.max(0) }
}
