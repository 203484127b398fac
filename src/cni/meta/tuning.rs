//! The tuning plugin (containernetworking/plugins plugins/meta/tuning): sysctls, MTU and hardware address. It takes
//! IPv6 away where a sysctl disables it or the MTU is too small for it.

use super::sysctl::{self, Sysctl};
use super::{has_interface, has_result};
use crate::cni::Field;
use crate::cni::chain::Chain;
use crate::cni::decode::{Fields, Placed, Remarks, child};
use crate::cni::envelope::Element;
use crate::cni::mac;
use crate::cni::main_plugin::V6_MTU;
use crate::cni::shape::{self, Shape, Struct};
use crate::net::Family;
use crate::tree::Node;

const SYSCTL: Shape = Shape::MapOf(&Shape::Text);

const CONF: Struct = &[
    ("dataDir", Shape::Text),
    ("sysctl", SYSCTL),
    ("mac", Shape::Text),
    ("promisc", Shape::Flag),
    ("mtu", Shape::Int),
    ("txQLen", Shape::Int),
    ("allmulti", Shape::Flag),
    ("runtimeConfig", Shape::Struct(&[("mac", Shape::Text)])),
    ("args", Shape::Open(&[("cni", Shape::Open(ARGS))])),
];

const ARGS: Struct = &[
    ("sysctl", SYSCTL),
    ("mac", Shape::Text),
    ("promisc", Shape::Flag),
    ("mtu", Shape::Int),
    ("txQLen", Shape::Int),
    ("allmulti", Shape::Flag),
];

pub(super) fn run(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    let (fields, remarks) = (&element.fields, &mut chain.remarks);
    shape::check(fields, CONF, remarks);
    let args = fields.nested(&["args", "cni"]);
    let sysctls = sysctls(fields, args.as_ref(), remarks);
    let written: Vec<Sysctl> = sysctls.iter().map(|(key, value)| sysctl::written(key, value)).collect();
    let unsure = check_sysctls(&sysctls, &written, &child(&fields.pointer, "sysctl"), remarks);
    let mtu = last(fields, args.as_ref(), |f| f.whole("mtu", &mut Remarks::default())).map_or(0, |(mtu, _)| mtu);
    check_mac(fields, args.as_ref(), remarks);
    let mtu = check_mtu(mtu, fields, remarks);
    let touches = touches_interface(fields, args.as_ref(), &sysctls);
    if !has_result(element, chain) || (touches && !has_interface(element, chain)) {
        return;
    }
    for why in unsure {
        chain.gap(Field::Fails, &why);
    }
    if written.contains(&Sysctl::NoV6) || (1..V6_MTU).contains(&mtu) {
        chain.kernel.drop_family(Family::V6);
        chain.alternatives.retain(|ip| ip.prefix.family() != Family::V6);
    }
}

/// A value of `args.cni` in place of the plugin's own.
fn last<'n, 'a, T>(
    own: &Fields<'n, 'a>,
    args: Option<&Fields<'n, 'a>>,
    read: impl Fn(&Fields<'n, 'a>) -> Option<T>,
) -> Option<T> {
    args.and_then(&read).or_else(|| read(own))
}

/// All sysctls with their values; those of `args.cni` need a map of the plugin's own to be written into.
fn sysctls<'n>(own: &Fields<'n, '_>, args: Option<&Fields<'n, '_>>, remarks: &mut Remarks) -> Vec<(&'n str, &'n str)> {
    let entries = |placed: Option<&Placed<'n, '_>>| -> Vec<(&'n str, &'n str)> {
        let members = placed.and_then(|(node, _)| node.map()).into_iter().flat_map(crate::tree::Map::iter);
        members.map(|(key, value)| (key, value.text().unwrap_or_default())).collect()
    };
    let written = own.get("sysctl", remarks);
    let added = args.and_then(|args| args.get("sysctl", remarks));
    let (mut all, further) = (entries(written.as_ref()), entries(added.as_ref()));
    if let (None, false, Some((_, place))) = (&written, further.is_empty(), &added) {
        let why = "tuning crashes on `args.cni.sysctl` where it has no `sysctl` of its own";
        remarks.fault(place.clone(), why, "Write `sysctl` beside it, be it empty.");
    }
    all.retain(|(key, _)| further.iter().all(|(other, _)| other != key));
    all.extend(further);
    all
}

/// What makes ADD fail is a fault; what only the node's kernel knows is given back.
fn check_sysctls(all: &[(&str, &str)], written: &[Sysctl], place: &str, remarks: &mut Remarks) -> Vec<String> {
    let mut unsure = Vec::new();
    for ((key, value), write) in all.iter().zip(written) {
        match write {
            Sysctl::Taken | Sysctl::NoV6 => {}
            Sysctl::Unknown => unsure.push(format!("whether the node's kernel takes the sysctl `{key}` is not known")),
            Sysctl::NotNet => {
                let why = format!("tuning writes sysctls below `net` only, and `{key}` is none");
                remarks.fault(child(place, key), why, "Remove the key.");
            }
            Sysctl::NoNumber => {
                let why = format!("the kernel takes a whole number for the sysctl `{key}`, not `{value}`");
                remarks.fault(child(place, key), why, "Write a number as a string, such as \"1\".");
            }
        }
    }
    unsure
}

fn check_mac(own: &Fields<'_, '_>, args: Option<&Fields<'_, '_>>, remarks: &mut Remarks) {
    let runtime = own.object("runtimeConfig", remarks);
    let read = |f: &Fields<'_, '_>| f.text("mac", &mut Remarks::default()).map(|(mac, place)| (mac.to_owned(), place));
    let runtime = runtime.as_ref().and_then(read).filter(|(mac, _)| !mac.is_empty());
    let found = args.and_then(read).or(runtime).or_else(|| read(own));
    let Some((text, place)) = found.filter(|(mac, _)| !mac.is_empty()) else { return };
    if !mac::parse(&text).is_some_and(|bytes| mac::is_host(&bytes)) {
        let why = format!("`{text}` is no hardware address that an interface can have");
        remarks.fault(place, why, "Write a unicast address such as 02:00:00:00:00:01.");
    }
}

/// The MTU that is sent: nothing for 0, else the low 32 bits.
fn check_mtu(mtu: i64, fields: &Fields<'_, '_>, remarks: &mut Remarks) -> i64 {
    let sent = mtu & i64::from(u32::MAX);
    if mtu != 0 && !(68..=65535).contains(&sent) {
        let why = format!("no interface takes the MTU {mtu}");
        remarks.fault(child(&fields.pointer, "mtu"), why, "Write a number from 68 to 65535, or the master's MTU.");
    }
    sent
}

/// Whether the plugin looks the interface up.
fn touches_interface(own: &Fields<'_, '_>, args: Option<&Fields<'_, '_>>, sysctls: &[(&str, &str)]) -> bool {
    let mut quiet = Remarks::default();
    let mut runtime = Remarks::default();
    let mut set = |key: &str| {
        let value = args.and_then(|args| args.get(key, &mut quiet)).or_else(|| own.get(key, &mut quiet));
        value.is_some_and(|(node, _)| match node {
            Node::Bool(flag) => *flag || key == "allmulti",
            Node::Text(text) => !text.is_empty(),
            Node::Number(number) => key == "txQLen" || number.as_f64() != Some(0.0),
            _ => false,
        })
    };
    let asks = ["mac", "promisc", "mtu", "allmulti", "txQLen"].into_iter().any(&mut set);
    let mac = own.object("runtimeConfig", &mut runtime).is_some_and(|inner| inner.has("mac"));
    asks || mac || sysctls.iter().any(|(key, _)| key.contains("IFNAME"))
}
