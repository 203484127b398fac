//! Whether every harm that was done is one that `check` denies.

use super::cluster::PLACES;
use super::observed::Observed;
use super::said::Said;

/// Rules that speak of a way that is lost, and the one that speaks of what cannot be told.
const LOST: [&str; 8] = [
    "ambiguous-config",
    "pod-network-overlap",
    "service-network-overlap",
    "node-network-overlap",
    "cni-internal-overlap",
    "default-route",
    "routes-off-network",
    "dhcp-routes",
];

/// Harm without a denial, a line each.
pub fn missed(said: &Said, observed: &Observed) -> Vec<String> {
    if let Some(why) = &observed.failed {
        // Where we say that we cannot know, a warning is all that can be had.
        let told = said.has("deny", |_| true) || said.is_unknown("fails", None);
        return if told {
            Vec::new()
        } else {
            vec![format!("harm: ADD fails and check does not deny it: {}", why.trim())]
        };
    }
    let mut out = Vec::new();
    for (place, address, cluster) in PLACES {
        let Some((before, after)) = observed.ways.get(address).filter(|(before, after)| before != after) else {
            continue;
        };
        let told = if cluster {
            said.has("deny", |rule| LOST.contains(&rule))
        } else {
            said.has("deny", |_| true) || said.has("warn", |_| true)
        };
        if !told {
            out.push(format!(
                "harm: {place} {address} left by {before:?}, now by {after:?}, and check does not deny it"
            ));
        }
    }
    out
}
