//! Main plugins: they make the interface and put on it what their IPAM plugin gives.

mod bridge;
mod devices;
mod ptp;
mod uplinks;

use super::chain::{Chain, Outcome};
use super::decode::{Fields, Remarks, child};
use super::envelope::Element;
use super::iface;
use super::ipam::{self, Call, Given};
use super::shape::{self, Struct};
use super::{Link, Setting, Uplink, ovn_k8s};
use crate::net::Family;

/// Linux IPV6_MIN_MTU: below it an interface has no IPv6.
pub(super) const V6_MTU: i64 = 1280;

/// What the plugins have in common, and where they differ.
struct Main {
    kind: &'static str,
    keys: Struct,
    ipam: Need,
    /// Reads its own keys and remarks what makes its ADD fail.
    look: fn(&Fields<'_, '_>, &mut Remarks) -> Facts,
}

/// Whether the plugin calls an IPAM plugin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// If one is written.
    Optional,
    /// ADD fails without one.
    Required,
    /// It never does.
    Never,
}

/// What its own keys say.
struct Facts {
    uplink: Uplink,
    vlan: i64,
    mtu: i64,
}

const NO_FACTS: Facts = Facts { uplink: Uplink::None, vlan: 0, mtu: 0 };

const MAINS: [Main; 11] = [
    bridge::MAIN,
    ptp::MAIN,
    uplinks::MACVLAN,
    uplinks::IPVLAN,
    uplinks::VLAN,
    devices::HOST_DEVICE,
    devices::SRIOV,
    devices::OVS,
    devices::TAP,
    devices::DUMMY,
    devices::LOOPBACK,
];

/// A main plugin that gives addresses and routes itself, by what its own object and the world say.
type Whole = fn(&Fields<'_, '_>, Setting<'_>, &mut Remarks) -> Given;

/// These plugins by their `type`.
const WHOLES: &[(&str, Whole)] = &[("ovn-k8s-cni-overlay", ovn_k8s::attached), ("kube-ovn", ipam::kube_ovn::attached)];

/// The IPAM plugin that a main plugin calls.
enum Asked<'n, 'a> {
    None,
    /// The object is wrong or ambiguous, for which there is a remark.
    Unclear,
    Plugin(&'n str, Fields<'n, 'a>),
}

/// Runs the element; an unknown plugin is remarked as opaque.
pub(super) fn run(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    if let Some((_, whole)) = WHOLES.iter().find(|(kind, _)| *kind == element.kind) {
        return by_itself(element, *whole, chain);
    }
    let Some(main) = MAINS.iter().find(|main| main.kind == element.kind) else { return unknown(element, chain) };
    shape::check(&element.fields, main.keys, &mut chain.remarks);
    let facts = (main.look)(&element.fields, &mut chain.remarks);
    let mtu = facts.mtu;
    link(element, facts, chain);
    if main.ipam == Need::Never {
        chain.result.get_or_insert_default();
        chain.bare |= !chain.has_interface;
        return;
    }
    refuse_second(element, chain);
    chain.has_interface = true;
    match asked(&element.fields, &mut chain.remarks) {
        Asked::Unclear => chain.result = Some(Outcome { open: true, ..Outcome::default() }),
        Asked::None => without_ipam(element, main, chain),
        Asked::Plugin(kind, ipam) => with_ipam(element, (kind, &ipam), mtu, chain),
    }
}

fn link(element: &Element<'_, '_>, Facts { uplink, vlan, mtu }: Facts, chain: &mut Chain<'_>) {
    let (plugin, pointer) = (element.kind.clone(), element.fields.pointer.clone());
    chain.links.push(Link { plugin, pointer, uplink, vlan, mtu });
}

/// Runs a plugin that calls no IPAM plugin but gives addresses.
fn by_itself(element: &Element<'_, '_>, whole: Whole, chain: &mut Chain<'_>) {
    link(element, NO_FACTS, chain);
    refuse_second(element, chain);
    chain.has_interface = true;
    let before = chain.remarks.faults.len() + chain.remarks.ambiguities.len();
    let mut given = whole(&element.fields, chain.setting, &mut chain.remarks);
    let sound = chain.remarks.faults.len() + chain.remarks.ambiguities.len() == before;
    take_over(&mut given, chain);
    chain.bare |= given.ips.is_empty() && given.gaps.is_empty() && sound;
    iface::configure(chain, &given, &element.kind);
}

fn unknown(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    let why = format!("what the plugin `{}` does is not known here", element.kind);
    let pointer = child(&element.fields.pointer, "type");
    chain.remarks.opaque(
        pointer,
        why.clone(),
        "Use a plugin whose effect the text decides, such as bridge or macvlan.",
    );
    link(element, NO_FACTS, chain);
    chain.leave_open(&why);
    chain.result.get_or_insert_default().open = true;
}

/// A second plugin cannot make an interface of the same name.
fn refuse_second(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    if chain.has_interface {
        let why = format!("`{}` makes the interface that an earlier plugin has made already", element.kind);
        let pointer = child(&element.fields.pointer, "type");
        chain.remarks.fault(pointer, why, "Keep one main plugin; after it only chained plugins can follow.");
    }
}

fn asked<'n, 'a>(fields: &Fields<'n, 'a>, remarks: &mut Remarks) -> Asked<'n, 'a> {
    if fields.get("ipam", remarks).is_none() {
        return Asked::None;
    }
    let mut quiet = Remarks::default(); // the shape's check has remarked what is wrong
    let Some(ipam) = fields.object("ipam", &mut quiet) else { return Asked::Unclear };
    match ipam.text("type", &mut quiet) {
        _ if !quiet.faults.is_empty() => Asked::Unclear,
        Some((kind, _)) if !kind.is_empty() => Asked::Plugin(kind, ipam),
        _ => Asked::None,
    }
}

fn without_ipam(element: &Element<'_, '_>, main: &Main, chain: &mut Chain<'_>) {
    let pointer = element.fields.pointer.clone();
    if element.kind == "ipvlan" && uplinks::from_prev_result(element, chain) {
        return;
    }
    chain.result = Some(Outcome::default());
    chain.bare = true;
    if main.ipam == Need::Required {
        let why = format!("`{}` needs an `ipam` with a `type`", element.kind);
        chain.remarks.fault_elsewhere(pointer, why, "Write an `ipam`, for example whereabouts with a `range`.");
    } else if element.version.is_old() {
        let why = "without an address the plugin's result cannot be told in the CNI version in force";
        chain.remarks.fault_elsewhere(pointer, why, "Write an `ipam`, and set `cniVersion` to 1.0.0.");
    }
}

fn with_ipam(element: &Element<'_, '_>, (kind, ipam): (&str, &Fields<'_, '_>), mtu: i64, chain: &mut Chain<'_>) {
    let name = chain.name.clone();
    let call = Call {
        conf: &element.fields,
        ipam,
        version: element.version.number(),
        conf_name: &name,
        setting: chain.setting,
    };
    let before = chain.remarks.faults.len() + chain.remarks.ambiguities.len();
    let given = ipam::given(kind, &call, &mut chain.remarks);
    let sound = chain.remarks.faults.len() + chain.remarks.ambiguities.len() == before;
    let mut given = if element.version.is_old() { given.in_old_form() } else { given };
    take_over(&mut given, chain);
    let given_nothing = given.ips.is_empty() && given.gaps.is_empty() && sound;
    if given_nothing {
        let why = format!("the IPAM plugin `{kind}` gives no address");
        chain.remarks.fault_elsewhere(ipam.pointer.clone(), why, "Write the addresses that it gives.");
        chain.bare = true;
    }
    refuse_v6_on_small_mtu(element, &given, mtu, chain);
    let reached = chain.remarks.faults.len();
    match element.kind.as_str() {
        "host-device" if devices::is_userspace(&element.fields) => devices::keep_away(&given, chain),
        "bridge" => bridge::configure(element, given, kind, chain),
        "ptp" => ptp::configure(element, &given, kind, chain),
        _ => iface::configure(chain, &given, kind),
    }
    if given_nothing {
        chain.remarks.faults.truncate(reached); // without an address the plugin does not come as far as the routes
    }
}

/// What of the IPAM result is not for the kernel.
fn take_over(given: &mut Given, chain: &mut Chain<'_>) {
    chain.own.append(&mut given.own);
    chain.leases.append(&mut given.leases);
    chain.gaps.extend(given.gaps.iter().cloned());
    chain.dhcp = given.dhcp.take().or(chain.dhcp.take());
}

fn refuse_v6_on_small_mtu(element: &Element<'_, '_>, given: &Given, mtu: i64, chain: &mut Chain<'_>) {
    let mut prefixes = given.ips.iter().map(|ip| ip.prefix).chain(given.routes.iter().map(|route| route.dst.prefix));
    let v6 = prefixes.any(|prefix| prefix.family() == Family::V6);
    if v6 && (1..V6_MTU).contains(&mtu) {
        let why = format!("an interface with the MTU {mtu} has no IPv6, which needs {V6_MTU} at least");
        chain.remarks.fault(child(&element.fields.pointer, "mtu"), why, format!("Write {V6_MTU} or more."));
    }
}

/// A whole number under `key`, 0 where there is none.
fn number(fields: &Fields<'_, '_>, key: &str) -> i64 {
    fields.whole(key, &mut Remarks::default()).map_or(0, |(value, _)| value)
}

/// A string under `key`, empty where there is none.
fn text<'n>(fields: &Fields<'n, '_>, key: &str) -> &'n str {
    fields.text(key, &mut Remarks::default()).map_or("", |(value, _)| value)
}

/// A flag under `key`.
fn flag(fields: &Fields<'_, '_>, key: &str) -> bool {
    fields.flag(key, &mut Remarks::default()).is_some_and(|(value, _)| value)
}

/// `vlan` or the like must be a VLAN id, 0 for none.
fn check_vlan(fields: &Fields<'_, '_>, key: &str, remarks: &mut Remarks) -> i64 {
    let Some((id, place)) = fields.whole(key, remarks) else { return 0 };
    if !(0..=4094).contains(&id) {
        remarks.fault(place, format!("{id} is no VLAN id"), "Write a number from 0 to 4094.");
    }
    id
}

/// The MTU of a veth pair, 0 for the default; a negative one is not sent to the kernel, of a great one 32 bits are.
fn check_veth_mtu(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> i64 {
    let Some((mtu, place)) = fields.whole("mtu", remarks) else { return 0 };
    let sent = if mtu > 0 { mtu & i64::from(u32::MAX) } else { 0 };
    if mtu > 0 && !(68..=65535).contains(&sent) {
        remarks.fault(place, format!("no interface takes the MTU {mtu}"), "Write a number from 68 to 65535.");
    }
    sent
}

/// `runtimeConfig.mac` or another key must hold a hardware address that an interface can have.
fn check_mac(found: Option<(&str, super::Pointer)>, remarks: &mut Remarks) {
    let Some((text, place)) = found.filter(|(text, _)| !text.is_empty()) else { return };
    let fits = super::mac::parse(text).is_some_and(|bytes| bytes.len() == 6 && super::mac::is_host(&bytes));
    if !fits {
        let why = format!("`{text}` is no hardware address that an interface can have");
        remarks.fault(place, why, "Write a unicast address such as 02:00:00:00:00:01.");
    }
}

/// Linux `dev_valid_name`, and names that the kernel keeps for itself.
pub(super) fn is_interface_name(name: &str) -> bool {
    let bad = |b: u8| matches!(b, b'/' | b':' | b'%' | 9..=13 | b' ' | 0xA0);
    let reserved = matches!(name, "" | "." | ".." | "all" | "default" | "lo");
    name.len() < 16 && !reserved && !name.bytes().any(bad)
}

/// `ipMasqBackend` is looked at only where `ipMasq` is set.
fn check_masquerade(fields: &Fields<'_, '_>, remarks: &mut Remarks) {
    let backend = fields.text("ipMasqBackend", remarks).filter(|(name, _)| !matches!(*name, "iptables" | "nftables"));
    if let Some((name, place)) = backend.filter(|_| flag(fields, "ipMasq")) {
        remarks.fault(place, format!("there is no masquerading by `{name}`"), "Write \"iptables\" or \"nftables\".");
    }
}
