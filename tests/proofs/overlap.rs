//! Overlap, against looking at every address.

use crate::support::{kubevirt, nad};
use crate::worlds::Scene;
use kubevirt_preflight::net::Interval;
use kubevirt_preflight::networks::{Claim, Class, Confidence, Networks, Origin};
use kubevirt_preflight::place::ObjectRef;
use proptest::prelude::*;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Prefixes of at most 16 addresses in one block of 256, of either family.
fn prefixes() -> impl Strategy<Value = (bool, u8, u8)> {
    wide(0)
}

/// The same with this many host bits or more.
fn wide(host: u8) -> impl Strategy<Value = (bool, u8, u8)> {
    (any::<bool>(), any::<u8>(), host..=4).prop_map(|(v6, at, host)| (v6, at >> host << host, host))
}

fn address(v6: bool, at: u8) -> IpAddr {
    if v6 { Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, at.into()).into() } else { Ipv4Addr::new(10, 0, 0, at).into() }
}

fn interval((v6, at, host): (bool, u8, u8)) -> Interval {
    Interval::of(address(v6, at), address(v6, at | ((1 << host) - 1))).unwrap()
}

fn text((v6, at, host): (bool, u8, u8)) -> String {
    format!("{}/{}", address(v6, at), if v6 { 128 - host } else { 32 - host })
}

/// Every address of the two, one by one.
fn share((v6, at, host): (bool, u8, u8), (other_v6, other, other_host): (bool, u8, u8)) -> bool {
    let mut own = u16::from(at)..u16::from(at) + (1 << host);
    v6 == other_v6 && own.any(|one| (u16::from(other)..u16::from(other) + (1 << other_host)).contains(&one))
}

fn claim(of: (bool, u8, u8), class: Class, confidence: Confidence) -> Claim {
    let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: text(of) };
    let origin = Origin::new(object, format!("{confidence}"));
    Claim { interval: interval(of), class, confidence, origin }
}

proptest! {
    #[test]
    fn intervals_meet_as_their_addresses_do(a in prefixes(), b in prefixes()) {
        prop_assert_eq!(interval(a).meets(interval(b)), share(a, b));
        prop_assert_eq!(interval(b).meets(interval(a)), share(a, b));
        prop_assert_eq!(interval(a).intersection(interval(b)).is_some(), share(a, b));
        let held = share(a, b) && a.2 >= b.2;
        prop_assert_eq!(interval(a).holds(interval(b)), held);
    }

    #[test]
    fn a_query_finds_each_claim_that_meets(
        claims in prop::collection::vec((prefixes(), 0..2usize, 0..4usize), 0..24), asked in prefixes(),
    ) {
        const LEVELS: [Confidence; 4] = [Confidence::Stale, Confidence::Floor, Confidence::Declared, Confidence::Live];
        let all: Vec<_> =
            claims.iter().map(|(of, class, level)| claim(*of, Class::ALL[*class], LEVELS[*level])).collect();
        let networks = Networks::of(all.clone());
        for class in [Class::ALL[0], Class::ALL[1]] {
            let found: Vec<_> = networks.claims_meeting(class, interval(asked)).collect();
            for one in all.iter().filter(|one| one.class == class && one.interval.meets(interval(asked))) {
                prop_assert!(found.contains(&one), "{one:?} is missing");
            }
            for network in networks.meeting(class, interval(asked)) {
                prop_assert!(network.interval.meets(interval(asked)));
                prop_assert!(network.claims.iter().all(|one| network.interval.holds(one.interval)));
            }
        }
    }

    /// The verdict on a range and a pod network, and on the two exchanged. A range of one or two addresses is unusable.
    #[test]
    fn the_verdict_is_symmetric(a in wide(2), b in wide(2)) {
        let refused = |range: String, pods: String| {
            let pool = json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": {"name": "p"},
                "spec": {"cidr": pods}});
            let review = Scene::of(vec![nad(&range), kubevirt("mig", 0, 0, 0), pool]).review();
            review.findings.iter().any(|finding| finding.rule == "pod-network-overlap")
        };
        prop_assert_eq!(refused(text(a), text(b)), share(a, b));
        prop_assert_eq!(refused(text(b), text(a)), share(a, b));
    }
}
