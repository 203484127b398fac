//! Whether `preview` reads a NAD as the plugins do.

use super::observed::{Observed, Route};
use super::said::Said;
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::net::IpAddr;

/// What differs, a line each.
pub fn differences(said: &Said, observed: &Observed) -> Vec<String> {
    let preview = &said.preview;
    let mut out = Vec::new();
    match (preview["fails"].as_str(), &observed.failed) {
        (Some(why), None) => out.push(format!("fails: we say it fails ({why}), it works")),
        (None, Some(why)) if !said.is_unknown("fails", None) => {
            out.push(format!("fails: we say it works, it fails: {}", why.trim()));
        }
        _ => {}
    }
    if observed.failed.is_some() || preview["fails"].is_string() {
        return out;
    }
    for family in [4, 6] {
        if !said.is_unknown("addresses", Some(family)) {
            out.extend(addresses(preview, observed, family));
        }
        if !said.is_unknown("routes", Some(family)) {
            out.extend(routes(preview, observed, family));
        }
    }
    out
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
