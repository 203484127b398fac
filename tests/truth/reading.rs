//! Whether `preview` reads a NAD as the plugins do.

use super::observed::{Observed, Route};
use super::said::Said;
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::net::IpAddr;

/// What was compared and what came of it.
#[derive(Debug, Default)]
pub struct Reading {
    /// `fails`, `addresses` and `routes`, the latter once for each family.
    pub compared: Vec<&'static str>,
    /// Fields that `preview` calls unknown, and why.
    pub left_out: Vec<(&'static str, String)>,
    /// A line each.
    pub differences: Vec<String>,
}

/// Compares what can be compared.
pub fn reading(said: &Said, observed: &Observed) -> Reading {
    let preview = &said.preview;
    let mut out = Reading::default();
    match (preview["fails"].as_str(), &observed.failed, said.unknown("fails", None)) {
        (None, _, Some(why)) => out.left_out.push(("fails", why.to_owned())),
        (said, observed, _) => {
            out.compared.push("fails");
            out.differences.extend(failure(said, observed.as_deref()));
        }
    }
    if observed.failed.is_some() || preview["fails"].is_string() {
        return out;
    }
    for (field, compare) in [("addresses", addresses as fn(&Value, &Observed, u64) -> _), ("routes", routes)] {
        for family in [4, 6] {
            if let Some(why) = said.unknown(field, Some(family)) {
                out.left_out.push((field, why.to_owned()));
            } else {
                out.compared.push(field);
                out.differences.extend(compare(preview, observed, family));
            }
        }
    }
    out
}

fn failure(said: Option<&str>, observed: Option<&str>) -> Option<String> {
    match (said, observed) {
        (Some(why), None) => Some(format!("fails: we say it fails ({why}), it works")),
        (None, Some(why)) => Some(format!("fails: we say it works, it fails: {}", why.trim())),
        _ => None,
    }
}

fn is_of(text: &str, family: u64) -> bool {
    text.contains(':') == (family == 6)
}

fn addresses(preview: &Value, observed: &Observed, family: u64) -> Vec<String> {
    let said: Vec<_> = preview["addresses"].as_array().into_iter().flatten().collect();
    let mut left: Vec<_> = said.into_iter().filter(|a| is_of(a["prefix"].as_str().unwrap(), family)).collect();
    let mut out = Vec::new();
    for seen in observed.addresses.iter().filter(|seen| is_of(seen, family)) {
        let network: IpNetwork = seen.parse().unwrap();
        let canonical = format!("{}/{}", network.network(), network.prefix());
        match left.iter().position(|said| said["prefix"] == canonical && holds(said, network.ip())) {
            Some(at) => drop(left.remove(at)),
            None => out.push(format!("addresses: {seen} is there, we do not say so")),
        }
    }
    out.extend(left.into_iter().map(|said| format!("addresses: we say {said}, it is not there")));
    out
}

fn holds(said: &Value, address: IpAddr) -> bool {
    let ip = |key: &str| said[key].as_str().and_then(|text| text.parse::<IpAddr>().ok());
    match (ip("address"), ip("first"), ip("last")) {
        (Some(fixed), ..) => fixed == address,
        (None, Some(first), Some(last)) => first <= address && address <= last,
        _ => true,
    }
}

fn routes(preview: &Value, observed: &Observed, family: u64) -> Vec<String> {
    let said: Vec<_> = preview["routes"].as_array().into_iter().flatten().map(route).collect();
    let mut left: Vec<_> = said.into_iter().filter(|route| is_of(&route.dst, family)).collect();
    let prefixes: Vec<_> = preview["addresses"].as_array().into_iter().flatten().map(|a| a["prefix"].clone()).collect();
    let mut out = Vec::new();
    for seen in observed.routes.iter().filter(|seen| is_of(&seen.dst, family)) {
        let main = seen.kernel && seen.table.is_none() && !seen.dst.ends_with("/0");
        let connected = main && prefixes.iter().any(|prefix| *prefix == seen.dst.as_str());
        if connected {
            continue;
        }
        match left.iter().position(|said| is_same(said, seen)) {
            Some(at) => drop(left.remove(at)),
            None => out.push(format!("routes: {seen:?} is there, we do not say so")),
        }
    }
    // The kernel's own link-local routes are not looked at, so neither is what sbr makes of them.
    left.retain(|said| !(said.dst == "fe80::/64" && said.via.is_none()));
    out.extend(left.into_iter().map(|said| format!("routes: we say {said:?}, it is not there")));
    out
}

fn route(said: &Value) -> Route {
    Route {
        dst: said["dst"].as_str().unwrap_or_default().to_owned(),
        via: said["via"].as_str().map(str::to_owned),
        table: said["table"].as_u64().and_then(|table| u32::try_from(table).ok()),
        metric: said["metric"].as_u64(),
        kernel: false,
        shared: false,
    }
}

/// Without a metric an IPv6 route gets 1024 from the kernel, and the one for an address 256.
fn is_same(said: &Route, seen: &Route) -> bool {
    let given = seen.dst.contains(':') && matches!(seen.metric, Some(256 | 1024));
    let metric = said.metric == seen.metric
        || said.metric.is_none() && given
        || said.metric == Some(0) && (given || seen.metric.is_none());
    (&said.dst, &said.via, said.table) == (&seen.dst, &seen.via, seen.table) && metric
}
