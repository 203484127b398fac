//! What each main plugin refuses, adds and reports of its own keys.

use super::*;

fn conf(kind: &str, keys: &str) -> String {
    let comma = if keys.is_empty() { "" } else { "," };
    format!(r#"{{"cniVersion":"1.0.0","type":"{kind}"{comma}{keys}}}"#)
}

/// With one static address.
fn addressed(kind: &str, keys: &str) -> String {
    let comma = if keys.is_empty() { "" } else { "," };
    conf(kind, &format!(r#"{keys}{comma}"ipam":{}"#, fixed("10.0.0.5/24>10.0.0.1", "")))
}

#[test]
fn bridge_keys() {
    let works = "10.0.0.5/24";
    compare([
        (addressed("bridge", r#""vlan":"10""#), "fails: `vlan` must be a whole number, not a string"),
        (addressed("bridge", r#""mtu":"1500""#), "fails: `mtu` must be a whole number"),
        (addressed("bridge", r#""mtu":1500.5"#), "fails: not the number 1500.5"),
        (addressed("bridge", r#""mtu":1500.0"#), works),
        (addressed("bridge", r#""mtu":15e2"#), works),
        (addressed("bridge", r#""mtu":-1"#), works),
        (addressed("bridge", r#""mtu":67"#), "fails: no interface takes the MTU 67"),
        (addressed("bridge", r#""mtu":65536"#), "fails: no interface takes the MTU 65536"),
        (addressed("bridge", r#""vlan":4095"#), "fails: 4095 is no VLAN id"),
        (addressed("bridge", r#""vlan":-1"#), "fails: -1 is no VLAN id"),
        (addressed("bridge", r#""hairpinMode":true,"promiscMode":true"#), "fails: exclude each other"),
        (addressed("bridge", r#""disableContainerInterface":true"#), "fails: exclude each other"),
        (addressed("bridge", r#""isGateway":"true""#), "fails: `isGateway` must be a boolean"),
        (addressed("bridge", r#""ipMasq":true,"ipMasqBackend":"x""#), "fails: no masquerading by `x`"),
        (addressed("bridge", r#""ipMasqBackend":"x""#), works),
        (addressed("bridge", r#""ipMasqBackend":5"#), "fails: `ipMasqBackend` must be a string"),
        (addressed("bridge", r#""vlanTrunk":[{"id":0}]"#), "fails: no VLAN id and no range"),
        (addressed("bridge", r#""vlanTrunk":[{"minID":5}]"#), "fails: no VLAN id and no range"),
        (addressed("bridge", r#""vlanTrunk":[null]"#), "fails: not null"),
        (addressed("bridge", r#""vlanTrunk":[{"id":"5"}]"#), "fails: `id` must be a whole number"),
        (addressed("bridge", r#""vlanTrunk":[{"minID":5,"maxID":9},{"id":4}]"#), works),
        (addressed("bridge", r#""bridge":"""#), "fails: no name that a bridge can have"),
        (addressed("bridge", r#""bridge":"averylongname1234""#), "fails: no name that a bridge can have"),
        (addressed("bridge", r#""bridge":"a/b""#), "fails: no name that a bridge can have"),
        (addressed("bridge", r#""bridge":null"#), works),
        (addressed("bridge", r#""args":{"cni":{"mac":"x"}}"#), "fails: `x` is no hardware address"),
        (addressed("bridge", r#""args":{"cni":{"mac":"01:00:00:00:00:01"}}"#), "fails: no hardware address"),
        (addressed("bridge", r#""args":{"cni":{"mac":"x"}},"runtimeConfig":{"mac":"02:00:00:00:00:01"}"#), works),
        (addressed("bridge", r#""args":{"cni":5}"#), "fails: must be an object"),
        (addressed("bridge", r#""args":null"#), works),
        (addressed("bridge", r#""runtimeConfig":{"mac":5}"#), "fails: `mac` must be a string"),
        (addressed("bridge", r#""dns":{"nameservers":[5]}"#), "fails: `0` must be a string"),
        (addressed("bridge", r#""dns":{"nameservers":[null]}"#), works),
        (addressed("bridge", r#""capabilities":{"ips":"yes"}"#), "fails: `ips` must be a boolean"),
        (addressed("bridge", r#""prevResult":{"ips":[{"address":"10.9.9.9/24"}]}"#), works),
        (addressed("bridge", r#""prevResult":5"#), "fails: `prevResult` must be an object"),
        (
            conf("bridge", r#""mtu":1279,"ipam":{"type":"static","addresses":[{"address":"fd01::5/64"}]}"#),
            "fails: has no IPv6",
        ),
    ]);
    let link = reading(&addressed("bridge", r#""bridge":"br7","vlan":30,"mtu":9000"#)).chain[0].clone();
    assert_eq!((link.uplink, link.vlan, link.mtu), (Uplink::Bridge("br7".into()), 30, 9000));
}

#[test]
fn plugins_on_an_interface_of_the_node() {
    let works = "10.0.0.5/24";
    compare([
        (addressed("macvlan", ""), works),
        (addressed("macvlan", r#""mode":"bogus""#), "fails: there is no mode `bogus`"),
        (addressed("macvlan", r#""mode":"passthru""#), works),
        (addressed("macvlan", r#""mtu":-5"#), "fails: no interface takes the MTU -5"),
        (addressed("macvlan", r#""bcqueuelen":-1"#), "fails: not negative"),
        (addressed("macvlan", r#""mac":"zz""#), "fails: no hardware address"),
        (conf("macvlan", ""), ""),
        (addressed("ipvlan", r#""mode":"l3s""#), works),
        (addressed("ipvlan", r#""mode":"bridge""#), "fails: there is no mode"),
        (conf("ipvlan", r#""master":"eth1""#), "fails: needs an `ipam`"),
        (conf("ipvlan", r#""mode":"l3","ipam":{"type":"dhcp"}"#), "fails: passes no broadcasts"),
        (
            conf(
                "ipvlan",
                r#""prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.9.9.9/24","gateway":"10.9.9.1"}],"routes":[{"dst":"0.0.0.0/0"}]}"#,
            ),
            "10.9.9.9/24 | 0.0.0.0/0 via 10.9.9.1",
        ),
        (addressed("vlan", r#""master":"eth1","vlanId":30"#), works),
        (addressed("vlan", r#""vlanId":30"#), "fails: needs a `master`"),
        (addressed("vlan", r#""master":"eth1","vlanId":4095"#), "fails: 4095 is no VLAN id"),
        (conf("vlan", r#""master":"eth1","vlanId":30"#), "fails: needs an `ipam`"),
    ]);
    let uplink = |text: &str| reading(text).chain[0].uplink.clone();
    assert_eq!(uplink(&addressed("macvlan", "")), Uplink::Implicit);
    assert_eq!(uplink(&addressed("macvlan", r#""master":"eth1""#)), Uplink::Interface("eth1".into()));
    assert_eq!(uplink(&addressed("macvlan", r#""linkInContainer":true"#)), Uplink::None);
    assert_eq!(reading(&addressed("vlan", r#""master":"eth1","vlanId":30"#)).chain[0].vlan, 30);
}

#[test]
fn plugins_with_a_device() {
    let works = "10.0.0.5/24";
    compare([
        (addressed("host-device", r#""device":"eth1""#), works),
        (addressed("host-device", ""), "fails: names no device"),
        (addressed("host-device", r#""runtimeConfig":{"deviceID":"0000:03:02.1"}"#), works),
        (addressed("host-device", r#""device":"eth1","dpdkMode":true"#), ""),
        (addressed("host-device", r#""device":5"#), "fails: `device` must be a string"),
        (addressed("sriov", ""), works),
        (addressed("sriov", r#""vlan":4095"#), "fails: 4095 is no VLAN id"),
        (addressed("sriov", r#""vlanQoS":3"#), "fails: no priority from 0 to 7 of a VLAN"),
        (addressed("sriov", r#""vlan":5,"vlanQoS":8"#), "fails: no priority"),
        (addressed("sriov", r#""vlan":5,"vlanQoS":3,"vlanProto":"802.1AD""#), works),
        (addressed("sriov", r#""vlan":5,"vlanProto":"x""#), "fails: no protocol"),
        (addressed("sriov", r#""link_state":"up""#), "fails: no link state `up`"),
        (addressed("ovs", r#""bridge":"ovsbr0","vlan":30"#), works),
        (addressed("ovs", r#""bridge":"ovsbr0","vlan":-1"#), "fails: not negative"),
        (addressed("tap", r#""mtu":60"#), "fails: no interface takes the MTU 60"),
        (addressed("tap", r#""args":5"#), "fails: must be an object"),
        (addressed("tap", ""), works),
        (addressed("dummy", ""), works),
        (conf("dummy", ""), "fails: needs an `ipam`"),
        (conf("loopback", ""), ""),
    ]);
    for (text, pointer) in [
        (addressed("ovs", ""), "/type"),
        (addressed("ovs", r#""configuration_path":"/etc/ovs.conf""#), "/configuration_path"),
        (addressed("ovs", r#""bridge":"br","configuration_path":"/etc/ovs.conf""#), "/configuration_path"),
        (conf("bond", ""), "/type"),
        (bridge(r#"{"type":"azure-vnet-ipam"}"#), "/ipam/type"),
    ] {
        let opaque: Vec<_> = reading(&text).opaque.iter().map(|note| note.pointer.clone()).collect();
        assert_eq!(opaque, [pointer], "{text}");
    }
    assert_eq!(shown(&conf("bond", "")), "?addresses ?routes ?dhcp ?fails");
}

#[test]
fn ptp() {
    let with = |addresses: &str, routes: &str| conf("ptp", &format!(r#""ipam":{}"#, fixed(addresses, routes)));
    compare([
        (with("10.0.0.5/24>10.0.0.1", ""), "10.0.0.5/24 | 10.0.0.0/24 via 10.0.0.1, 10.0.0.1/32"),
        (with("fd01::5/64>fd01::1", ""), "fd01::5/64 | fd01::/64 via fd01::1, fd01::1/128"),
        (
            with("10.0.0.5/24>10.0.0.1", "0.0.0.0/0"),
            "10.0.0.5/24 | 0.0.0.0/0 via 10.0.0.1, 10.0.0.0/24 via 10.0.0.1, 10.0.0.1/32",
        ),
        (with("10.0.0.5/24", ""), "fails: ptp needs a gateway"),
        (with("10.0.0.5/32>10.0.0.1", ""), "fails: the kernel makes none"),
        (with("10.0.0.5/24>fd01::1", ""), "fails: of another family"),
        (with("10.0.0.5/24>10.0.0.1 10.1.0.5/24>10.0.0.1", ""), "fails: file exists"),
        (with("10.0.0.5/24>10.0.0.1", "10.0.0.1/32"), "fails: file exists"),
        (with("10.0.0.5/24>10.9.0.1", ""), "10.0.0.5/24 | 10.0.0.0/24 via 10.9.0.1, 10.9.0.1/32"),
        (conf("ptp", ""), "fails: needs an `ipam`"),
        (conf("ptp", r#""ipam":{"type":"dhcp"}"#), "fails: before it makes the interface"),
    ]);
    let read = reading(&with("10.0.0.5/24>10.0.0.1", ""));
    assert_eq!(read.detached.len(), 1);
    assert!(!read.addresses[0].on_link);
}
