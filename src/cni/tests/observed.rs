//! What the reference plugins v1.9.1 did with these texts, each tried with the real binaries.

use super::*;

#[test]
fn addresses() {
    compare([
        (bridge(&fixed("10.200.5.9/24>10.200.5.1", "")), "10.200.5.9/24"),
        (bridge(&fixed("10.0.0.5/24 10.1.0.5/24", "")), "10.0.0.5/24 10.1.0.5/24"),
        (bridge(&fixed("10.5.5.9/8", "")), "10.5.5.9/8"),
        (bridge(&fixed("10.0.0.5/0", "")), "10.0.0.5/0"),
        (bridge(&fixed("fd01::5/0", "")), "fd01::5/0 | ::/0 metric 256"),
        (bridge(&fixed("10.0.0.5/31", "")), "10.0.0.5/31"),
        (bridge(&fixed("10.0.0.5/32", "")), "10.0.0.5/32"),
        (bridge(&fixed("127.0.0.5/8", "")), "127.0.0.5/8"),
        (bridge(&fixed("169.254.1.5/16", "")), "169.254.1.5/16"),
        (bridge(&fixed("224.0.0.5/24", "")), "224.0.0.5/24"),
        (bridge(&fixed("::ffff:10.200.5.9/120", "")), "10.200.5.9/24"),
        (bridge(&fixed("10.200.5.9/024", "")), "10.200.5.9/24"),
        (bridge(&fixed("10.200.005.9/24", "")), "fails: `10.200.005.9/24` is not an address"),
        (bridge(&fixed("fe80::9%eth0/64", "")), "fails: is not an address"),
        (bridge(&fixed("fe80::5/64", "")), ""),
        (bridge(&fixed("0.0.0.0/24", "")), ""),
        (bridge(&fixed("::1/64", "")), "fails: cannot assign requested address"),
        (bridge(&fixed("ff02::5/64", "")), "fails: cannot assign requested address"),
        (bridge(&fixed("10.0.0.5/24 10.0.0.5/24", "")), "fails: file exists"),
        (bridge(&fixed("10.0.0.5/24 10.0.0.5/16", "")), "10.0.0.5/16 10.0.0.5/24"),
        (bridge(&fixed("fd01::5/64 fd01::5/48", "")), "fails: file exists"),
        (bridge(r#"{"type":"static"}"#), "fails: gives no address"),
        (bridge(r#"{"type":"static","addresses":[]}"#), "fails: gives no address"),
        (bridge(r#"{"type":"nosuch"}"#), "?addresses ?routes ?fails"),
        (bridge("{}"), ""),
        (r#"{"cniVersion":"1.0.0","type":"bridge"}"#.to_owned(), ""),
    ]);
}

#[test]
fn routes() {
    let with = |routes: &str| bridge(&fixed("10.0.0.5/24", routes));
    compare([
        (
            with(r#"{"dst":"0.0.0.0/0","gw":"10.0.0.1","priority":100}"#),
            "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1 metric 100",
        ),
        (
            with("0.0.0.0/1>10.0.0.1 128.0.0.0/1>10.0.0.1"),
            "10.0.0.5/24 | 0.0.0.0/1 via 10.0.0.1, 128.0.0.0/1 via 10.0.0.1",
        ),
        (with("10.9.0.0/16"), "10.0.0.5/24 | 10.9.0.0/16"),
        (with("::ffff:10.244.0.0/112"), "10.0.0.5/24 | 10.244.0.0/16"),
        (with("10.9.0.1/16"), "fails: has host bits set (invalid argument)"),
        (with("10.9.0.0/16>10.5.0.1"), "fails: network is unreachable"),
        (with("10.9.0.0/16>fd01::1"), "fails: next hop of another family"),
        (with("10.9.0.0/16>10.0.0.255"), "fails: invalid gateway"),
        (with("10.9.0.0/16>10.0.0.5"), "10.0.0.5/24 | 10.9.0.0/16 via 10.0.0.5"),
        (with("10.9.0.0/16>0.0.0.0"), "10.0.0.5/24 | 10.9.0.0/16"),
        (with("10.9.0.0/16>10.0.0.1/24"), "fails: is not an IP address"),
        (with("10.9.0.0"), "fails: is not an address with a prefix length"),
        (with("{}"), "fails: the route has no `dst`"),
        (with(r#"{"dst":null}"#), "fails: the route has no `dst`"),
        (bridge(r#"{"type":"static","addresses":[{"address":"10.0.0.5/24"}],"routes":[null]}"#), "fails: not null"),
        (with("10.0.0.0/24"), "10.0.0.5/24 | 10.0.0.0/24"),
        (with("10.0.0.0/24>10.0.0.1"), "10.0.0.5/24 | 10.0.0.0/24 via 10.0.0.1"),
        (with("10.9.0.0/16 10.9.0.0/16"), "fails: file exists"),
        (with("10.9.0.0/16>10.0.0.1 10.9.0.0/16>10.0.0.1"), "fails: file exists"),
        (
            with("10.9.0.0/16>10.0.0.1 10.9.0.0/16>10.0.0.2"),
            "10.0.0.5/24 | 10.9.0.0/16 via 10.0.0.1, 10.9.0.0/16 via 10.0.0.2",
        ),
        (with(r#"10.9.0.0/16 {"dst":"10.9.0.0/16","priority":5}"#), "10.0.0.5/24 | 10.9.0.0/16, 10.9.0.0/16 metric 5"),
        (with(r#"10.9.0.0/16 {"dst":"10.9.0.0/16","scope":253}"#), "10.0.0.5/24 | 10.9.0.0/16, 10.9.0.0/16"),
        (with(r#"{"dst":"10.9.0.0/16","table":100}"#), "10.0.0.5/24 | 10.9.0.0/16 table 100"),
        (with(r#"{"dst":"10.9.0.0/16","table":254} 10.9.0.0/16"#), "fails: file exists"),
        (with(r#"{"dst":"10.9.0.0/16","table":4294967396}"#), "10.0.0.5/24 | 10.9.0.0/16 table 100"),
        (with(r#"{"dst":"10.9.0.0/16","priority":-1,"table":-1}"#), "10.0.0.5/24 | 10.9.0.0/16"),
        (with(r#"{"dst":"10.9.0.0/16","gw":"10.0.0.1","scope":253}"#), "fails: network is unreachable"),
        (with(r#"{"dst":"10.9.0.0/16","gw":"10.0.0.1","scope":254}"#), "fails: invalid scope"),
        (with(r#"{"dst":"10.9.0.0/16","scope":255}"#), "fails: invalid scope"),
        (with("10.9.0.0/16 10.8.0.0/16>10.9.0.1"), "fails: network is unreachable"),
        (
            with(r#"{"dst":"10.9.0.0/16","scope":253} 10.8.0.0/16>10.9.0.1"#),
            "10.0.0.5/24 | 10.8.0.0/16 via 10.9.0.1, 10.9.0.0/16",
        ),
        (with(r#"{"dst":"10.9.0.0/16","table":"100"}"#), "fails: `table` must be a whole number, not a string"),
        (with(r#"{"dst":"10.9.0.0/16","mtu":"1400"}"#), "fails: `mtu` must be"),
        (with(r#"{"dst":"10.9.0.0/16","gw":5}"#), "fails: `gw` must be a string"),
    ]);
}

#[test]
fn routes_of_ipv6() {
    let with = |routes: &str| bridge(&fixed("fd01::5/64", routes));
    compare([
        (with("fd09::1/48"), "fd01::5/64 | fd09::/48"),
        (with("fd09::1/48 fd09::2/48"), "fails: file exists"),
        (with(r#"fd09::/48 {"dst":"fd09::/48","priority":1024}"#), "fails: file exists"),
        (with("fd09::/48>fd01::1 fd09::/48>fd01::2"), "fd01::5/64 | fd09::/48 via fd01::1, fd09::/48 via fd01::2"),
        (with("fd01::/64"), "fd01::5/64 | fd01::/64"),
        (with(r#"{"dst":"fd01::/64","priority":256}"#), "fails: file exists"),
        (with("fd09::/48>fd01::5"), "fails: invalid gateway"),
        (with("fd09::/48>::"), "fails: invalid gateway"),
        (with("fd09::/48>ff02::1"), "fails: invalid gateway"),
        (with("fd09::/48>fe80::1"), "fd01::5/64 | fd09::/48 via fe80::1"),
        (with("fd09::/48>fd02::1"), "fails: network is unreachable"),
        (with("fd09::/48 fd08::/48>fd09::1"), "fd01::5/64 | fd08::/48 via fd09::1, fd09::/48"),
        (with("fd09::/48>fd01::1 fd08::/48>fd09::1"), "fails: network is unreachable"),
        (with(r#"{"dst":"fd09::/48","scope":255}"#), "fd01::5/64 | fd09::/48"),
        (with("fd09::/48>::ffff:10.0.0.1"), "fails: next hop of another family"),
    ]);
}

#[test]
fn gateways_serve_routes_without_one() {
    compare([
        (bridge(&fixed("10.0.0.5/24>10.0.0.1", "10.9.0.0/16")), "10.0.0.5/24 | 10.9.0.0/16 via 10.0.0.1"),
        (
            bridge(&fixed("10.0.0.5/24>10.0.0.1 10.1.0.5/24>10.1.0.1", "10.9.0.0/16")),
            "10.0.0.5/24 10.1.0.5/24 | 10.9.0.0/16 via 10.0.0.1",
        ),
        (bridge(&fixed("10.0.0.5/24>fd01::1", "10.9.0.0/16")), "10.0.0.5/24 | 10.9.0.0/16"),
        (
            bridge(&fixed("10.0.0.5/24>fd01::1 fd01::5/64", "fd09::/48")),
            "10.0.0.5/24 fd01::5/64 | fd09::/48 via fd01::1",
        ),
        (bridge(&fixed("10.0.0.5/24>10.0.1.1", "")), "10.0.0.5/24"),
        (bridge(&fixed("10.0.0.5/24>x", "")), "fails: `x` is not an IP address"),
    ]);
}

#[test]
fn gateways_of_a_bridge() {
    let default = |addresses: &str, routes: &str| bridge_with(r#""isDefaultGateway":true"#, &fixed(addresses, routes));
    let gateway = |addresses: &str| bridge_with(r#""isGateway":true"#, &fixed(addresses, ""));
    compare([
        (default("10.0.0.5/24", ""), "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1"),
        (bridge_with(r#""isDefaultgateway":true"#, &fixed("10.0.0.5/24", "")), "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1"),
        (r#"{"cniVersion":"1.0.0","type":"bridge","isDefaultGateway":true}"#.to_owned(), ""),
        (default("10.0.0.5/24 fd01::5/64", ""), "10.0.0.5/24 fd01::5/64 | 0.0.0.0/0 via 10.0.0.1, ::/0 via fd01::1"),
        (default("10.0.0.5/32", ""), "fails: network is unreachable"),
        (default("fd01::1/64", ""), "fails: invalid gateway"),
        (default("10.0.0.5/24", "0.0.0.0/0"), "fails: file exists"),
        (default("10.0.0.5/24", "0.0.0.0/0>10.0.0.2"), "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.2"),
        (
            default("10.0.0.5/24", r#"{"dst":"0.0.0.0/0","gw":"10.0.0.2","table":100}"#),
            "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.2 table 100",
        ),
        (default("10.0.0.5/24>10.0.1.1", ""), "fails: network is unreachable"),
        (gateway("10.0.0.5/24 10.1.0.5/24"), "fails: the bridge cannot have the gateway's address 10.1.0.1/24"),
        (gateway("10.0.0.5/24 10.0.0.6/24"), "10.0.0.5/24 10.0.0.6/24"),
        (gateway("fd01::5/64 fd02::5/64"), "fd01::5/64 fd02::5/64"),
        (gateway("fd01::5/64 fd01::6/48"), "fails: the bridge cannot have"),
        (gateway("fd01::5/64>ff02::1"), "fails: a bridge cannot have"),
        (gateway("fd01::5/64>fe80::1"), "fails: the bridge cannot have"),
        (gateway("255.255.255.255/32"), "fails: no gateway after"),
        (gateway("10.0.0.5/24"), "10.0.0.5/24"),
    ]);
    let read = reading(&gateway("10.0.0.5/24"));
    assert_eq!(read.host_gateway.as_deref(), Some("/isGateway"));
}

#[test]
fn host_local() {
    compare([
        (bridge(&local(r#""subnet":"10.0.0.0/24""#)), "10.0.0.2..10.0.0.254/24"),
        (bridge(&local(r#""subnet":"fd01::/64""#)), "fd01::2..fd01::ffff:ffff:ffff:ffff/64"),
        (bridge(&local(r#""subnet":"10.0.0.0/24","gateway":"10.0.0.9""#)), "10.0.0.1..10.0.0.254/24"),
        (
            bridge(&local(r#""subnet":"10.0.0.0/24","rangeStart":"10.0.0.10","rangeEnd":"10.0.0.255""#)),
            "10.0.0.10..10.0.0.255/24",
        ),
        (bridge(&local(r#""subnet":"10.0.0.5/24""#)), "fails: has host bits set"),
        (bridge(&local(r#""subnet":"10.0.0.0/31""#)), "fails: too small"),
        (bridge(&local(r#""subnet":"fd01::/127""#)), "fails: too small"),
        (bridge(&local(r#""subnet":"10.0.0.0/30""#)), "10.0.0.2..10.0.0.2/30"),
        (bridge(&local(r#""subnet":"0.0.0.0/0""#)), "0.0.0.2..255.255.255.254/0"),
        (bridge(&local(r#""subnet":"::ffff:10.0.0.0/120""#)), "fails: IPv4-mapped"),
        (bridge(&local(r#""ranges":[{"subnet":"10.0.0.0/24"}]"#)), "fails: a range set must be a list"),
        (bridge(&local(r#""ranges":[[]]"#)), "fails: the range set is empty"),
        (bridge(&local(r#""ranges":[[{}]]"#)), "fails: the range has no `subnet`"),
        (bridge(&local(r#""ranges":[]"#)), "fails: no `subnet` and no `ranges`"),
        (bridge(&local(r#""subnet":"10.0.0.0/24","rangeStart":"10.0.1.5""#)), "fails: rangeStart 10.0.1.5"),
        (
            bridge(&local(r#""subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.5""#)),
            "fails: rangeStart 10.0.0.9",
        ),
        (bridge(&local(r#""subnet":"10.0.0.0/24","rangeEnd":"10.0.0.0""#)), "fails: rangeEnd 10.0.0.0"),
    ]);
}

#[test]
fn host_local_sets() {
    compare([
        (
            bridge(&local(r#""ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"10.0.1.0/24"}]]"#)),
            "10.0.0.2..10.0.0.254/24",
        ),
        (
            bridge(&local(r#""ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"fd01::/64"}]]"#)),
            "10.0.0.2..10.0.0.254/24 fd01::2..fd01::ffff:ffff:ffff:ffff/64",
        ),
        (bridge(&local(r#""ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"fd01::/64"}]]"#)), "fails: two families"),
        (bridge(&local(r#""ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.0.0/16"}]]"#)), "fails: overlap"),
        (bridge(&local(r#""subnet":"10.0.0.0/30","rangeEnd":"10.0.0.1""#)), "fails: no address to give"),
        (
            bridge(&local(r#""subnet":"10.0.0.0/24","routes":[{"dst":"10.9.0.0/16"}]"#)),
            "10.0.0.2..10.0.0.254/24 | 10.9.0.0/16 via 10.0.0.1",
        ),
        (
            bridge(&local(r#""subnet":"10.0.0.0/24","resolvConf":"/etc/resolv.conf""#)),
            "10.0.0.2..10.0.0.254/24 | ?fails",
        ),
        (bridge(&local(r#""subnet":"10.0.0.0/24","rangeStart":5"#)), "fails: `rangeStart` must be a string"),
        (bridge_with(r#""args":{"cni":{"ips":["10.0.0.7"]}}"#, &local(r#""subnet":"10.0.0.0/24""#)), "10.0.0.7/24"),
        (
            bridge_with(r#""args":{"cni":{"ips":["10.0.0.1"]}}"#, &local(r#""subnet":"10.0.0.0/24""#)),
            "fails: the gateway of the subnet",
        ),
        (
            bridge_with(r#""args":{"cni":{"ips":["10.5.0.7"]}}"#, &local(r#""subnet":"10.0.0.0/24""#)),
            "fails: none of its ranges",
        ),
        (
            bridge_with(
                r#""runtimeConfig":{"ipRanges":[[{"subnet":"10.7.0.0/24"}]]}"#,
                &local(r#""subnet":"10.0.0.0/24""#),
            ),
            "10.0.0.2..10.0.0.254/24 10.7.0.2..10.7.0.254/24",
        ),
    ]);
    let read = reading(&bridge(&local(r#""ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"10.0.1.0/24"}]]"#)));
    let all: Vec<_> = read.addresses.iter().map(|a| (a.prefix.to_string(), a.alternative, a.scope)).collect();
    assert_eq!(all, [("10.0.0.0/24".into(), false, Scope::Node), ("10.0.1.0/24".into(), true, Scope::Node)]);
}

#[test]
fn dhcp() {
    let with = |keys: &str| bridge(&format!(r#"{{"type":"dhcp"{keys}}}"#));
    compare([
        (with(""), "dhcp [1, 3] | ?addresses4 ?routes4 ?fails"),
        (with(r#","request":[]"#), "dhcp [1, 3] | ?addresses4 ?routes4 ?fails"),
        (with(r#","request":[{"skipDefault":true}]"#), "dhcp [1, 3, 6, 15] | ?addresses4 ?routes4 ?fails"),
        (with(r#","request":[{"skipDefault":true,"option":"1"}]"#), "dhcp [1] | ?addresses4 ?routes4 ?fails"),
        (
            with(r#","request":[{"skipDefault":true},{"option":"subnet-mask"}]"#),
            "dhcp [1] | ?addresses4 ?routes4 ?fails",
        ),
        (
            with(r#","request":[{"skipDefault":true,"option":"1"},{"option":"routers"}]"#),
            "dhcp [1, 3] | ?addresses4 ?routes4 ?fails",
        ),
        (
            with(r#","request":[{"skipDefault":true,"option":"1"},{"option":"121"}]"#),
            "dhcp [1, 121] | ?addresses4 ?routes4 ?fails",
        ),
        (
            with(r#","request":[{"skipDefault":true,"option":"1"},{"option":"033"}]"#),
            "dhcp [1, 33] | ?addresses4 ?routes4 ?fails",
        ),
        (with(r#","request":[{"option":"12"}]"#), "dhcp [1, 3, 12] | ?addresses4 ?routes4 ?fails"),
        (with(r#","request":[{"skipDefault":false,"option":"1"}]"#), "dhcp [1, 3] | ?addresses4 ?routes4 ?fails"),
        (with(r#","request":[{"skipDefault":true,"option":"12"}]"#), "dhcp [12] | ?addresses4 ?routes4 ?fails"),
        (
            with(r#","request":[{"skipDefault":true,"option":"0"},{"option":"255"},{"option":"1"}]"#),
            "dhcp [0, 1, 255] | ?addresses4 ?routes4 ?fails",
        ),
        (
            with(r#","request":[{"skipDefault":true}],"provide":[{"option":"55","value":"\u0001"}]"#),
            "dhcp [1] | ?addresses4 ?routes4 ?fails",
        ),
        (
            with(r#","request":[{"option":"1"}],"provide":[{"option":"55","value":"\u0079"}]"#),
            "dhcp [1, 3] | ?addresses4 ?routes4 ?fails",
        ),
        (
            with(r#","request":[{"skipDefault":true}],"provide":[{"option":"55","fromArg":"K8S_POD_NAME"}]"#),
            "dhcp [] | ?addresses4 ?routes4 ?dhcp ?fails",
        ),
        (with(r#","routes":[{"dst":"0.0.0.0/0"}],"gateway":5"#), "dhcp [1, 3] | ?addresses4 ?routes4 ?fails"),
        (with(r#","request":[{"option":3}]"#), "fails: `option` must be a string"),
        (with(r#","request":[{"option":"+3"}]"#), "fails: `+3` is no DHCP option"),
        (with(r#","request":[{"option":"0x3"}]"#), "fails: is no DHCP option"),
        (with(r#","request":[{"option":"256"}]"#), "fails: is no DHCP option"),
        (with(r#","request":[{"option":"static-routes"}]"#), "fails: is no DHCP option"),
        (with(r#","request":{"option":"1"}"#), "fails: `request` must be a list"),
        (with(r#","provide":[{"value":"x"}]"#), "fails: has no `option`"),
        (with(r#","priority":"5""#), "fails: `priority` must be a whole number"),
    ]);
    let text = r#"{"cniVersion":"1.0.0","type":"bridge","isDefaultGateway":true,"ipam":{"type":"dhcp"}}"#;
    assert_eq!(reading(text).dhcp.and_then(|dhcp| dhcp.default).as_deref(), Some("/isDefaultGateway"));
}
