//! Tables of texts, as OVN-Kubernetes' own parsers and validation read them.

use super::super::decode::Remarks;
use super::super::ipam::testing::{lines, with_main};
use super::{attached, check_envelope};
use crate::cni::ipam::Given;

const NAME: &str = r#""type":"ovn-k8s-cni-overlay","netAttachDefName":"kubevirt/mig""#;

fn of(keys: &str) -> Vec<String> {
    with_main(&format!("{{{NAME},{keys}}}"), &[], attached)
}

fn kind(keys: &str, kind: &str) -> Vec<String> {
    let lines = of(keys);
    lines.iter().filter_map(|line| line.strip_prefix(kind)).map(|rest| rest.trim_start().to_owned()).collect()
}

fn addresses(keys: &str) -> Vec<String> {
    of(keys).into_iter().filter(|line| line.contains(" cluster @")).collect()
}

fn one_fault(keys: &str, start: &str) {
    let faults = kind(keys, "fault");
    assert!(faults.len() == 1 && faults[0].starts_with(start), "{keys}: {faults:?}");
}

#[test]
fn shared_topologies_give_an_address_of_every_subnet() {
    for topology in ["layer2", "localnet"] {
        let of = |keys: &str| of(&format!(r#""topology":"{topology}",{keys}"#));
        assert_eq!(
            of(r#""subnets":" 10.1.0.0/24, fd01::/64 ""#),
            [
                "10.1.0.1-10.1.0.254 in 10.1.0.0/24 cluster @/subnets",
                "fd01::1-fd01::ffff in fd01::/64 cluster @/subnets"
            ]
        );
        let masked = of(r#""subnets":"10.1.0.9/024""#);
        assert_eq!(masked[1], "odd /subnets: `10.1.0.9/024` is read as 10.1.0.0/24");
        assert_eq!(
            of(r#""subnets":"10.1.0.0/24","excludeSubnets":"10.1.0.0/28, 10.1.0.77/32""#),
            ["10.1.0.1-10.1.0.254 less 10.1.0.0/28 10.1.0.77/32 in 10.1.0.0/24 cluster @/subnets"]
        );
        for none in [r#""mtu":1400"#, r#""subnets":"""#, r#""subnets":" ""#, r#""subnets":null"#] {
            assert_eq!(of(none), Vec::<String>::new(), "{topology} {none}");
        }
    }
    for (subnet, expected) in [("fd01::/126", "fd01::1-fd01::3"), ("fd01::/127", "fd01::1-fd01::1")] {
        let small = addresses(&format!(r#""topology":"layer2","subnets":"{subnet}""#));
        assert_eq!(small, [format!("{expected} in {subnet} cluster @/subnets")]);
    }
    let nested =
        r#""topology":"localnet","subnets":"10.1.0.0/16,10.1.1.0/24,10.2.0.0/24","excludeSubnets":"10.1.1.0/25""#;
    let less: Vec<_> = addresses(nested).iter().map(|line| line.contains("less 10.1.1.0/25")).collect();
    assert_eq!(less, [true, true, false]);
    let reserved = r#""topology":"layer2","subnets":"10.1.0.0/24","reservedSubnets":"10.1.0.64/26""#;
    assert_eq!(addresses(reserved), ["10.1.0.1-10.1.0.254 less 10.1.0.64/26 in 10.1.0.0/24 cluster @/subnets"]);
}

#[test]
fn layer3_gives_each_node_a_subnet_of_its_own() {
    for (subnets, prefix, length) in [
        ("10.128.0.0/14/23", "10.128.0.0/14", 23),
        ("10.128.0.0/16", "10.128.0.0/16", 24),
        ("10.128.1.2/16/24", "10.128.0.0/16", 24),
        ("fd01::/48", "fd01::/48", 64),
        ("fd01::/48/64", "fd01::/48", 64),
    ] {
        let keys = format!(r#""topology":"layer3","subnets":"{subnets}""#);
        let given = addresses(&keys);
        assert!(
            given.len() == 1 && given[0].ends_with(&format!("in {prefix} cluster @/subnets")),
            "{subnets}: {given:?}"
        );
        let gaps = kind(&keys, "gap");
        assert!(gaps[0].contains(&format!("each node has a /{length} of its own out of {prefix}")), "{gaps:?}");
        assert!(gaps[1].starts_with("Routes") && gaps[1].contains(prefix), "{gaps:?}");
        assert_eq!(kind(&keys, "fault"), Vec::<String>::new(), "{subnets}");
    }
    let several = addresses(r#""topology":"layer3","subnets":"10.1.0.0/16,10.2.0.0/16,fd01::/48""#);
    let alternative: Vec<_> = several.iter().map(|line| line.ends_with("alternative")).collect();
    assert_eq!(alternative, [false, true, false]);
}

#[test]
fn subnets_that_are_refused() {
    for (topology, subnets) in [
        ("layer2", "10.1.0.0"),
        ("layer2", "10.1.0.0/24/26"),
        ("layer2", "10.1.0.0/24,"),
        ("layer2", "010.1.0.0/24"),
        ("layer2", "10.1.0.1-10.1.0.9"),
        ("layer2", "10.1.0.0/31"),
        ("localnet", "10.1.0.0/32"),
        ("localnet", "fd01::/128"),
        ("localnet", "a/b/c/d"),
        ("layer3", "10.1.0.0/24"),
        ("layer3", "10.1.0.0/16/16"),
        ("layer3", "10.1.0.0/16/33"),
        ("layer3", "10.1.0.0/16/x"),
        ("layer3", "fd01::/64"),
        ("layer3", "fd01::/48/80"),
        ("layer3", "10.1.0.0/16/24/26"),
        ("layer3", ""),
    ] {
        one_fault(&format!(r#""topology":"{topology}","subnets":"{subnets}""#), "/subnets: ");
    }
    one_fault(r#""topology":"layer3""#, "/subnets: without `subnets`");
    one_fault(r#""topology":"layer3","subnets":["10.1.0.0/16"]"#, "/subnets: `subnets` must be a string");
}

#[test]
fn holes_must_lie_inside() {
    let layer2 = |keys: &str| format!(r#""topology":"layer2","subnets":"10.1.0.0/24",{keys}"#);
    one_fault(&layer2(r#""excludeSubnets":"10.2.0.0/28""#), "/excludeSubnets: 10.2.0.0/28 lies in none");
    one_fault(&layer2(r#""excludeSubnets":"10.1.0.0/16""#), "/excludeSubnets: 10.1.0.0/16 lies in none");
    one_fault(&layer2(r#""excludeSubnets":"10.1.0.9""#), "/excludeSubnets: `10.1.0.9` is not a CIDR");
    one_fault(&layer2(r#""excludeSubnets":"10.1.0.0/24""#), "/subnets: every address");
    let wider = r#""topology":"localnet","subnets":"10.1.0.0/16,10.1.1.0/24","excludeSubnets":"10.1.0.0/20""#;
    one_fault(wider, "/subnets: every address of 10.1.1.0/24");
    one_fault(&layer2(r#""excludeSubnets":["10.1.0.0/28"]"#), "/excludeSubnets: `excludeSubnets` must be a string");
    let ignored = r#""topology":"layer3","subnets":"10.1.0.0/16","excludeSubnets":"garbage""#;
    assert_eq!(kind(ignored, "fault"), Vec::<String>::new());
}

#[test]
fn keys_that_do_not_go_together() {
    for (keys, start) in [
        (r#""topology":"layer4""#, "/topology: OVN-Kubernetes has no topology `layer4`"),
        (r#""topology":"Layer2""#, "/topology"),
        (r#""subnets":"10.1.0.0/24""#, "/topology: `topology` is missing"),
        (r#""topology":2"#, "/topology: `topology` must be a string"),
        (r#""topology":"layer2","role":"tertiary""#, "/role: there is no role `tertiary`"),
        (r#""topology":"localnet","role":"primary""#, "/role: a localnet network is always secondary"),
        (r#""topology":"localnet","joinSubnet":"100.66.0.0/16""#, "/joinSubnet"),
        (
            r#""topology":"localnet","reservedSubnets":"10.1.0.0/28""#,
            "/reservedSubnets: `reservedSubnets` is for layer2",
        ),
        (r#""topology":"localnet","infrastructureSubnets":"10.1.0.0/28""#, "/infrastructureSubnets"),
        (r#""topology":"localnet","defaultGatewayIPs":"10.1.0.1""#, "/defaultGatewayIPs"),
        (r#""topology":"layer3","subnets":"10.1.0.0/16","allowPersistentIPs":true"#, "/allowPersistentIPs"),
        (
            r#""topology":"layer2","ipam":{"type":"whereabouts"}"#,
            "/ipam/type: OVN-Kubernetes gives the addresses itself",
        ),
        (r#""topology":"localnet","vlanID":"10""#, "/vlanID: `vlanID` must be a whole number"),
        (
            r#""topology":"layer2","subnets":"10.1.0.0/24,10.1.0.128/25""#,
            "/subnets: 10.1.0.0/24 and 10.1.0.128/25 overlap",
        ),
        (r#""topology":"layer2","subnets":"100.65.9.0/24""#, "/subnets: 100.65.0.0/16 and 100.65.9.0/24 overlap"),
        (r#""topology":"layer2","subnets":"10.1.0.0/24","joinSubnet":"10.1.0.0/16""#, "/subnets: 10.1.0.0/16"),
        (r#""topology":"layer2","joinSubnet":"100.66.0.0""#, "/joinSubnet: `100.66.0.0` is not a CIDR"),
    ] {
        one_fault(keys, start);
    }
    for fine in [
        r#""topology":"layer2","role":"secondary","ipam":{},"allowPersistentIPs":true"#,
        r#""topology":"localnet","subnets":"100.65.9.0/24","vlanID":10,"physicalNetworkName":"x""#,
        r#""topology":"layer2","subnets":"100.65.9.0/24","joinSubnet":"100.66.0.0/16""#,
        r#""topology":"localnet","subnets":"10.1.0.0/24,10.1.0.0/24","allowPersistentIPs":true"#,
    ] {
        assert_eq!(kind(fine, "fault"), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn a_primary_network_takes_the_default_route_and_cannot_be_named_by_a_pod() {
    let layer2 = r#""topology":"layer2","role":"primary","subnets":"10.1.0.0/24""#;
    one_fault(layer2, "/role: a primary network");
    assert_eq!(kind(layer2, "route"), ["100.65.0.0/16 via 10.1.0.1 @/topology", "0.0.0.0/0 via 10.1.0.1 @/topology"]);
    assert_eq!(addresses(layer2), ["10.1.0.1-10.1.0.254 less 10.1.0.1-10.1.0.2 in 10.1.0.0/24 cluster @/subnets"]);
    let asked = format!(r#"{layer2},"defaultGatewayIPs":"10.1.0.7","joinSubnet":"100.66.0.0/16""#);
    assert_eq!(kind(&asked, "route"), ["100.66.0.0/16 via 10.1.0.7 @/topology", "0.0.0.0/0 via 10.1.0.7 @/topology"]);
    let layer3 = r#""topology":"layer3","role":"primary","subnets":"fd01::/48""#;
    assert_eq!(kind(layer3, "route"), ["fd99::/64 @/topology", "::/0 @/topology"]);
    assert!(kind(layer3, "gap").iter().any(|gap| gap.contains("every service range")));
    one_fault(r#""topology":"layer2","role":"secondary","subnets":" , ""#, "/subnets");
    assert_eq!(kind(r#""topology":"layer2","role":"primary""#, "fault").len(), 2);
}

#[test]
fn the_nad_must_be_named() {
    let named = |name: &str| with_main(&format!(r#"{{"topology":"layer2"{name}}}"#), &[], attached);
    assert_eq!(named(r#","netAttachDefName":"kubevirt/mig""#), Vec::<String>::new());
    for (name, why) in [
        ("", "`netAttachDefName` is missing"),
        (r#","netAttachDefName":"mig""#, "`mig` is not this NAD"),
        (r#","netAttachDefName":"default/mig""#, "`default/mig` is not this NAD"),
        (r#","netAttachDefName":"kubevirt/gim""#, "`kubevirt/gim` is not this NAD"),
        (r#","netAttachDefName":"kubevirt/mig/x""#, "`kubevirt/mig/x` is not this NAD"),
    ] {
        let lines = named(name);
        assert!(lines.len() == 1 && lines[0].starts_with(&format!("fault /netAttachDefName: {why}")), "{lines:?}");
    }
}

#[test]
fn of_a_nad_without_namespace_only_the_name_counts() {
    let pools = crate::cni::Pools::new();
    let setting = crate::cni::Setting { namespace: None, name: "mig", pools: &pools, pods_have_v6: None };
    for (name, fine) in [("any/mig", true), ("any/gim", false), ("mig", false)] {
        let text = format!(r#"{{"topology":"layer2","netAttachDefName":"{name}"}}"#);
        let (node, mut remarks) = (crate::tree::parse(&text).unwrap(), Remarks::default());
        let conf = super::Fields::open(&node, String::new(), &mut remarks).unwrap();
        attached(&conf, setting, &mut remarks);
        assert_eq!(remarks.faults.is_empty(), fine, "{name}: {:?}", remarks.faults);
    }
}

#[test]
fn the_envelope_has_a_name_and_one_plugin() {
    for (name, plugins, expected) in [
        (Some("mig-net"), 1, None),
        (None, 1, Some("fault /name: `name` is missing")),
        (Some(""), 1, Some("fault /n: `name` is missing")),
        (Some("default"), 1, Some("fault /n: the name `default` is reserved")),
        (Some("ovn-kubernetes"), 0, Some("fault /n: the name `ovn-kubernetes` is reserved")),
        (Some("mig-net"), 2, Some("fault /plugins: OVN-Kubernetes takes no further plugin")),
    ] {
        let mut remarks = Remarks::default();
        check_envelope(name.map(|name| (name, "/n".to_owned())), plugins, &mut remarks);
        let lines = lines(&Given::default(), &remarks);
        match expected {
            None => assert_eq!(lines, Vec::<String>::new()),
            Some(start) => assert!(lines.len() == 1 && lines[0].starts_with(start), "{lines:?}"),
        }
    }
}

#[test]
fn the_network_that_made_the_nad_is_its_own() {
    for (name, expected) in [
        ("cluster_udn_mig", Some("cudn/mig")),
        ("cluster.udn.mig", Some("cudn/mig")),
        ("kubevirt_mig", Some("udn/kubevirt/mig")),
        ("kubevirt.mig", Some("udn/kubevirt/mig")),
        ("mig", None),
        ("other_mig", None),
    ] {
        let own = kind(&format!(r#""name":"{name}","topology":"layer2","subnets":"10.1.0.0/24""#), "own");
        assert_eq!(own.first().map(String::as_str), expected, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(topology in "layer2|layer3|localnet", subnets in "[0-9a-f.:/, -]{0,40}", other in ".{0,20}") {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let (subnets, other) = (quoted(&subnets), quoted(&other));
        of(&format!(r#""topology":"{topology}","subnets":{subnets},"excludeSubnets":{subnets},"joinSubnet":{other}"#));
    }
}
