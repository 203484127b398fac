//! Whether every harm that was done is one that `check` speaks of, and what it denies without one.

use super::cluster::{Kind, PODS};
use super::idle;
use super::observed::{Observed, Way};
use super::said::Said;
use ipnetwork::IpNetwork;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Rules that deny because a way to the cluster is lost.
pub const LOST: [&str; 7] = [
    "pod-network-overlap",
    "service-network-overlap",
    "node-network-overlap",
    "cni-internal-overlap",
    "default-route",
    "routes-off-network",
    "dhcp-routes",
];

/// Rules that speak of a prefix or route that leads somewhere else, beside those.
const SPEAK: [&str; 4] = ["secondary-network-overlap", "special-range", "unusual-range", "dhcp-may-route"];

/// Rules that speak of a text whose addresses and routes cannot be told.
const OPEN: [&str; 3] = ["ambiguous-config", "opaque-config", "dhcp-may-route"];

/// Rules that say that virt-handlers do not reach each other.
const APART: [&str; 2] = ["no-route-to-peers", "no-address"];

pub const FAILS: &str = "ADD fails";
pub const CLUSTER: &str = "a way to the cluster changes";
pub const OUTSIDE: &str = "a way to elsewhere changes";
pub const PEERS: &str = "a peer is not reached by migration0";
pub const BARE: &str = "no address";

/// What a case did, and what `check` made of it.
#[derive(Debug, Default)]
pub struct Harms {
    /// Each kind of harm that was seen.
    pub seen: BTreeSet<&'static str>,
    /// Without the word that it deserves, a line each.
    pub missed: Vec<String>,
    /// Why `check` denies although nothing that it denies for was seen.
    pub idle: BTreeSet<String>,
}

/// Holds what was seen against what `check` says.
pub fn harms(said: &Said, observed: &Observed) -> Harms {
    let mut out = Harms::default();
    if let Some(why) = &observed.failed {
        // Where we say that we cannot know, a warning is all that can be had.
        let told = said.denied().next().is_some() || said.unknown("fails", None).is_some();
        out.add(FAILS, told, || format!("ADD fails and check does not deny it: {}", why.trim()));
        return out;
    }
    for way in &observed.ways {
        if let Some((kind, told)) = harm(said, way) {
            out.add(kind, told, || {
                let (name, address) = (&way.place.name, way.place.address);
                let device = |way: &Option<String>| way.clone().unwrap_or_else(|| "nothing".to_owned());
                let (before, after) = (device(&way.before), device(&way.after));
                format!("{name}, {address}, left by {before}, now by {after}, and check does not say so")
            });
        }
    }
    if observed.addresses.is_empty() {
        // A link-local pool is named as what it is.
        out.add(BARE, told(said, &["deny"], &[&APART, &["special-range", "ambiguous-config"]]), || {
            "no address, and check does not deny it".to_owned()
        });
    }
    out.idle = idle::causes(said, observed, &out.seen);
    out
}

impl Harms {
    fn add(&mut self, kind: &'static str, told: bool, line: impl FnOnce() -> String) {
        self.seen.insert(kind);
        if !told {
            self.missed.push(format!("harm: {kind}: {}", line()));
        }
    }
}

/// The kind of harm that this way is, and whether `check` speaks of it as it must.
fn harm(said: &Said, way: &Way) -> Option<(&'static str, bool)> {
    // What stands elsewhere, with a DHCP server for example, cannot be known from the text: a warning is all that can be had.
    let family = if way.place.address.is_ipv4() { 4 } else { 6 };
    let unknown = ["addresses", "routes"].iter().any(|field| said.unknown(field, Some(family)).is_some());
    // Refused for another reason it does no harm either.
    let refused = unknown && said.denied().next().is_some();
    let levels: &[&str] = if unknown { &["deny", "warn"] } else { &["deny"] };
    match way.place.kind {
        Kind::Cluster if way.changed() && unknown => Some((CLUSTER, refused || told(said, levels, &[&LOST, &OPEN]))),
        Kind::Cluster if way.changed() => Some((CLUSTER, told(said, levels, &[&LOST]))),
        Kind::Outside if way.changed() => Some((OUTSIDE, told(said, &["deny", "warn"], &[&LOST, &SPEAK, &OPEN]))),
        Kind::Peer if way.after.as_deref() != Some("migration0") => {
            Some((PEERS, refused || told(said, levels, &[&APART]) || takes(said, way.place.address)))
        }
        _ => None,
    }
}

/// Whether a finding about this peer's own prefix names the cause in place of `no-route-to-peers`: a prefix that the kernel
/// gives no route because of where it lies, or one that eth0 has already.
fn takes(said: &Said, peer: IpAddr) -> bool {
    let eth0 = PODS.iter().any(|pods| pods.parse::<IpNetwork>().unwrap().contains(peer));
    said.denied().any(|(rule, finding)| {
        let ours = idle::own(finding).is_some_and(|own| own.contains(peer));
        ours && (rule == "special-range" || rule == "pod-network-overlap" && eth0)
    })
}

fn told(said: &Said, levels: &[&str], rules: &[&[&str]]) -> bool {
    levels.iter().any(|level| said.has(level, |rule| rules.iter().any(|rules| rules.contains(&rule))))
}
