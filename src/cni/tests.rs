//! Texts and what they mean. Expectations are what real plugins did, or what their sources say.

mod chained;
mod differences;
mod envelope;
mod lasting;
mod observed;
mod plugins;
mod traps;

use super::preview::{AddressPreview, AttachmentPreview, RoutePreview};
use super::*;
use std::fmt::Display;

fn reading_in(config: &str, pods_have_v6: Option<bool>) -> Attachment {
    let pools = Pools::new();
    read(config, Setting { namespace: Some("kubevirt"), name: "mig", pools: &pools, pods_have_v6 })
}

fn reading(config: &str) -> Attachment {
    reading_in(config, None)
}

/// `addresses | routes | dhcp | unknown`, empty parts left out; or `fails: why`.
///
/// An address is `10.0.0.5/24` or, of a pool, `10.0.0.2..10.0.0.254/24`; a route is
/// `10.9.0.0/16 via 10.0.0.1 table 100 metric 5`; unknown is `?routes6`.
fn shown_in(config: &str, pods_have_v6: Option<bool>) -> String {
    let preview = AttachmentPreview::of(&reading_in(config, pods_have_v6), None);
    if let Some(why) = preview.fails {
        return format!("fails: {why}");
    }
    let addresses = preview.addresses.iter().map(address).collect::<Vec<_>>().join(" ");
    let routes = preview.routes.iter().map(route).collect::<Vec<_>>().join(", ");
    let dhcp = preview.dhcp.map(|dhcp| format!("dhcp {:?}", dhcp.requests)).unwrap_or_default();
    let family = |family: Option<u8>| family.map(|f| f.to_string()).unwrap_or_default();
    let unknown: Vec<_> = preview.unknown.iter().map(|u| format!("?{}{}", u.field, family(u.family))).collect();
    let parts = [addresses, routes, dhcp, unknown.join(" ")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ")
}

fn shown(config: &str) -> String {
    shown_in(config, None)
}

fn address(address: &AddressPreview) -> String {
    let length = address.prefix.split('/').next_back().unwrap_or_default();
    match (address.address, address.first, address.last) {
        (Some(fixed), None, None) => format!("{fixed}/{length}"),
        (None, Some(first), Some(last)) => format!("{first}..{last}/{length}"),
        other => format!("{other:?}"),
    }
}

fn route(route: &RoutePreview) -> String {
    let part = |word: &str, value: Option<String>| value.map(|v| format!(" {word} {v}")).unwrap_or_default();
    let via = part("via", route.via.map(|v| v.to_string()));
    let table = part("table", route.table.map(|v| v.to_string()));
    let metric = part("metric", route.metric.map(|v| v.to_string()));
    format!("{}{via}{table}{metric}", route.dst)
}

/// Compares each text's preview; `fails: x` holds if the reason contains `x`.
fn compare<T: Display>(cases: impl IntoIterator<Item = (T, &'static str)>) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let got = shown(&text.to_string());
        let right = match expected.strip_prefix("fails: ") {
            Some(why) => got.starts_with("fails: ") && got.contains(why),
            None => got == expected,
        };
        if !right {
            wrong.push(format!("{text}\n    expected {expected}\n    got      {got}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A bridge of version 1.0.0 with further keys and this `ipam`.
fn bridge_with(keys: &str, ipam: &str) -> String {
    let comma = if keys.is_empty() { "" } else { "," };
    format!(r#"{{"cniVersion":"1.0.0","type":"bridge"{comma}{keys},"ipam":{ipam}}}"#)
}

fn bridge(ipam: &str) -> String {
    bridge_with("", ipam)
}

/// `static` with addresses, each `10.0.0.5/24` or `10.0.0.5/24>10.0.0.1` with a gateway, and routes as JSON.
fn fixed(addresses: &str, routes: &str) -> String {
    let one = |text: &str| match text.split_once('>') {
        Some((address, gateway)) => format!(r#"{{"address":"{address}","gateway":"{gateway}"}}"#),
        None => format!(r#"{{"address":"{text}"}}"#),
    };
    let addresses: Vec<_> = addresses.split_whitespace().map(one).collect();
    format!(r#"{{"type":"static","addresses":[{}],"routes":[{}]}}"#, addresses.join(","), list(routes))
}

/// Routes written as `10.9.0.0/16`, `10.9.0.0/16>10.0.0.1`, or as JSON objects.
fn list(routes: &str) -> String {
    let one = |text: &str| match text.split_once('>') {
        _ if text.starts_with('{') => text.to_owned(),
        Some((dst, gw)) => format!(r#"{{"dst":"{dst}","gw":"{gw}"}}"#),
        None => format!(r#"{{"dst":"{text}"}}"#),
    };
    routes.split_whitespace().map(one).collect::<Vec<_>>().join(",")
}

/// `host-local` with these keys.
fn local(keys: &str) -> String {
    format!(r#"{{"type":"host-local",{keys}}}"#)
}

/// A list of a bridge with this `ipam` and further plugins.
fn chain(ipam: &str, further: &str) -> String {
    format!(r#"{{"cniVersion":"1.0.0","plugins":[{{"type":"bridge","ipam":{ipam}}},{further}]}}"#)
}
