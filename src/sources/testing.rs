//! What a source learnt, as lines of text.

use super::{Found, Source, wanted};
use crate::cni::Pool;
use crate::networks::Claim;
use crate::place::ObjectRef;
use crate::tree::{parse, pick_text};
use std::sync::Arc;

pub(super) struct Learnt {
    pub(super) claims: Vec<String>,
    pub(super) pools: Vec<String>,
    pub(super) bad: Vec<String>,
}

pub(super) fn learnt(source: &'static Source, name: &str, spec: &str) -> Learnt {
    learnt_as(source, source.reads[0].kind, name, spec)
}

pub(super) fn learnt_as(source: &'static Source, kind: &str, name: &str, spec: &str) -> Learnt {
    let api_version = format!("{}/{}", source.reads[0].group, source.reads[0].versions[0]);
    let object = ObjectRef { api_version, kind: kind.into(), namespace: None, name: name.into() };
    let mut found = Found::about(object, source.name);
    let text = format!(r#"{{"spec":{spec}}}"#);
    (source.learn)(&parse(&text).unwrap(), &mut found);
    for reads in source.reads.iter().filter(|reads| reads.kind == kind) {
        let mut again = Found::about(Arc::clone(&found.object), source.name);
        (source.learn)(&pick_text(&text, wanted(reads)).unwrap(), &mut again);
        assert_eq!(again, found, "{text}");
    }
    Learnt {
        claims: found.claims.iter().map(claim).collect(),
        pools: found.pools.iter().map(pool).collect(),
        bad: found.bad.into_iter().map(|(path, _)| path).collect(),
    }
}

pub(super) fn claim(claim: &Claim) -> String {
    let pool = claim.origin.pool().map_or(String::new(), |key| format!(" of {key}"));
    format!("{} {} {} {}{pool}", claim.class, claim.interval, claim.confidence, claim.origin.path())
}

fn pool(pool: &Pool) -> String {
    let ranges = pool
        .ranges
        .iter()
        .map(|(prefix, interval, holes)| format!("{prefix} gives {interval}{}", listed(" less ", holes)));
    let ranges = ranges.collect::<Vec<_>>().join(": ");
    let routes = pool.routes.iter().map(|(dst, gw)| match gw {
        Some(gw) => format!("; {dst} via {gw}"),
        None => format!("; {dst} on-link"),
    });
    let space = if ranges.is_empty() { "" } else { " " };
    let default = if pool.default_route { "; default" } else { "" };
    let per_node = if pool.per_node { "; per node" } else { "" };
    let (gateways, routes) = (listed("; gw ", &pool.gateways), routes.collect::<String>());
    format!("{}:{space}{ranges}{gateways}{routes}{default}{per_node}", pool.key)
}

fn listed(head: &str, items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    if items.is_empty() { String::new() } else { format!("{head}{}", items.join(" ")) }
}
