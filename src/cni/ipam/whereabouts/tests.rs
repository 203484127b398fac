//! What real whereabouts did (against an API server, a bridge as main plugin), and what its source says beyond that.

use super::super::testing::{called, called_as};
use super::{given, pool_name};
use crate::net::parse::strict_prefix;

fn of(ipam: &str) -> Vec<String> {
    called(ipam, &[], given)
}

/// The lines of one kind.
fn kind(ipam: &str, kind: &str) -> Vec<String> {
    let lines = of(ipam);
    lines.iter().filter_map(|line| line.strip_prefix(kind)).map(|rest| rest.trim_start().to_owned()).collect()
}

/// The addresses, without where they stand.
fn addresses(ipam: &str) -> Vec<String> {
    let lines = of(ipam).into_iter().filter(|line| line.contains(" in ") && line.contains(" @"));
    lines.filter_map(|line| line.split_once(" @").map(|(head, _)| head.to_owned())).collect()
}

const ALL: &str = "10.77.3.1-10.77.3.254 in 10.77.3.0/24 cluster";

#[test]
fn forms_of_a_range() {
    for (range, expected, odd) in [
        ("10.77.3.0/24", ALL, false),
        ("10.77.3.9/24", ALL, true),
        ("010.077.003.0/24", ALL, true),
        ("10.77.3.0/024", ALL, true),
        ("::ffff:10.77.3.0/120", ALL, true),
        ("10.77.3.40-10.77.3.50/24", "10.77.3.40-10.77.3.50 in 10.77.3.0/24 cluster", false),
        ("10.77.3.40-10.77.3.50/8", "10.77.3.40-10.77.3.50 in 10.0.0.0/8 cluster", false),
        ("10.77.3.040-10.77.3.50/24", "10.77.3.40-10.77.3.50 in 10.77.3.0/24 cluster", true),
        ("10.77.3.40-10.77.3.30/24", "10.77.3.40-10.77.3.254 in 10.77.3.0/24 cluster", true),
        ("10.77.3.0-10.77.3.50/24", "10.77.3.1-10.77.3.50 in 10.77.3.0/24 cluster", true),
        ("10.77.3.0/30", "10.77.3.1-10.77.3.2 in 10.77.3.0/30 cluster", false),
        ("0.0.0.0/0", "0.0.0.1-255.255.255.254 in 0.0.0.0/0 cluster", false),
        ("255.255.255.252/30", "255.255.255.253-255.255.255.254 in 255.255.255.252/30 cluster", false),
        ("fd77::/64", "fd77::1-fd77::ffff:ffff:ffff:fffe in fd77::/64 cluster", false),
        ("FD77::A/126", "fd77::9-fd77::a in fd77::8/126 cluster", true),
        ("fd77::1:10-fd77::1:20/112", "fd77::1:10-fd77::1:20 in fd77::1:0/112 cluster", false),
        ("::ffff:10.0.0.0/64", "::1-::ffff:ffff:ffff:fffe in ::/64 cluster", true),
        ("::ffff:10.0.0.0/96", "0.0.0.1-255.255.255.254 in 0.0.0.0/0 cluster", true),
    ] {
        let ipam = format!(r#"{{"range":"{range}"}}"#);
        assert_eq!(addresses(&ipam), [expected], "{range}");
        assert_eq!(kind(&ipam, "odd").len(), usize::from(odd), "{range}: {:?}", of(&ipam));
        assert_eq!(kind(&ipam, "fault"), Vec::<String>::new(), "{range}");
    }
}

#[test]
fn ranges_that_fail() {
    for range in [
        "10.77.3.0",
        "10.77.3.0/24,fd77::/64",
        " 10.77.3.0/24",
        "10.77.3.40-10.77.3.50",
        "10.77.3.40 - 10.77.3.50/24",
        "10.77.4.40-10.77.3.50/24",
        "fd77::1-10.77.3.50/24",
        "10.77.3.0/33",
        "10.77.3.0-",
        "-",
        "-10.77.3.50/24",
        "10.77.3.1-10.77.3.2-10.77.3.3/24",
        "10.77.3.256/24",
        "fe80::1%eth0/64",
        "10.77.3.0/+24",
    ] {
        let ipam = format!(r#"{{"range":"{range}"}}"#);
        assert_eq!(addresses(&ipam), Vec::<String>::new(), "{range}");
        let faults = kind(&ipam, "fault");
        assert!(faults.len() == 1 && faults[0].starts_with("/ipam/range: "), "{range}: {faults:?}");
        assert_eq!(kind(&ipam, "opaque"), Vec::<String>::new(), "{range}");
    }
}

#[test]
fn a_range_without_usable_addresses_fails_but_its_network_is_told() {
    for range in ["10.77.3.0/31", "10.77.3.1/32", "fd77::/127", "fd77::1/128", "0.0.0.0/32", "255.255.255.255/32"] {
        let ipam = format!(r#"{{"range":"{range}"}}"#);
        assert!(addresses(&ipam)[0].ends_with(&format!("in {range} cluster")), "{range}");
        assert!(kind(&ipam, "fault")[0].contains("has no usable address"), "{range}");
    }
}

#[test]
fn bounds_outside_are_dropped_silently() {
    for (bounds, first, last, odd) in [
        (r#""range_start":"10.77.3.40""#, 40, 254, 0),
        (r#""range_end":"10.77.3.50""#, 1, 50, 0),
        (r#""range_start":"10.77.3.40","range_end":"10.77.3.40""#, 40, 40, 0),
        (r#""range_start":"10.77.4.40""#, 1, 254, 1),
        (r#""range_start":"garbage","range_end":"10.77.3.50/24""#, 1, 254, 2),
        (r#""range_start":"","range_end":null"#, 1, 254, 0),
        (r#""rangeStart":"10.77.3.40","rangeEnd":"10.77.3.50""#, 1, 254, 2),
        (r#""range_end":"10.77.9.1""#, 1, 254, 1),
        (r#""range_start":"10.77.3.50","range_end":"10.77.3.40""#, 50, 254, 1),
        (r#""range_start":"10.77.3.0""#, 1, 254, 1),
        (r#""range_end":"10.77.3.255""#, 1, 254, 1),
        (r#""range_start":"010.77.3.40""#, 40, 254, 1),
        (r#""range_start":"fd77::1""#, 1, 254, 1),
        (r#""Range_Start":"10.77.3.40""#, 40, 254, 1),
    ] {
        let ipam = format!(r#"{{"range":"10.77.3.0/24",{bounds}}}"#);
        let expected = format!("10.77.3.{first}-10.77.3.{last} in 10.77.3.0/24 cluster");
        assert_eq!(addresses(&ipam), [expected], "{bounds}");
        assert_eq!(kind(&ipam, "odd").len(), odd, "{bounds}: {:?}", of(&ipam));
        assert_eq!(kind(&ipam, "fault"), Vec::<String>::new(), "{bounds}");
    }
    let beaten = r#"{"range":"10.77.3.40-10.77.3.50/24","range_start":"10.77.3.45","range_end":"10.77.3.46"}"#;
    assert_eq!(addresses(beaten), ["10.77.3.40-10.77.3.50 in 10.77.3.0/24 cluster"]);
}

#[test]
fn holes_are_in_the_pool_and_never_in_the_network() {
    for (exclude, less, odd) in [
        (r#""10.77.3.0/25""#, " less 10.77.3.0/25", 0),
        (r#""10.77.3.9/25""#, " less 10.77.3.0/25", 1),
        (r#""10.77.3.1","fd77::1""#, " less 10.77.3.1/32 fd77::1/128", 0),
        (r#""::ffff:10.77.3.0/121""#, " less 10.77.3.0/25", 1),
        (r#""10.9.0.0/16""#, " less 10.9.0.0/16", 0),
        ("", "", 0),
    ] {
        let ipam = format!(r#"{{"range":"10.77.3.0/24","exclude":[{exclude}]}}"#);
        assert_eq!(addresses(&ipam), [format!("10.77.3.1-10.77.3.254{less} in 10.77.3.0/24 cluster")], "{exclude}");
        assert_eq!(kind(&ipam, "odd").len(), odd, "{exclude}");
        assert_eq!(kind(&ipam, "fault"), Vec::<String>::new(), "{exclude}");
    }
    for (exclude, place) in [
        (r#"["garbage"]"#, "/ipam/exclude/0: `garbage` is neither"),
        (r#"["10.77.3.1-10.77.3.9"]"#, "/ipam/exclude/0"),
        (r#"["010.77.3.1"]"#, "/ipam/exclude/0"),
        (r#"["10.77.3.0/24"]"#, "/ipam/range: every address of 10.77.3.1-10.77.3.254 is excluded"),
        (r#"["10.77.3.0/25","10.77.3.128/25"]"#, "/ipam/range: every address"),
        (r#""10.77.3.0/25""#, "/ipam/exclude: `exclude` must be a list"),
        ("[1]", "/ipam/exclude/0: `0` must be a string"),
    ] {
        let faults = kind(&format!(r#"{{"range":"10.77.3.0/24","exclude":{exclude}}}"#), "fault");
        assert!(faults.len() == 1 && faults[0].starts_with(place), "{exclude}: {faults:?}");
    }
}

#[test]
fn several_ranges_give_one_address_each() {
    let two = r#"{"ipRanges":[{"range":"10.77.3.0/24"},{"range":"fd77::/112"}]}"#;
    assert_eq!(addresses(two), [ALL, "fd77::1-fd77::fffe in fd77::/112 cluster"]);
    let beside = r#"{"range":"10.77.4.0/30","exclude":["10.77.4.1"],"ipRanges":[{"range":"10.77.3.0/24"}]}"#;
    assert_eq!(addresses(beside), ["10.77.4.1-10.77.4.2 less 10.77.4.1/32 in 10.77.4.0/30 cluster", ALL]);
    let places: Vec<_> =
        of(beside).iter().filter_map(|line| line.split_once(" @")).map(|(_, at)| at.to_owned()).collect();
    assert_eq!(places, ["/ipam/range", "/ipam/ipRanges/0/range"]);
    for (entry, place) in [
        (r#""range":"10.77.3.0/24","range_start":"garbage""#, "/ipam/ipRanges/0/range_start"),
        (r#""range":"10.77.3.0/24","range_end":"10.77.3.9/24""#, "/ipam/ipRanges/0/range_end"),
        (r#""range_start":"10.77.3.9""#, "/ipam/ipRanges/0/range: `` is not a CIDR"),
        (r#""range":["10.77.3.0/24"]"#, "/ipam/ipRanges/0/range: `range` must be a string"),
    ] {
        let faults = kind(&format!(r#"{{"ipRanges":[{{{entry}}}]}}"#), "fault");
        assert!(faults.len() == 1 && faults[0].starts_with(place), "{entry}: {faults:?}");
    }
    let bounded = r#"{"ipRanges":[{"range":"10.77.3.0/24","range_start":"10.77.9.1","rangeEnd":"10.77.3.9"}]}"#;
    assert_eq!(kind(bounded, "odd").len(), 2);
}

#[test]
fn without_a_range_only_the_nodes_file_knows() {
    for ipam in
        ["{}", r#"{"range":null}"#, r#"{"range":""}"#, r#"{"ipRanges":[]}"#, r#"{"configuration_path":"/etc/x"}"#]
    {
        let fields: Vec<_> =
            kind(ipam, "gap").iter().filter_map(|gap| Some(gap.split_once(':')?.0.to_owned())).collect();
        assert_eq!(fields, ["Addresses", "Routes", "Fails"], "{ipam}");
        assert_eq!(kind(ipam, "opaque").len(), 1, "{ipam}");
        assert_eq!(kind(ipam, "fault").len(), 0, "{ipam}");
    }
    let static_only = of(r#"{"addresses":[{"address":"10.77.3.9/24","gateway":"10.77.3.1"}]}"#);
    assert_eq!(static_only, ["10.77.3.9 in 10.77.3.0/24 gw 10.77.3.1 fixed @/ipam/addresses/0/address"]);
    let named = of(r#"{"range":"10.77.3.0/24","configuration_path":"/etc/x"}"#);
    assert_eq!(named[1], "gap Routes: the node's file /etc/x may add routes");
    assert!(!named.iter().any(|line| line.starts_with("opaque")));
}

#[test]
fn static_addresses_come_first() {
    let both = r#"{"range":"10.77.3.0/24","gateway":"10.77.3.1","addresses":[{"address":"10.78.3.9/16"}]}"#;
    assert_eq!(
        addresses(both),
        ["10.78.3.9 in 10.78.0.0/16 fixed", "10.77.3.1-10.77.3.254 in 10.77.3.0/24 gw 10.77.3.1 cluster"]
    );
    for (address, place) in [
        (r#""address":"10.77.3.9""#, "/ipam/addresses/0/address"),
        (r#""Address":"10.77.3.9/24""#, "/ipam/addresses/0/address"),
        (r#""gateway":"10.77.3.1""#, "/ipam/addresses/0/address"),
        (r#""address":"10.77.3.9/24","gateway":"10.77.3.1/24""#, "/ipam/addresses/0/gateway"),
    ] {
        let faults = kind(&format!(r#"{{"addresses":[{{{address}}}]}}"#), "fault");
        assert!(faults.len() == 1 && faults[0].starts_with(place), "{address}: {faults:?}");
    }
    let sloppy = r#"{"addresses":[{"address":"010.77.3.9/24"}]}"#;
    assert_eq!((addresses(sloppy), kind(sloppy, "odd").len()), (vec!["10.77.3.9 in 10.77.3.0/24 fixed".into()], 1));
}

#[test]
fn the_gateway_goes_to_every_range_and_is_not_reserved() {
    let ipam = r#"{"range":"10.77.3.0/30","gateway":"010.77.3.1","ipRanges":[{"range":"fd77::/126"}]}"#;
    assert_eq!(
        addresses(ipam),
        [
            "10.77.3.1-10.77.3.2 in 10.77.3.0/30 gw 10.77.3.1 cluster",
            "fd77::1-fd77::2 in fd77::/126 gw 10.77.3.1 cluster"
        ]
    );
    assert_eq!(kind(ipam, "odd").len(), 1);
    let faults = kind(r#"{"range":"10.77.3.0/24","gateway":"10.77.3.1/24"}"#, "fault");
    assert!(faults[0].starts_with("/ipam/gateway"), "{faults:?}");
}

#[test]
fn routes_are_the_reference_plugins_own() {
    let routes = r#"[{"dst":"0.0.0.0/0","gw":"10.77.3.1","priority":100,"table":100,"scope":0},{"dst":"10.9.1.2/16"},
        {"dst":"::ffff:10.9.0.0/112","gw":"","table":254}]"#;
    assert_eq!(
        kind(&format!(r#"{{"range":"10.77.3.0/24","routes":{routes}}}"#), "route"),
        [
            "0.0.0.0/0 via 10.77.3.1 table 100 metric 100 @/ipam/routes/0",
            "10.9.0.0/16 (10.9.1.2) @/ipam/routes/1",
            "10.9.0.0/16 @/ipam/routes/2"
        ]
    );
    for (route, place) in [
        (r#""dst":"10.9.0.0""#, "/ipam/routes/0/dst"),
        (r#""dst":"010.9.0.0/16""#, "/ipam/routes/0/dst"),
        (r#""gw":"10.77.3.1""#, "/ipam/routes/0/dst"),
        (r#""dst":"10.9.0.0/16","gw":"10.77.3.1/24""#, "/ipam/routes/0/gw"),
        (r#""dst":"10.9.0.0/16","priority":"100""#, "/ipam/routes/0/priority"),
    ] {
        let faults = kind(&format!(r#"{{"range":"10.77.3.0/24","routes":[{{{route}}}]}}"#), "fault");
        assert!(faults.len() == 1 && faults[0].starts_with(place), "{route}: {faults:?}");
    }
    let faults = kind(r#"{"range":"10.77.3.0/24","routes":[null]}"#, "fault");
    assert!(faults[0].starts_with("/ipam/routes/0: this must be an object, not null"), "{faults:?}");
    let old = called_as((0, 2, 0), &format!(r#"{{"range":"10.77.3.0/24","routes":{routes}}}"#), &[], given);
    assert!(old.contains(&"route 0.0.0.0/0 via 10.77.3.1 @/ipam/routes/0".to_owned()), "{old:?}");
}

#[test]
fn old_results_hold_one_address_of_a_family() {
    let ranges = r#"{"ipRanges":[{"range":"10.77.3.0/24"},{"range":"10.77.4.0/24"},{"range":"fd77::/112"}]}"#;
    let lines = called_as((0, 2, 0), ranges, &[], given);
    assert_eq!(lines.iter().filter(|line| line.contains(" cluster @")).count(), 2);
    let statics = r#"{"addresses":[{"address":"10.77.3.9/24"},{"address":"10.77.3.8/24"}]}"#;
    for (version, fails) in [((0, 1, 0), true), ((0, 2, 0), true), ((0, 3, 0), false)] {
        let lines = called_as(version, statics, &[], given);
        assert_eq!(lines.iter().any(|line| line.starts_with("fault /ipam/addresses")), fails, "{version:?}");
    }
}

#[test]
fn node_slices_depend_on_their_controller() {
    let sliced = |size: &str| format!(r#"{{"range":"10.77.3.0/24","exclude":["x"],"node_slice_size":"{size}"}}"#);
    for size in ["/26", "26", "/24", "/30"] {
        assert_eq!(addresses(&sliced(size)), [ALL], "{size}");
        let gaps = kind(&sliced(size), "gap");
        assert!(gaps[0].starts_with("Addresses: ") && gaps[1].starts_with("Fails: "), "{size}: {gaps:?}");
        assert_eq!(kind(&sliced(size), "fault"), Vec::<String>::new(), "{size}");
    }
    for size in ["/22", "x", "/31", "/32", "/-1", "//26", "300"] {
        let faults = kind(&sliced(size), "fault");
        assert!(faults.len() == 1 && faults[0].starts_with("/ipam/node_slice_size"), "{size}: {faults:?}");
    }
    let v6 = r#"{"range":"fd77::/64","node_slice_size":"/80"}"#;
    assert!(kind(v6, "fault")[0].contains("cannot cut the IPv6 range"), "{:?}", of(v6));
    assert_eq!(kind(r#"{"range":"10.77.3.0/24","node_slice_size":""}"#, "gap"), Vec::<String>::new());
}

#[test]
fn leases_and_own_pools_are_named_as_the_objects_are() {
    for (prefix, network, expected) in [
        ("10.77.3.0/24", "", "10.77.3.0-24"),
        ("10.77.3.0/24", "abc", "abc-10.77.3.0-24"),
        ("fd77::/64", "", "fd77---64"),
        ("::/0", "abc", "abc----0"),
    ] {
        assert_eq!(pool_name(strict_prefix(prefix).unwrap(), network), expected);
    }
    let own = kind(r#"{"range":"10.77.3.9/24","network_name":"abc"}"#, "own");
    assert_eq!(own, ["whereabouts/abc-10.77.3.0-24"]);
    for (keys, name, checked) in [
        ("", "", true),
        (r#","network_name":"abc""#, "abc", true),
        (r#","enable_overlapping_ranges":false"#, "", false),
        (r#","enable_overlapping_ranges":null"#, "", true),
    ] {
        let lease = super::super::testing::given_by(&format!(r#"{{"range":"10.77.3.0/24"{keys}}}"#), given).leases;
        let [lease] = &lease[..] else { panic!("{lease:?}") };
        assert_eq!((lease.network_name.as_str(), lease.overlap_checked), (name, checked), "{keys}");
        assert_eq!(
            (lease.prefix.to_string().as_str(), lease.pool.to_string().as_str()),
            ("10.77.3.0/24", "10.77.3.1-10.77.3.254")
        );
    }
}

#[test]
fn wrong_types_fail_in_the_decoder() {
    for (keys, key) in [
        (r#""range":10"#, "range"),
        (r#""range_start":1"#, "range_start"),
        (r#""gateway":["10.77.3.1"]"#, "gateway"),
        (r#""enable_overlapping_ranges":"true""#, "enable_overlapping_ranges"),
        (r#""network_name":1"#, "network_name"),
        (r#""node_slice_size":26"#, "node_slice_size"),
        (r#""configuration_path":{}"#, "configuration_path"),
        (r#""sleep_for_race":"0""#, "sleep_for_race"),
        (r#""leader_lease_duration":1.5"#, "leader_lease_duration"),
        (r#""log_level":1"#, "log_level"),
        (r#""kubernetes":"x""#, "kubernetes"),
        (r#""dns":[]"#, "dns"),
        (r#""dns":{"nameservers":"10.1.1.1"}"#, "dns/nameservers"),
        (r#""routes":{}"#, "routes"),
        (r#""ipRanges":{"range":"10.77.3.0/24"}"#, "ipRanges"),
        (r#""addresses":["10.77.3.9/24"]"#, "addresses/0"),
    ] {
        let range = if keys.contains("\"range\":10") { "" } else { r#""range":"10.77.3.0/24","# };
        let faults = kind(&format!("{{{range}{keys}}}"), "fault");
        assert!(faults.len() == 1 && faults[0].starts_with(&format!("/ipam/{key}: ")), "{keys}: {faults:?}");
    }
    assert_eq!(kind(r#"{"range":10}"#, "opaque"), Vec::<String>::new());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(range in "[0-9a-f.:/ -]{0,40}", other in ".{0,20}", bound in "[0-9.:f]{0,15}") {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let (range, other, bound) = (quoted(&range), quoted(&other), quoted(&bound));
        of(&format!(r#"{{"range":{range},"range_start":{bound},"exclude":[{range},{other}],"node_slice_size":{other}}}"#));
        of(&format!(r#"{{"range":{other},"ipRanges":[{{"range":{range},"range_end":{bound}}}],"gateway":{bound}}}"#));
    }
}
