//! Why `check` denies although nothing that it denies for was seen: each cause has a paragraph in docs/truth.md.

use super::cluster::{Kind, PODS};
use super::harm::{BARE, LOST, PEERS};
use super::observed::{Observed, Way};
use super::said::Said;
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::collections::BTreeSet;

/// The causes of a case, each once, when ADD works.
pub fn causes(said: &Said, observed: &Observed, seen: &BTreeSet<&'static str>) -> BTreeSet<String> {
    let idle = said.denied().filter(|(rule, finding)| match *rule {
        "no-address" => !seen.contains(BARE),
        "no-route-to-peers" => !seen.contains(PEERS),
        "special-range" => !seen.contains(PEERS) && !observed.ways.iter().any(|way| lost(way, finding)),
        rule if LOST.contains(&rule) => !observed.ways.iter().any(|way| lost(way, finding)),
        "ambiguous-config" => seen.is_empty(),
        _ => true,
    });
    idle.map(|(rule, finding)| cause(rule, finding, said)).collect()
}

/// The prefix or route that a finding is about, if its subject begins with one.
pub fn own(finding: &Value) -> Option<IpNetwork> {
    finding["subject"].as_str()?.split(' ').next()?.parse().ok()
}

/// Whether the finding is about this way and it changed: its own interval and the network that it meets hold the address.
fn lost(way: &Way, finding: &Value) -> bool {
    if way.place.kind == Kind::Peer || !way.changed() {
        return false;
    }
    let address = way.place.address;
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    if finding["rule"] == "default-route" {
        return finding["subject"] == family;
    }
    let met = finding["fact"]["interval"].as_str().and_then(|interval| interval.parse::<IpNetwork>().ok());
    own(finding).is_none_or(|own| own.contains(address)) && met.is_none_or(|met| met.contains(address))
}

fn cause(rule: &str, finding: &Value, said: &Said) -> String {
    let own = own(finding);
    let routes = said.preview["routes"].as_array().into_iter().flatten();
    let mut routes = routes.filter_map(|route| Some((route["dst"].as_str()?.parse().ok()?, route)));
    let mut has = |key: &str, wanted: Option<IpNetwork>| {
        routes.any(|(dst, route): (IpNetwork, _)| {
            wanted.map_or(dst.prefix() == 0, |wanted| wanted == dst) && !route[key].is_null() && route[key] != 0
        })
    };
    let eth0 = PODS.map(|pods| Some(pods.parse().unwrap()));
    match rule {
        "node-local-ipam" => "one address on every node".to_owned(),
        "ambiguous-config" => "a text of two readings".to_owned(),
        "default-route" if has("metric", None) => "a metric that loses".to_owned(),
        "pod-network-overlap" if own.is_some() && eth0.contains(&own) => "a prefix that eth0 has".to_owned(),
        "pod-network-overlap"
            if own.is_some_and(|own| eth0.into_iter().flatten().any(|eth0| own.contains(eth0.network()))) =>
        {
            "a part that eth0 keeps".to_owned()
        }
        "special-range" => "a range that virt-handler does not take".to_owned(),
        "no-route-to-peers" if own.is_some() && has("via", own) => "peers behind a gateway".to_owned(),
        rule => format!("`{rule}`"),
    }
}
