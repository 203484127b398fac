//! What an IPAM plugin gave and remarked, as lines of text: addresses, routes, gaps, own pools, leases, remarks.

use super::super::decode::{Fields, Remarks};
use super::super::{Note, Pool, Pools, Setting, Taken};
use super::{Call, Given, GivenIp, GivenRoute};
use crate::net::Interval;
use crate::net::parse::strict_prefix;
use crate::tree::parse;

type Plugin = fn(&Call<'_, '_, '_>, &mut Remarks) -> Given;
type Main = fn(&Fields<'_, '_>, Setting<'_>, &mut Remarks) -> Given;

/// The plugin called with `ipam`, CNI version 1.0.0, network `conf`.
pub(in crate::cni) fn called(ipam: &str, pools: &[Pool], plugin: Plugin) -> Vec<String> {
    called_as((1, 0, 0), ipam, pools, plugin)
}

pub(in crate::cni) fn called_as(version: (u32, u32, u32), ipam: &str, pools: &[Pool], plugin: Plugin) -> Vec<String> {
    call(version, &format!(r#"{{"ipam":{ipam}}}"#), pools, plugin)
}

/// With further keys beside `ipam`.
pub(in crate::cni) fn called_with(keys: &str, ipam: &str, pools: &[Pool], plugin: Plugin) -> Vec<String> {
    call((1, 0, 0), &format!(r#"{{"ipam":{ipam},{keys}}}"#), pools, plugin)
}

/// What came of the plugin, without its remarks.
pub(in crate::cni) fn given_by(ipam: &str, plugin: Plugin) -> Given {
    let (pools, text) = (Pools::new(), format!(r#"{{"ipam":{ipam}}}"#));
    let (node, mut remarks) = (parse(&text).expect(ipam), Remarks::default());
    let setting = Setting { namespace: Some("kubevirt"), name: "mig", pools: &pools, pods_have_v6: None };
    let conf = Fields::open(&node, String::new(), &mut remarks).expect(ipam);
    let ipam = conf.object("ipam", &mut remarks).expect("an ipam");
    plugin(&Call { conf: &conf, ipam: &ipam, version: (1, 0, 0), conf_name: "conf", setting }, &mut remarks)
}

fn call(version: (u32, u32, u32), text: &str, pools: &[Pool], plugin: Plugin) -> Vec<String> {
    with_main_and_version(text, pools, |conf, setting, remarks| {
        let Some(ipam) = conf.object("ipam", remarks) else { return Given::default() };
        plugin(&Call { conf, ipam: &ipam, version, conf_name: "conf", setting }, remarks)
    })
}

/// A main plugin that has no IPAM, in the NAD kubevirt/mig.
pub(in crate::cni) fn with_main(text: &str, pools: &[Pool], plugin: Main) -> Vec<String> {
    with_main_and_version(text, pools, plugin)
}

fn with_main_and_version(
    text: &str,
    pools: &[Pool],
    plugin: impl FnOnce(&Fields<'_, '_>, Setting<'_>, &mut Remarks) -> Given,
) -> Vec<String> {
    let pools: Pools = pools.iter().map(|pool| (pool.key.clone(), pool.clone())).collect();
    let setting = Setting { namespace: Some("kubevirt"), name: "mig", pools: &pools, pods_have_v6: None };
    let node = parse(text).expect(text);
    let mut remarks = Remarks::default();
    let given = match Fields::open(&node, String::new(), &mut remarks) {
        Some(conf) => plugin(&conf, setting, &mut remarks),
        None => Given::default(),
    };
    lines(&given, &remarks)
}

pub(in crate::cni) fn lines(given: &Given, remarks: &Remarks) -> Vec<String> {
    let gap = |gap: &super::Gap| {
        let family = gap.family.map_or(String::new(), |family| format!(" {}", family.number()));
        format!("gap {:?}{family}: {}", gap.field, gap.why)
    };
    let note = |kind: &'static str, notes: &[Note]| -> Vec<String> {
        notes.iter().map(|note| format!("{kind} {}: {}", note.pointer, note.why)).collect()
    };
    let mut lines: Vec<String> = given.ips.iter().map(ip).collect();
    lines.extend(given.routes.iter().map(route));
    lines.extend(given.gaps.iter().map(gap));
    lines.extend(given.own.iter().map(|key| format!("own {key}")));
    lines.extend(note("fault", &remarks.faults));
    lines.extend(note("ambiguous", &remarks.ambiguities));
    lines.extend(note("odd", &remarks.oddities));
    lines.extend(note("opaque", &remarks.opaque));
    lines
}

fn ip(ip: &GivenIp) -> String {
    let taken = match &ip.taken {
        Taken::Fixed(address) => address.to_string(),
        Taken::Pool(pool, holes) => {
            let holes: Vec<_> = holes.iter().map(Interval::to_string).collect();
            let less = if holes.is_empty() { String::new() } else { format!(" less {}", holes.join(" ")) };
            format!("{}-{}{less}", pool.first(), pool.last())
        }
    };
    let gateway = ip.gateway.map_or(String::new(), |gateway| format!(" gw {gateway}"));
    let alternative = if ip.alternative { " alternative" } else { "" };
    let scope = format!("{:?}", ip.scope).to_lowercase();
    format!("{taken} in {}{gateway} {scope} @{}{alternative}", ip.prefix, ip.pointer)
}

fn route(route: &GivenRoute) -> String {
    let host = if route.dst.has_host_bits() { format!(" ({})", route.dst.address) } else { String::new() };
    let gw = route.gw.map_or(String::new(), |gw| format!(" via {gw}"));
    let table = route.table.map_or(String::new(), |table| format!(" table {table}"));
    let metric = if route.priority == 0 { String::new() } else { format!(" metric {}", route.priority) };
    format!("route {}{host}{gw}{table}{metric} @{}", route.dst.prefix, route.pointer)
}

/// A pool of one prefix, whose first address is the gateway.
pub(in crate::cni) fn pool(key: &str, prefix: &str) -> Pool {
    let prefix = strict_prefix(prefix).unwrap();
    let usable = prefix.interval().shrunk(1, 1).unwrap();
    Pool {
        key: key.into(),
        ranges: vec![(prefix, usable, vec![])],
        gateways: vec![usable.first()],
        routes: vec![],
        default_route: false,
        per_node: false,
    }
}
