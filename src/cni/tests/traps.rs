//! Texts that a careless reader takes for something else.

use super::*;

const IPAM: &str = r#"{"type":"static","addresses":[{"address":"10.0.0.5/24"}]}"#;

fn ambiguities(text: &str) -> Vec<String> {
    reading(text).ambiguities.into_iter().map(|note| note.pointer).collect()
}

fn oddities(text: &str) -> Vec<String> {
    reading(text).oddities.into_iter().map(|note| note.pointer).collect()
}

#[test]
fn doubtful_keys_decide_nothing() {
    for (text, pointer) in [
        (format!(r#"{{"type":"bridge","type":"macvlan","ipam":{IPAM}}}"#), "/type"),
        (format!(r#"{{"type":"bridge","ipam":{IPAM},"IPAM":{{}}}}"#), "/IPAM"),
        (bridge(r#"{"type":"static","addresses":[],"routes":[],"Routes":[]}"#), "/ipam/Routes"),
        (bridge(r#"{"type":"static","routes":[],"routeſ":[]}"#), "/ipam/routes"),
        (
            bridge(r#"{"type":"static","addresses":[{"address":"10.0.0.5/24","Address":{}}]}"#),
            "/ipam/addresses/0/Address",
        ),
        (
            bridge(&fixed("10.0.0.5/24", r#"{"dst":"10.9.0.0/16","gw":"10.0.0.1","GW":"10.0.0.2"}"#)),
            "/ipam/routes/0/GW",
        ),
        (bridge_with(r#""x":1,"x":2"#, IPAM), "/x"),
        (bridge_with(r#""dns":{"domain":"a","domain":"b"}"#, IPAM), "/dns/domain"),
        (bridge_with(r#""runtimeConfig":{"mac":"","mac":""}"#, IPAM), "/runtimeConfig/mac"),
        (bridge_with(r#""args":{"cni":{"ips":[],"IPs":[]}}"#, IPAM), "/args/cni/IPs"),
        (
            r#"{"cniVersion":"1.0.0","plugins":[{"type":"bridge"},{"type":"sbr","prevresult":{}}]}"#.into(),
            "/plugins/1/prevresult",
        ),
    ] {
        assert_eq!(ambiguities(&text), [pointer], "{text}");
        assert!(!reading(&text).gaps.is_empty(), "{text}");
    }
}

/// As real host-device did: the second address counts, and the next hop is on its prefix.
#[test]
fn an_unread_address_may_lead_to_a_next_hop() {
    let addresses = r#"{"address":"fd00:77::1","address":"fd00:79:1::66/48"}"#;
    let routes = list("fd00:77::/64>fd00:79:1::64");
    let text = bridge(&format!(r#"{{"type":"static","addresses":[{addresses}],"routes":[{routes}]}}"#));
    assert_eq!(shown(&text), "fd00:77::/64 via fd00:79:1::64 | ?addresses ?routes ?dhcp ?fails");
}

#[test]
fn maps_and_other_peoples_keys_are_free() {
    for text in [
        bridge_with(r#""args":{"x":1,"X":2,"cni":{"a":1,"a":2}}"#, IPAM),
        bridge_with(r#""capabilities":{"ips":true,"ips":true}"#, IPAM),
        bridge_with(r#""whatever":{"x":1,"x":2}"#, IPAM),
        chain(IPAM, r#"{"type":"tuning","sysctl":{"net.ipv4.ip_forward":"1","net/ipv4/ip_forward":"1"}}"#),
    ] {
        assert_eq!(ambiguities(&text), Vec::<String>::new(), "{text}");
        assert_eq!(shown(&text), "10.0.0.5/24", "{text}");
    }
}

#[test]
fn lone_variants_are_read_as_go_reads_them() {
    for (text, pointer, meaning) in [
        (format!(r#"{{"cniVersion":"1.0.0","type":"bridge","IPAM":{IPAM}}}"#), "/IPAM", "10.0.0.5/24"),
        (
            bridge(&fixed("10.0.0.5/24", "10.9.0.0/16")).replace("routes", "Routes"),
            "/ipam/Routes",
            "10.0.0.5/24 | 10.9.0.0/16",
        ),
        (
            bridge(&fixed("10.0.0.5/24", "10.9.0.0/16")).replace("routes", "routeſ"),
            "/ipam/routeſ",
            "10.0.0.5/24 | 10.9.0.0/16",
        ),
        (bridge_with(r#""MTU":1500"#, IPAM), "/MTU", "10.0.0.5/24"),
        (bridge_with(r#""Name":"x""#, IPAM), "/Name", "10.0.0.5/24"),
        (
            bridge(r#"{"type":"static","addresses":[{"ADDRESS":"10.0.0.5/24"}]}"#),
            "/ipam/addresses/0/ADDRESS",
            "10.0.0.5/24",
        ),
        (
            bridge(r#"{"type":"static","addresses":[{"Address":{"IP":"10.0.0.5","Mask":"////AA=="}}]}"#),
            "/ipam/addresses/0/Address",
            "10.0.0.5/24",
        ),
    ] {
        assert_eq!(oddities(&text), [pointer], "{text}");
        assert_eq!(shown(&text), meaning, "{text}");
    }
    let quirk = bridge(r#"{"type":"static","addresses":[{"Address":"10.0.0.5/24"}]}"#);
    assert!(shown(&quirk).contains("internal field of the plugin"));
    let version = bridge(r#"{"type":"static","addresses":[{"address":"10.0.0.5/24","version":4}]}"#);
    assert!(shown(&version).contains("`version` must be a string"));
}

#[test]
fn odd_numbers_are_remarked_once() {
    for (text, pointer) in [
        (bridge(&fixed("10.0.0.5/024", "")), "/ipam/addresses/0/address"),
        (bridge(&fixed("::ffff:10.0.0.5/120", "")), "/ipam/addresses/0/address"),
        (bridge(&fixed("10.0.0.5/24>::ffff:10.0.0.1", "")), "/ipam/addresses/0/gateway"),
        (bridge(&fixed("10.0.0.5/24", "10.9.0.0/016")), "/ipam/routes/0/dst"),
        (bridge(&fixed("10.0.0.5/24", "10.9.0.0/16>::ffff:10.0.0.1")), "/ipam/routes/0/gw"),
        (bridge(&local(r#""subnet":"10.0.0.0/024""#)), "/ipam/subnet"),
    ] {
        assert_eq!(oddities(&text), [pointer], "{text}");
    }
    for text in [
        bridge(&fixed("FD01::A/64", "")),
        bridge(&fixed("::10.0.0.1/64", "")),
        bridge(&fixed("10.0.0.5/24", "fd09::1/48")),
    ] {
        assert_eq!(oddities(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn addresses_written_for_the_runtime_win() {
    let keys = [
        (r#""args":{"cni":{"ips":["10.0.0.7/24"]}}"#, "10.0.0.7/24"),
        (r#""args":{"cni":{"ips":["10.0.0.7/24"]}},"runtimeConfig":{"ips":["10.0.0.8/24"]}"#, "10.0.0.8/24"),
        (r#""args":{"cni":{"ips":[]}},"runtimeConfig":{"ips":null}"#, "10.0.0.5/24"),
        (r#""args":{"cni":{"ips":["10.0.0.7"]}}"#, "fails: is not an address with a prefix length"),
        (r#""args":{"cni":{"ips":[null]}}"#, "fails: is not an address with a prefix length"),
        (r#""args":{"cni":{"ips":"10.0.0.7/24"}}"#, "fails: `ips` must be a list"),
        (r#""runtimeConfig":{"ips":[5]}"#, "fails: `0` must be a string"),
    ];
    compare(keys.map(|(keys, meaning)| (bridge_with(keys, IPAM), meaning)));
}

#[test]
fn long_lists_are_cut_and_said() {
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().join(" ");
    let addresses =
        |count| many(count, &|at| format!("10.{}.{}.5/24>10.{}.{}.1", at / 250, at % 250, at / 250, at % 250));
    let routes = |count| many(count, &|at| format!("11.{}.{}.0/24", at / 250, at % 250));
    let sbr = |text: String| chain(&text, r#"{"type":"sbr"}"#);
    assert_eq!(reading(&sbr(fixed(&addresses(256), &routes(256)))).faults, []);
    let read = reading(&fixed_in_bridge(&addresses(300), &routes(300)));
    let places: Vec<_> = read.faults.iter().map(|note| note.pointer.as_str()).collect();
    assert_eq!(places, ["/ipam/addresses", "/ipam/routes"]);
    let plugins = vec![r#"{"type":"tuning"}"#; 40].join(",");
    let long = reading(&chain(&fixed("10.0.0.5/24", ""), &plugins));
    assert_eq!(long.faults.iter().map(|note| note.pointer.as_str()).collect::<Vec<_>>(), ["/plugins"]);
}

fn fixed_in_bridge(addresses: &str, routes: &str) -> String {
    bridge(&fixed(addresses, routes))
}

#[test]
fn null_is_nothing_but_where_an_object_is_needed() {
    compare([
        (
            bridge(
                r#"{"type":"static","addresses":[{"address":"10.0.0.5/24","gateway":null}],"routes":[{"dst":"10.9.0.0/16","gw":null}]}"#,
            ),
            "10.0.0.5/24 | 10.9.0.0/16",
        ),
        (bridge(r#"{"type":"static","addresses":[{"address":"10.0.0.5/24","gateway":""}]}"#), "10.0.0.5/24"),
        (bridge(r#"{"type":"static","addresses":[{"address":null}]}"#), "fails: has no `address`"),
        (bridge(r#"{"type":"static","addresses":[null]}"#), "fails: not null"),
        (bridge(&local(r#""subnet":null"#)), "fails: no `subnet`"),
        (bridge("null"), ""),
    ]);
}

#[test]
fn what_a_fault_hides_is_judged_all_the_same() {
    let text = bridge_with(r#""vlan":4095"#, &fixed("10.0.0.5/24", "0.0.0.0/0>10.9.0.1 10.244.0.1/16"));
    let read = reading(&text);
    assert_eq!(read.faults.len(), 3);
    let routes: Vec<_> = read.routes.iter().map(|r| r.dst.to_string()).collect();
    assert_eq!(routes, ["0.0.0.0/0", "10.244.0.0/16"]);
    assert_eq!(read.addresses.len(), 1);
    let preview = AttachmentPreview::of(&read, None);
    assert!(preview.addresses.is_empty() && preview.routes.is_empty());
    assert_eq!(preview.fails.map(|why| why.matches("; ").count()), Some(2));
}

#[test]
fn gateways_that_no_route_uses_are_told() {
    let idle = |text: &str| reading(text).idle_gateways.into_iter().map(|(ip, _)| ip.to_string()).collect::<Vec<_>>();
    assert_eq!(idle(&bridge(&fixed("10.0.0.5/24>10.9.0.1", ""))), ["10.9.0.1"]);
    assert_eq!(idle(&bridge(&fixed("10.0.0.5/24>10.0.0.1", "10.9.0.0/16"))), [""; 0]);
    assert_eq!(idle(&bridge(&local(r#""subnet":"10.0.0.0/24""#))), [""; 0]);
    assert_eq!(idle(&bridge(&local(r#""subnet":"10.0.0.0/24","gateway":"10.9.0.1""#))), ["10.9.0.1"]);
}

#[test]
fn prefixes_without_peers_are_told() {
    let off = |text: &str| reading(text).detached.iter().map(|(p, why)| format!("{p} {why}")).collect::<Vec<_>>();
    assert_eq!(off(&bridge(&fixed("10.0.0.5/32", ""))), ["10.0.0.5/32 it holds a single address"]);
    assert_eq!(off(&bridge(&fixed("fd01::5/128", ""))), ["fd01::5/128 it holds a single address"]);
    assert_eq!(off(&bridge(&fixed("10.0.0.5/0", ""))), ["0.0.0.0/0 the kernel makes no on-link route for it"]);
    assert_eq!(off(&bridge(&fixed("10.0.0.5/4", ""))), ["0.0.0.0/4 the kernel makes no on-link route for it"]);
    assert_eq!(off(&bridge(&fixed("10.0.0.5/24 10.0.0.6/24 fd01::5/0", ""))), [""; 0]);
}
