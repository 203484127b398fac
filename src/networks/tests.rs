use super::*;
use crate::net::Prefix;
use crate::net::parse::strict_interval;
use crate::place::ObjectRef;
use proptest::prelude::*;
use std::net::IpAddr;

fn claim(text: &str, confidence: Confidence) -> Claim {
    let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: text.into() };
    Claim { interval: strict_interval(text).unwrap(), class: Class::Pod, confidence, origin: Origin::new(object, "p") }
}

fn listed(networks: &Networks) -> Vec<String> {
    networks.iter().map(|n| format!("{} {} x{}", n.interval, n.confidence, n.claims.len())).collect()
}

#[test]
fn what_lies_inside_is_a_further_origin_only_of_something_as_strong() {
    use Confidence::{Floor, Live, Stale};
    let networks = Networks::of([
        claim("10.0.1.0/24", Floor),
        claim("10.0.0.0/16", Live),
        claim("10.0.0.0/16", Stale),
        claim("10.9.0.0/16", Stale),
        claim("10.9.1.0/24", Live),
        claim("10.9.2.0/24", Floor),
    ]);
    assert_eq!(
        listed(&networks),
        ["10.9.0.0/16 stale x1", "10.9.2.0/24 floor x1", "10.0.0.0/16 live x3", "10.9.1.0/24 live x1"]
    );
    let met: Vec<_> = networks.meeting(Class::Pod, strict_interval("10.9.1.7/32").unwrap()).collect();
    assert_eq!(met.len(), 2);
    assert_eq!(networks.meeting(Class::Service, met[0].interval).count(), 0);
}

#[test]
fn removing_the_widest_claim_brings_back_what_it_absorbed() {
    let networks = Networks::of(["10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/24"].map(|t| claim(t, Confidence::Live)));
    let left = networks.iter().next().unwrap().without(|c| c.origin.object.name == "10.0.0.0/16");
    assert_eq!(left.iter().map(|n| n.interval.to_string()).collect::<Vec<_>>(), ["10.0.1.0/24", "10.0.2.0/24"]);
}

/// Claims on a few addresses of both families, so that many of them are equal, nested or overlapping.
fn any_claim() -> impl Strategy<Value = Claim> {
    let interval = prop_oneof![
        (0u8..64, 26u8..=32)
            .prop_map(|(host, len)| Prefix::of(IpAddr::from([10, 0, 0, host]), len).unwrap().interval()),
        (0u8..64, 0u8..64).prop_map(|(a, b)| {
            let end = |host: u8| IpAddr::from([10, 0, 0, host]);
            Interval::of(end(a.min(b)), end(a.max(b))).unwrap()
        }),
        (0u16..64, 122u8..=128).prop_map(|(host, len)| {
            Prefix::of(IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, host]), len).unwrap().interval()
        }),
    ];
    let class = prop::sample::select(vec![Class::Pod, Class::Node]);
    let confidence =
        prop::sample::select(vec![Confidence::Stale, Confidence::Floor, Confidence::Declared, Confidence::Live]);
    (interval, class, confidence, 0u8..3).prop_map(|(interval, class, confidence, name)| Claim {
        interval,
        class,
        confidence,
        ..claim(["10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32"][usize::from(name)], confidence)
    })
}

proptest! {
    /// The index answers as a scan over all claims: the same confidences for the same class, and every claim that meets
    /// the question stands in a network that is answered.
    #[test]
    fn meeting_equals_a_scan(claims in prop::collection::vec(any_claim(), 0..40), asked in any_claim()) {
        let networks = Networks::of(claims.clone());
        let scanned: Vec<_> = networks.iter().filter(|n| n.class == asked.class && n.interval.meets(asked.interval)).collect();
        let answered: Vec<_> = networks.meeting(asked.class, asked.interval).collect();
        prop_assert_eq!(&answered, &scanned);
        for claim in claims.iter().filter(|c| c.class == asked.class && c.interval.meets(asked.interval)) {
            let holder = answered.iter().find(|n| n.claims.contains(claim));
            prop_assert!(holder.is_some_and(|n| n.confidence >= claim.confidence && n.interval.holds(claim.interval)), "{claim:?}");
        }
    }

    /// Every claim is kept once, in one network, and no network lies inside another that is believed as much.
    #[test]
    fn merging_keeps_every_claim_and_no_network_that_another_holds(claims in prop::collection::vec(any_claim(), 0..40)) {
        let networks = Networks::of(claims.clone());
        let mut kept: Vec<_> = networks.iter().flat_map(|n| n.claims.into_owned()).collect();
        let mut given = claims;
        kept.sort();
        given.sort();
        given.dedup();
        prop_assert_eq!(kept, given);
        for (n, inner) in networks.iter().enumerate() {
            prop_assert_eq!(inner.lead().interval, inner.interval);
            prop_assert!(inner.claims.iter().all(|c| c.class == inner.class && c.confidence <= inner.confidence));
            let holds = |(m, outer): (usize, Network<'_>)| {
                m != n && outer.class == inner.class && outer.confidence >= inner.confidence && outer.interval.holds(inner.interval)
            };
            prop_assert!(!networks.iter().enumerate().any(holds), "{inner:?}");
        }
    }
}
