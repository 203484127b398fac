use super::*;
use crate::net::parse::strict_interval;
use crate::networks::{Claim, Confidence, Origin};
use crate::place::ObjectRef;
use proptest::prelude::*;
use std::net::IpAddr;

fn at(text: &str) -> Interval {
    strict_interval(text).expect(text)
}

fn networks(intervals: impl IntoIterator<Item = Interval>) -> Networks {
    let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: "a".into() };
    let origin = Origin::new(object, "p");
    Networks::of(intervals.into_iter().enumerate().map(|(n, interval)| Claim {
        interval,
        class: Class::ALL[n % 7],
        confidence: [Confidence::Stale, Confidence::Floor, Confidence::Declared, Confidence::Live][n % 4],
        origin: origin.clone(),
    }))
}

fn free(length: u8, near: &str, taken: &[&str], extra: &[&str]) -> Option<String> {
    let extra: Vec<_> = extra.iter().map(|text| at(text)).collect();
    nearby_free(length, at(near), &networks(taken.iter().map(|text| at(text))), &extra).map(|prefix| prefix.to_string())
}

/// Length, near, taken, extra and what is offered.
type Case = (u8, &'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>);

#[test]
fn the_next_free_prefix_is_offered() {
    let table: &[Case] = &[
        (24, "10.244.7.0/24", &["10.244.0.0/16"], &[], Some("10.245.0.0/24")),
        (24, "10.244.7.0/24", &["10.244.0.0/16"], &["10.245.0.0-10.245.1.4"], Some("10.245.2.0/24")),
        (24, "10.0.0.0/24", &[], &[], Some("10.0.1.0/24")),
        (16, "10.255.0.0/16", &["10.254.128.0/24"], &[], Some("10.253.0.0/16")),
        (24, "192.168.255.0/24", &["192.168.0.0/16"], &[], Some("10.0.0.0/24")),
        (24, "192.168.255.0/24", &["192.168.0.0/16", "10.0.0.0/8"], &["172.16.0.1/32"], Some("172.16.1.0/24")),
        (24, "192.168.255.0/24", &["192.168.0.0/16", "10.0.0.0/8", "172.16.0.0/12"], &[], None),
        (8, "192.168.0.0/24", &[], &[], Some("10.0.0.0/8")),
        (8, "10.0.0.0/24", &[], &[], None),
        (7, "10.0.0.0/24", &[], &[], None),
        (33, "10.0.0.0/24", &[], &[], None),
        (32, "10.0.0.0/32", &["10.0.0.1/32"], &[], Some("10.0.0.2/32")),
        (24, "203.0.113.0/24", &[], &[], Some("10.0.0.0/24")),
        (24, "0.0.0.0/0", &[], &[], None),
        (64, "fd00:10:244::/64", &["fd00:10:244::/56"], &[], Some("fd00:10:244:100::/64")),
        (64, "fe80::/64", &[], &[], Some("fd00::/64")),
        (64, "fdff:ffff:ffff:ffff::/64", &[], &[], Some("fdff:ffff:ffff:fffe::/64")),
        (128, "fd00::/128", &[], &[], Some("fd00::1/128")),
        (0, "::/0", &[], &[], None),
    ];
    for (length, near, taken, extra, expected) in table {
        assert_eq!(free(*length, near, taken, extra).as_deref(), *expected, "/{length} near {near}");
    }
}

#[test]
fn steps_are_bounded() {
    let every_second = (0..6000u32).map(|n| Interval::single(IpAddr::from((0x0a00_0000 + n * 2).to_be_bytes())));
    let taken = networks(every_second);
    // 6,000 obstacles in a row are not walked through: the next block has a free one at once.
    let elsewhere = nearby_free(31, at("10.0.0.0/31"), &taken, &[]);
    assert_eq!(elsewhere.map(|prefix| prefix.to_string()).as_deref(), Some("172.16.0.0/31"));
    let far = nearby_free(31, at("10.0.0.0/31"), &networks([at("10.0.0.0-10.0.46.223")]), &[]);
    assert_eq!(far.map(|prefix| prefix.to_string()).as_deref(), Some("10.0.46.224/31"));
}

/// Prefixes in and round 192.168.0.0/16, so that they crowd each other.
fn crowded() -> impl Strategy<Value = Interval> {
    (0u32..0x2_0000, 14u8..=32).prop_map(|(offset, length)| {
        let address = IpAddr::from((0xc0a7_8000 + offset).to_be_bytes());
        Prefix::of(address, length).unwrap().interval()
    })
}

proptest! {
    #[test]
    fn what_is_offered_meets_nothing(
        taken in prop::collection::vec(crowded(), 0..20),
        extra in prop::collection::vec(crowded(), 0..5),
        near in crowded(),
        length in 10u8..=32,
    ) {
        if let Some(prefix) = nearby_free(length, near, &networks(taken.clone()), &extra) {
            prop_assert_eq!(prefix.length(), length);
            prop_assert!(taken.iter().chain(&extra).chain([&near]).all(|i| !i.meets(prefix.interval())));
            prop_assert!(blocks(Family::V4).any(|block| block.holds(prefix.interval())));
        } else {
            // 10.0.0.0/8 is free by construction and holds a prefix of each of these lengths.
            prop_assert!(false, "nothing was offered");
        }
    }

    /// In the block of `near` nothing nearer above was passed over.
    #[test]
    fn nothing_nearer_above_was_free(taken in prop::collection::vec(crowded(), 0..12), near in crowded(), length in 20u8..=28) {
        let taken: Vec<_> = taken.into_iter().filter(|i| i.size() < 0x1000).collect();
        let Some(offered) = nearby_free(length, near, &networks(taken.clone()), &[]) else { return Ok(()) };
        let size = u32::try_from(offered.interval().size()).unwrap();
        let last = u32::try_from(near.last_bits()).unwrap();
        let home = 0xc0a8_0000..=0xc0a8_ffffu32;
        let offered = u32::try_from(offered.interval().first_bits()).unwrap();
        if home.contains(&last) && home.contains(&offered) && offered > last {
            let mut at = (last + 1).next_multiple_of(size);
            while at < offered {
                let place = Prefix::of(IpAddr::from(at.to_be_bytes()), length).unwrap().interval();
                prop_assert!(taken.iter().any(|i| i.meets(place)), "{place} is free");
                at += size;
            }
        }
    }
}
