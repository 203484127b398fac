//! What the kernel holds in the pod's namespace, as `ip -j` tells it.

use super::cluster::PLACES;
use super::private::output;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an attachment did.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What Multus said, if ADD failed.
    pub failed: Option<String>,
    /// `address/length` on migration0, fe80::/10 left out.
    pub addresses: Vec<String>,
    /// By migration0, of all tables but `local`.
    pub routes: Vec<Route>,
    /// The interface by which each place left before and after; `None` is unreachable.
    pub ways: BTreeMap<String, (Option<String>, Option<String>)>,
}

/// A route of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub dst: String,
    pub via: Option<String>,
    /// `None` is main.
    pub table: Option<u32>,
    pub metric: Option<u64>,
    /// Made by the kernel for an address.
    pub kernel: bool,
}

fn json(pod: &str, arguments: &[&str]) -> Value {
    let text = output("ip", &[&["-n", pod, "-j"], arguments].concat());
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

/// The interface by which the pod sends to `address`.
pub fn way(pod: &str, address: &str) -> Option<String> {
    let run = std::process::Command::new("ip").args(["-n", pod, "-j", "route", "get", address]).output();
    let found: Value = serde_json::from_slice(&run.unwrap().stdout).ok()?;
    found[0]["dev"].as_str().map(str::to_owned)
}

/// The ways to all fixed places.
pub fn ways(pod: &str) -> BTreeMap<String, Option<String>> {
    PLACES.iter().map(|(_, address, _)| ((*address).to_owned(), way(pod, address))).collect()
}

/// Addresses and routes of migration0.
pub fn interface(pod: &str) -> (Vec<String>, Vec<Route>) {
    let links = json(pod, &["address", "show"]);
    let link = links.as_array().into_iter().flatten().find(|link| link["ifname"] == "migration0");
    let infos = link.and_then(|link| link["addr_info"].as_array()).into_iter().flatten();
    let addresses = infos
        .filter(|info| info["scope"] != "link")
        .map(|info| format!("{}/{}", info["local"].as_str().unwrap_or_default(), info["prefixlen"]));
    let mut routes = Vec::new();
    for (family, default) in [("-4", "0.0.0.0/0"), ("-6", "::/0")] {
        let all = json(pod, &[family, "route", "show", "table", "all"]);
        for route in all.as_array().into_iter().flatten() {
            routes.extend(read(route, default));
        }
    }
    routes.sort();
    (addresses.collect(), routes)
}

/// A route by migration0; several next hops are several routes.
fn read(route: &Value, default: &str) -> Vec<Route> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let table = match route["table"].as_str() {
        Some("local") => return Vec::new(),
        Some("main") | None => None,
        Some("default") => Some(253),
        Some(table) => table.parse().ok(),
    };
    let dst = text(&route["dst"]).unwrap_or_default();
    let dst = if dst == "default" { default.to_owned() } else { dst };
    let length = if default.contains(':') { 128 } else { 32 };
    let dst = if dst.contains('/') { dst } else { format!("{dst}/{length}") };
    let kernel = route["protocol"] == "kernel";
    if kernel && (dst == "fe80::/64" || dst.starts_with("ff00:")) {
        return Vec::new();
    }
    let hops = match route["nexthops"].as_array() {
        Some(hops) => hops.clone(),
        None => vec![route.clone()],
    };
    let ours = hops.iter().filter(|hop| hop["dev"] == "migration0");
    ours.map(|hop| Route {
        dst: dst.clone(),
        via: text(&hop["gateway"]),
        table,
        metric: route["metric"].as_u64(),
        kernel,
    })
    .collect()
}
