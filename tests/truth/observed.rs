//! What the kernel holds in the pod's namespace, as `ip -j` tells it.

use super::cluster::{PODS, Place};
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};

/// What an attachment did.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What Multus said, if ADD failed.
    pub failed: Option<String>,
    /// The names of all interfaces, in order.
    pub links: Vec<String>,
    /// `address/length` on migration0, fe80::/10 left out.
    pub addresses: Vec<String>,
    /// By migration0, of all tables but `local`.
    pub routes: Vec<Route>,
    pub ways: Vec<Way>,
}

/// By which interface a place is reached; `None` is unreachable.
#[derive(Clone, Debug)]
pub struct Way {
    pub place: Place,
    /// With the cluster's network alone.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Way {
    pub fn changed(&self) -> bool {
        self.before != self.after
    }
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
    /// One next hop of several, and another one is not by migration0: some of the traffic goes here, some there.
    pub shared: bool,
}

fn json(pod: &str, arguments: &[&str]) -> Value {
    let text = output("ip", &[&["-n", pod, "-j"], arguments].concat());
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

/// The ways to all of these places. The pod's namespace is of no use afterwards: the way before to a place that was drawn
/// is seen by taking migration0 away.
pub fn ways(pod: &str, places: Vec<Place>, before: &BTreeMap<IpAddr, String>, routes: &[Route]) -> Vec<Way> {
    let addresses: Vec<_> = places.iter().map(|place| place.address).collect();
    let mut after = devices(pod, &addresses);
    // Of several next hops `ip route get` shows the one that this flow takes; another flow takes another.
    let shared: Vec<IpNetwork> =
        routes.iter().filter(|route| route.shared).map(|route| route.dst.parse().unwrap()).collect();
    let ours = |address: &IpAddr| PODS.iter().any(|pods| pods.parse::<IpNetwork>().unwrap().contains(*address));
    for (address, device) in &mut after {
        if device == "eth0" && !ours(address) && shared.iter().any(|dst| dst.contains(*address)) {
            "eth0 and migration0".clone_into(device);
        }
    }
    let drawn: Vec<_> = addresses.iter().copied().filter(|address| !before.contains_key(address)).collect();
    let mut known = before.clone();
    if !drawn.is_empty() {
        let _ = Command::new("ip").args(["-n", pod, "link", "delete", "migration0"]).output();
        known.extend(devices(pod, &drawn));
    }
    let ways = places.into_iter().map(|place| {
        let (before, after) = (known.get(&place.address).cloned(), after.get(&place.address).cloned());
        Way { place, before, after }
    });
    ways.collect()
}

/// The interface by which the pod sends to each address; those that it cannot reach are left out.
fn devices(pod: &str, addresses: &[IpAddr]) -> BTreeMap<IpAddr, String> {
    let asked: Vec<_> = addresses.iter().map(|address| format!("route get {address}\n")).collect();
    let mut ip = Command::new("ip");
    ip.args(["-n", pod, "-j", "-force", "-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut ip = ip.stderr(Stdio::null()).spawn().unwrap();
    ip.stdin.take().unwrap().write_all(asked.concat().as_bytes()).unwrap();
    let output = ip.wait_with_output().unwrap().stdout;
    let answers = serde_json::Deserializer::from_slice(&output).into_iter::<Value>().map(Result::unwrap);
    let found = answers.filter_map(|answer| {
        let (address, device) = (answer[0]["dst"].as_str()?.parse().ok()?, answer[0]["dev"].as_str()?.to_owned());
        Some((address, device))
    });
    found.collect()
}

/// The names of the pod's interfaces, in order.
pub fn links(pod: &str) -> Vec<String> {
    let links = json(pod, &["link", "show"]);
    let names = links.as_array().into_iter().flatten().filter_map(|link| link["ifname"].as_str());
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names
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
    let kernel = route["protocol"] == "kernel";
    let table = match route["table"].as_str() {
        // The kernel's own are the addresses of all interfaces.
        Some("local") if kernel => return Vec::new(),
        Some("local") => Some(255),
        Some("main") | None => None,
        Some("default") => Some(253),
        Some(table) => table.parse().ok(),
    };
    let dst = text(&route["dst"]).unwrap_or_default();
    let dst = if dst == "default" { default.to_owned() } else { dst };
    let length = if default.contains(':') { 128 } else { 32 };
    let dst = if dst.contains('/') { dst } else { format!("{dst}/{length}") };
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
        shared: hops.iter().any(|hop| hop["dev"] != "migration0"),
    })
    .collect()
}

/// The output of a command that must not fail.
pub fn output(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
