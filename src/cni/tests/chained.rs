//! Chained plugins: what real route-override and sbr did, and what the sources of the others say.

use super::*;

const BOTH: &str = "10.0.0.5/24>10.0.0.1 fd01::5/64>fd01::1";

/// A bridge with routes, then route-override with these keys.
fn overridden(routes: &str, keys: &str) -> String {
    chain(&fixed(BOTH, routes), &format!(r#"{{"type":"route-override",{keys}}}"#))
}

fn compare_in(cases: impl IntoIterator<Item = (String, Option<bool>, &'static str)>) {
    for (text, pods_have_v6, expected) in cases {
        let got = shown_in(&text, pods_have_v6);
        let rest = got.strip_prefix("10.0.0.5/24 fd01::5/64").unwrap_or(&got).trim_start_matches(" | ");
        assert_eq!(rest, expected, "{text} with IPv6 of pods {pods_have_v6:?}");
    }
}

#[test]
fn flushed_routes() {
    let flush = r#""flushroutes":true"#;
    let table = r#"{"dst":"10.8.0.0/16","gw":"10.0.0.1","table":100}"#;
    compare_in([
        (overridden("0.0.0.0/0 0.0.0.0/1 128.0.0.0/1 10.9.0.0/16>10.0.0.2", flush), None, ""),
        (
            overridden(&format!("{{\"dst\":\"10.9.0.0/16\",\"gw\":\"0.0.0.0\"}} {table}"), flush),
            None,
            "10.9.0.0/16, 10.8.0.0/16 via 10.0.0.1 table 100",
        ),
        (overridden("::/0", flush), Some(false), ""),
        (overridden("::/0", flush), Some(true), "::/0 via fd01::1"),
        (overridden("::/0", flush), None, "::/0 via fd01::1 | ?routes6"),
        (overridden("fd09::/48>fd01::2", flush), Some(true), ""),
        (overridden("0.0.0.0/0", r#""flushRoutes":true"#), None, ""),
    ]);
    let dhcp = chain(r#"{"type":"dhcp"}"#, r#"{"type":"route-override","flushroutes":true}"#);
    assert_eq!(reading(&dhcp).dhcp.map(|d| d.flushed), Some(true));
}

#[test]
fn flushed_gateways() {
    let flush = r#""flushgateway":true"#;
    compare_in([
        (
            overridden("0.0.0.0/0 0.0.0.0/1 10.9.0.0/16>10.0.0.2", flush),
            None,
            "0.0.0.0/1 via 10.0.0.1, 10.9.0.0/16 via 10.0.0.2",
        ),
        (overridden("::/0", flush), Some(false), ""),
        (overridden("::/0", flush), None, "::/0 via fd01::1 | ?routes6"),
    ]);
    let v4 = |further: &str| chain(&fixed("10.0.0.5/24>10.0.0.1", "0.0.0.0/0"), further);
    let flushed = v4(r#"{"type":"route-override","flushgateway":true},{"type":"sbr"}"#);
    assert_eq!(shown(&flushed), "10.0.0.5/24 | 0.0.0.0/0 table 100, 10.0.0.0/24 table 100");
    let by_gateway = v4(r#"{"type":"route-override","flushroutes":true},{"type":"sbr"}"#);
    assert_eq!(shown(&by_gateway), "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1 table 100, 10.0.0.0/24 table 100");
}

#[test]
fn deleted_and_added_routes() {
    let delete = |dst: &str| format!(r#""delroutes":[{{"dst":"{dst}"}}]"#);
    let add = |routes: &str| format!(r#""addroutes":[{}]"#, list(routes));
    compare_in([
        (overridden("10.9.0.0/16 10.8.0.0/16", &delete("10.9.0.0/16")), None, "10.8.0.0/16 via 10.0.0.1"),
        (overridden("0.0.0.0/1 128.0.0.0/1", r#""delroutes":[{"dst":"0.0.0.0/1"},{"dst":"128.0.0.0/1"}]"#), None, ""),
        (overridden("0.0.0.0/0", &delete("0.0.0.0/0")), None, "0.0.0.0/0 via 10.0.0.1"),
        (
            overridden("0.0.0.0/0", r#""delroutes":[{"dst":"0.0.0.0/0","gw":"10.0.0.1"}]"#),
            None,
            "0.0.0.0/0 via 10.0.0.1",
        ),
        (overridden("::/0", &delete("::/0")), Some(true), "::/0 via fd01::1"),
        (overridden("", &delete("10.0.0.0/24")), None, ""),
        (overridden("", &add("10.7.0.0/16>10.0.0.3 10.6.0.0/16")), None, "10.6.0.0/16, 10.7.0.0/16 via 10.0.0.3"),
        (overridden("", &add("0.0.0.0/0>10.0.0.3 0.0.0.0/1>10.0.0.3")), None, "0.0.0.0/1 via 10.0.0.3"),
        (overridden("", &add("::/0>fd01::3")), Some(true), ""),
        (overridden("", &add("::/0>fd01::3")), Some(false), "::/0 via fd01::3"),
        (overridden("", &add("::/0>fd01::3")), None, "::/0 via fd01::3 | ?routes6"),
        (overridden("", &add("10.7.0.0/16>10.99.0.1 10.6.0.1/16")), None, ""),
    ]);
    assert!(reading(&overridden("", &delete("10.0.0.0/24"))).addresses[0].on_link);
}

#[test]
fn args_override_the_keys_of_route_override() {
    compare_in([
        (
            overridden("0.0.0.0/0", r#""flushroutes":true,"args":{"cni":{"flushroutes":false}}"#),
            None,
            "0.0.0.0/0 via 10.0.0.1",
        ),
        (overridden("0.0.0.0/0", r#""args":{"cni":{"flushroutes":true}}"#), None, ""),
        (
            overridden(
                "",
                r#""addroutes":[{"dst":"10.7.0.0/16"}],"args":{"cni":{"addroutes":[{"dst":"10.6.0.0/16"}]}}"#,
            ),
            None,
            "10.6.0.0/16",
        ),
    ]);
}

#[test]
fn route_override_fails() {
    compare([
        (overridden("", r#""flushroutes":"true""#), "fails: `flushroutes` must be a boolean"),
        (overridden("", r#""addroutes":[{"gw":"10.0.0.1"}]"#), "fails: the route has no `dst`"),
        (
            r#"{"cniVersion":"1.0.0","plugins":[{"type":"route-override","flushroutes":true},{"type":"bridge"}]}"#
                .into(),
            "fails: there is none",
        ),
        (
            overridden("", r#""flushroutes":true"#).replace("1.0.0", "1.1.0"),
            "fails: does not know the CNI version 1.1.0",
        ),
    ]);
}

#[test]
fn source_based_routing() {
    let sbr = |ipam: &str| chain(ipam, r#"{"type":"sbr"}"#);
    compare([
        (sbr(&fixed("10.0.0.5/24", "10.9.0.0/16")), "10.0.0.5/24 | 10.0.0.0/24 table 100, 10.9.0.0/16 table 100"),
        (
            sbr(&fixed("10.0.0.5/24>10.0.0.1", "")),
            "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1 table 100, 10.0.0.0/24 table 100",
        ),
        (sbr(&fixed("10.0.0.5/24>10.9.0.1", "")), "fails: network is unreachable"),
        (
            sbr(&fixed("10.0.0.5/24>10.0.0.1 fd01::5/64>fd01::1", "")),
            "10.0.0.5/24 fd01::5/64 | 0.0.0.0/0 via 10.0.0.1 table 100, 10.0.0.0/24 table 100, \
             fd01::/64 table 100 metric 256, ::/0 via fd01::1 table 101, fd01::/64 table 101 metric 256",
        ),
        (sbr("{}"), "fails: sbr needs an address"),
        (chain(&fixed("10.0.0.5/24", ""), r#"{"type":"sbr","table":200}"#), "10.0.0.5/24"),
        (chain(&fixed("fd01::5/64", ""), r#"{"type":"sbr","table":0}"#), "fails: no table"),
        (chain(&fixed("10.0.0.5/24", ""), r#"{"type":"sbr","table":"x"}"#), "fails: `table` must be"),
        (r#"{"cniVersion":"1.0.0","type":"sbr"}"#.into(), "fails: there is none"),
    ]);
    let read = reading(&sbr(&fixed("10.0.0.5/24>10.0.0.1", "")));
    assert!(!read.addresses[0].on_link);
    assert_eq!(read.detached.len(), 1);
    assert_eq!(read.idle_gateways, []);
}

#[test]
fn tuning() {
    let tuned = |keys: &str| chain(&fixed("10.0.0.5/24 fd01::5/64", ""), &format!(r#"{{"type":"tuning",{keys}}}"#));
    let works = "10.0.0.5/24 fd01::5/64";
    compare([
        (tuned(r#""sysctl":{"net.ipv6.conf.IFNAME.accept_ra":"0"}"#), works),
        (tuned(r#""sysctl":{"net.ipv6.conf.IFNAME.disable_ipv6":"1"}"#), "10.0.0.5/24"),
        (tuned(r#""mtu":1200"#), "10.0.0.5/24"),
        (tuned(r#""mtu":1400"#), works),
        (tuned(r#""mtu":67"#), "fails: no interface takes the MTU"),
        (tuned(r#""sysctl":{"kernel.x":"1"}"#), "fails: below `net` only"),
        (tuned(r#""sysctl":{"net.ipv4.ip_forward":1}"#), "fails: must be a string"),
        (tuned(r#""args":{"cni":{"sysctl":{"net.ipv4.ip_forward":"1"}}}"#), "fails: tuning crashes"),
        (tuned(r#""sysctl":{},"args":{"cni":{"sysctl":{"net.ipv4.ip_forward":"1"}}}"#), works),
        (tuned(r#""mac":"x""#), "fails: no hardware address"),
        (tuned(r#""mac":"x","args":{"cni":{"mac":""}}"#), works),
        (tuned(r#""promisc":"x""#), "fails: `promisc` must be a boolean"),
        (r#"{"cniVersion":"1.0.0","type":"tuning"}"#.into(), "fails: there is none"),
    ]);
}

#[test]
fn the_others() {
    let then = |further: &str| chain(&fixed("10.0.0.5/24>10.0.0.1", "10.9.0.0/16"), further);
    let works = "10.0.0.5/24 | 10.9.0.0/16 via 10.0.0.1";
    compare([
        (
            then(r#"{"type":"vrf","vrfname":"blue","table":1001}"#),
            "10.0.0.5/24 | 10.0.0.0/24 table 1001, 10.9.0.0/16 via 10.0.0.1 table 1001",
        ),
        (then(r#"{"type":"vrf"}"#), "fails: no name that a VRF can have"),
        (then(r#"{"type":"vrf","vrfname":"blue","table":-1}"#), "fails: not negative"),
        (then(r#"{"type":"portmap","capabilities":{"portMappings":true}}"#), works),
        (then(r#"{"type":"portmap","markMasqBit":32}"#), "fails: between 0 and 31"),
        (then(r#"{"type":"bandwidth","ingressRate":5}"#), "fails: go together"),
        (then(r#"{"type":"bandwidth","ingressRate":-5,"ingressBurst":1}"#), "fails: not negative"),
        (then(r#"{"type":"bandwidth","ingressRate":5,"ingressBurst":1}"#), works),
        (then(r#"{"type":"firewall","ingressPolicy":"x"}"#), "fails: no ingress policy `x`"),
        (then(r#"{"type":"firewall"}"#), works),
        (then(r#"{"type":"firewall"}"#).replace("1.0.0", "0.3.1"), "fails: does not know the CNI version 0.3.1"),
        (then(r#"{"type":"nosuch"}"#), "10.0.0.5/24 | 10.9.0.0/16 via 10.0.0.1 | ?addresses ?routes ?dhcp ?fails"),
        (
            then(r#"{"type":"macvlan","ipam":{"type":"static","addresses":[{"address":"10.2.0.5/24"}]}}"#),
            "fails: made already",
        ),
    ]);
}
