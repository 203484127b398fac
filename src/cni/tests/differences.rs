//! Texts that random trials with the real plugins v1.9.1 and Multus v4.2.2 found to be read wrongly once.

use super::*;

fn compare_in(cases: impl IntoIterator<Item = (String, Option<bool>, &'static str)>) {
    for (text, pods_have_v6, expected) in cases {
        let got = shown_in(&text, pods_have_v6);
        let right = expected.strip_prefix("fails: ").map_or(got == expected, |why| got.contains(why));
        assert!(right, "{text} with IPv6 of pods {pods_have_v6:?}\n    expected {expected}\n    got      {got}");
    }
}

/// sbr asks for the interface's routes, and a multipath IPv6 route is listed without one: it stays in `main`.
#[test]
fn sbr_leaves_multipath_routes() {
    let sbr = |routes: &str| chain(&fixed("fd01::9/64", routes), r#"{"type":"sbr"}"#);
    let default = sbr("::/0>fd01::1");
    let moved = "fd01::9/64 | ::/0 via fd01::1 table 100, fd01::/64 table 100 metric 256";
    compare_in([
        (default.clone(), Some(true), "fd01::9/64 | ::/0 via fd01::1, fd01::/64 table 100 metric 256"),
        (default.clone(), None, "fd01::9/64 | ::/0 via fd01::1, fd01::/64 table 100 metric 256 | ?routes6"),
        (default, Some(false), moved),
        (
            sbr(r#"{"dst":"::/0","gw":"fd01::1","priority":1024}"#),
            Some(true),
            "fd01::9/64 | ::/0 via fd01::1 metric 1024, fd01::/64 table 100 metric 256",
        ),
        (
            sbr(r#"{"dst":"::/0","gw":"fd01::1","priority":100}"#),
            Some(true),
            "fd01::9/64 | ::/0 via fd01::1 table 100 metric 100, fd01::/64 table 100 metric 256",
        ),
        (
            sbr("fd09::/48>fd01::1 fd09::/48>fd01::2"),
            Some(false),
            "fd01::9/64 | fd09::/48 via fd01::1, fd09::/48 via fd01::2, fd01::/64 table 100 metric 256",
        ),
    ]);
    let gateway = bridge_with(r#""isDefaultGateway":true"#, &fixed("fd01::9/64", ""));
    let gateway = format!(r#"{{"cniVersion":"1.0.0","plugins":[{gateway},{{"type":"sbr"}}]}}"#);
    let both = "fd01::9/64 | ::/0 via fd01::1, ::/0 via fd01::1 table 100, fd01::/64 table 100 metric 256";
    compare_in([(gateway, Some(true), both)]);
}

/// A table to which a rule leads already is passed over; of a number the kernel gets 32 bits.
#[test]
fn tables_of_sbr() {
    let then = |addresses: &str, further: &str| chain(&fixed(addresses, ""), further);
    compare([
        (
            then("10.0.0.5/24>10.0.0.1", r#"{"type":"sbr","table":100},{"type":"sbr"}"#),
            "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1 table 101, 10.0.0.0/24 table 101",
        ),
        (
            then("10.0.0.5/24", r#"{"type":"sbr","table":4294967396},{"type":"sbr"}"#),
            "10.0.0.5/24 | 10.0.0.0/24 table 101",
        ),
        (
            then("10.0.0.5/24 10.1.0.5/24", r#"{"type":"sbr","table":101},{"type":"sbr"}"#),
            "10.0.0.5/24 10.1.0.5/24 | 10.0.0.0/24 table 100, 10.1.0.0/24 table 102",
        ),
        (
            then("10.0.0.5/24>10.0.0.5", r#"{"type":"sbr"},{"type":"sbr"}"#),
            "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.5 table 100, 10.0.0.0/24 table 100, 0.0.0.0/0 via 10.0.0.5 table 101",
        ),
        (then("10.0.0.5/24>10.0.0.1", r#"{"type":"sbr"},{"type":"sbr"}"#), "fails: network is unreachable"),
        (then("fd01::5/64", r#"{"type":"sbr","table":4294967296}"#), "fails: no table"),
        (then("10.0.0.5/24", r#"{"type":"sbr","table":4294967296}"#), "10.0.0.5/24"),
    ]);
}

#[test]
fn sysctls_and_numbers_of_tuning() {
    let tuned = |keys: &str| chain(&fixed("10.0.0.5/24 fd01::5/64", ""), &format!(r#"{{"type":"tuning",{keys}}}"#));
    let set = |key: &str, value: &str| tuned(&format!(r#""sysctl":{{"{key}":"{value}"}}"#));
    let (works, without_v6) = ("10.0.0.5/24 fd01::5/64", "10.0.0.5/24");
    compare([
        (set("net/ipv6/conf/migration0/disable_ipv6", "1000 2000"), without_v6),
        (set("net.ipv6.conf.IFNAME.disable_ipv6", "0x1"), without_v6),
        (set("net.ipv6.conf.IFNAME.disable_ipv6", ""), works),
        (set("net.ipv6.conf.IFNAME.disable_ipv6", "99999999999"), "fails: takes a whole number"),
        (set("net.ipv4.conf.all.rp_filter", "x"), "fails: takes a whole number"),
        (set("net.ipv4.conf.eth0.rp_filter", "1 "), works),
        (set("net.no.such", "1"), "10.0.0.5/24 fd01::5/64 | ?fails"),
        (set("net.ipv4", "1"), "10.0.0.5/24 fd01::5/64 | ?fails"),
        (set("net.core.somaxconn", "-1"), "10.0.0.5/24 fd01::5/64 | ?fails"),
        (tuned(r#""mtu":4294968796"#), works),
        (tuned(r#""mtu":4294967296"#), "fails: no interface takes the MTU"),
        (tuned(r#""mtu":-1"#), "fails: no interface takes the MTU"),
    ]);
}

#[test]
fn devices_of_the_node() {
    let device = |keys: &str| {
        let ipam = fixed("10.0.0.5/24", "");
        format!(r#"{{"cniVersion":"1.0.0","type":"host-device",{keys},"ipam":{ipam}}}"#)
    };
    compare([
        (device(r#""hwaddr":"x""#), "fails: `x` is no hardware address"),
        (device(r#""hwaddr":"02:00:00:00:00:01""#), "10.0.0.5/24"),
        (device(r#""device":"eth1","hwaddr":"x""#), "10.0.0.5/24"),
        (device(r#""kernelpath":"/sys/class/net/x""#), "fails: does not begin with /sys/devices/"),
    ]);
}

/// The default end of a range lies before a start at the broadcast address; both count.
#[test]
fn reversed_ranges_overlap() {
    let sets = |second: &str| {
        let first = r#"[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.255"}]"#;
        bridge(&local(&format!(r#""ranges":[{first},[{{"subnet":"10.0.0.0/24"{second}}}]]"#)))
    };
    compare([
        (sets(""), "fails: overlap"),
        (bridge(&local(r#""subnet":"::/64","gateway":"::2""#)), "::1..::ffff:ffff:ffff:ffff/64 | ?fails"),
        (bridge(&local(r#""subnet":"::/64""#)), "::2..::ffff:ffff:ffff:ffff/64"),
        (sets(r#","rangeEnd":"10.0.0.253""#), "10.0.0.2..10.0.0.253/24 10.0.0.255..10.0.0.255/24"),
    ]);
}

#[test]
fn replaced_addresses_are_only_decoded() {
    let with = |address: &str, keys: &str| {
        let ipam = format!(r#"{{"type":"static","addresses":[{address}]}}"#);
        bridge_with(keys, &ipam)
    };
    let (args, runtime) = (r#""args":{"cni":{"ips":["10.0.0.5/24"]}}"#, r#""runtimeConfig":{"ips":["10.0.0.6/24"]}"#);
    compare([
        (with(r#"{"address":"10.0.0.9/24/24"}"#, args), "10.0.0.5/24"),
        (with(r#"{"gateway":"10.0.0.1"}"#, runtime), "10.0.0.6/24"),
        (with("null", runtime), "10.0.0.6/24"),
        (with(r#"{"address":5}"#, runtime), "fails: `address` must be a string"),
        (with(r#"{"address":"10.0.0.9/24","gateway":"x"}"#, args), "fails: `x` is not an IP address"),
        (with("", r#""args":{"cni":{"ips":["x"]}},"runtimeConfig":{"ips":["10.0.0.6/24"]}"#), "fails: `x` is not"),
    ]);
}

/// A variant of `cniVersion` that sorts behind it changes the version of one plugin of a list.
#[test]
fn results_of_another_version() {
    let list = |list: &str, variant: &str, further: &str| {
        let ipam = fixed("10.0.0.5/24", "");
        format!(
            r#"{{"cniVersion":"{list}","plugins":[{{"type":"bridge","cniversion":"{variant}","ipam":{ipam}}}{further}]}}"#
        )
    };
    let tuning = r#",{"type":"tuning"}"#;
    compare([
        (list("0.4.0", "1.0.0", tuning), "fails: cannot read the result of the earlier one"),
        (list("0.4.0", "0.3.1", tuning), "10.0.0.5/24"),
        (list("0.4.0", "1.0.0", ""), "10.0.0.5/24"),
        (list("0.2.0", "1.0.0", tuning), "fails: cannot read the result of the earlier one"),
    ]);
}

#[test]
fn a_result_written_for_sbr() {
    let text = |table: &str| {
        let result = r#""prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.5/24"}]}"#;
        format!(r#"{{"cniVersion":"1.0.0","type":"sbr"{table},{result}}}"#)
    };
    compare([(text(r#","table":100"#), "?fails"), (text(""), "fails: no earlier plugin has made")]);
    assert!(reading(&text(r#","table":100"#)).gives_no_address());
}

#[test]
fn a_gateway_of_ipv6_on_a_small_mtu() {
    let text = |mtu: u32| bridge_with(&format!(r#""isGateway":true,"mtu":{mtu}"#), &fixed("10.0.0.5/24>fd01::2", ""));
    compare([(text(1280), "10.0.0.5/24"), (text(1279), "fails: a bridge cannot have the gateway's address")]);
}

#[test]
fn names_of_files() {
    let named = |length: usize| {
        let name = "x".repeat(length);
        bridge_with(&format!(r#""name":"{name}""#), &fixed("10.0.0.5/24", ""))
    };
    compare([(named(179), "10.0.0.5/24"), (named(180), "fails: has 180 bytes")]);
}

#[test]
fn ptp_with_the_whole_of_ipv6() {
    let ipam = fixed("fd02::a/0>fd01::1", "");
    let text = format!(r#"{{"cniVersion":"1.0.0","type":"ptp","ipam":{ipam}}}"#);
    let works = "fd02::a/0 | ::/0 via fd01::1, fd01::1/128";
    compare_in([
        (text.clone(), Some(false), works),
        (text.clone(), Some(true), "fails: file exists"),
        (text, None, "fd02::a/0 | ::/0 via fd01::1, fd01::1/128 | ?fails"),
    ]);
}

/// As real host-local and bridge did: Linux gives an interface no IPv6 group's address, and makes no route for an IPv4 one.
#[test]
fn a_pool_of_group_addresses() {
    compare([
        (bridge(&local(r#""subnet":"ff02::/16""#)), "fails: an interface cannot have this address"),
        (
            bridge(&local(r#""subnet":"224.0.1.0/24","routes":[{"dst":"10.9.0.0/16"}]"#)),
            "fails: is on no on-link prefix",
        ),
    ]);
}

/// As real sbr did: a route that eth0 has, too, is one with two next hops, which the plugin does not see.
#[test]
fn sbr_may_leave_routes_that_eth0_has() {
    let further = r#"{"type":"sbr"}"#;
    let routed = chain(&fixed("fd00:77::9/64", "fd00:10:244:1::/64>fd00:77::1"), further);
    assert!(shown_in(&routed, None).ends_with(" | ?routes6"), "{}", shown_in(&routed, None));
    assert!(!shown_in(&routed, Some(false)).contains('?'), "{}", shown_in(&routed, Some(false)));
    let plain = chain(&fixed("fd00:77::9/64", ""), further);
    assert!(!shown_in(&plain, None).contains('?'), "{}", shown_in(&plain, None));
}

/// As real ptp with host-local did: the old form of the result has no place for the route.
#[test]
fn a_route_without_a_destination_in_an_old_version() {
    let with = |version: &str, subnet: &str| {
        let ipam = local(&format!(r#""subnet":"{subnet}","routes":[{{}}]"#));
        format!(r#"{{"cniVersion":"{version}","type":"bridge","ipam":{ipam}}}"#)
    };
    compare([
        (with("0.2.0", "10.0.0.0/24"), "10.0.0.2..10.0.0.254/24"),
        (with("0.2.0", "fd00:77::/64"), "fails: the route has no `dst`"),
        (with("0.3.1", "10.0.0.0/24"), "fails: the route has no `dst`"),
    ]);
}

/// As real plugins did: the first one works, whichever of its two spellings it reads, so the next one has a result.
#[test]
fn a_plugin_behind_one_of_two_readings() {
    for further in [r#"{"type":"sbr"}"#, r#"{"type":"tuning"}"#] {
        let text = format!(
            r#"{{"cniVersion":"1.0.0","plugins":[{{"type":"bridge","IPAM":{{}},"ipam":{{"type":"dhcp"}}}},{further}]}}"#
        );
        let read = reading(&text);
        assert_eq!((read.faults.len(), read.ambiguities.len()), (0, 1), "{further}: {:?}", read.faults);
    }
}
