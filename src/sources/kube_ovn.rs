//! kube-ovn Subnets: of pods, of custom VPCs, of further interfaces, and the join network of the nodes
//! (kubeovn/kube-ovn, pkg/apis/kubeovn/v1:SubnetSpec). A NAD draws from the Subnets of its provider.

use super::spans::{address, network, span};
use super::{Found, Reads, Source};
use crate::cni::Pool;
use crate::net::{Family, Interval, Prefix};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::net::IpAddr;
use std::sync::Arc;

/// kube-ovn Subnets.
pub static SOURCE: Source = Source {
    name: "kube-ovn",
    reads: &[Reads {
        group: "kubeovn.io",
        versions: &["v1"],
        plural: "subnets",
        kind: "Subnet",
        namespace: None,
        name: None,
    }],
    knows: &[Class::Pod],
    whole_in_itself: false,
    learn,
};

fn learn(object: &Node<'_>, found: &mut Found) {
    let Some(spec) = object.get("spec") else { return };
    let provider = spec.text_at(&["provider"]).filter(|provider| !provider.is_empty()).unwrap_or("ovn");
    let class = class(spec, provider, &found.object.name);
    let key: Arc<str> = Arc::from(format!("kube-ovn/{provider}"));
    let blocks = spec.text_at(&["cidrBlock"]).unwrap_or_default();
    let mut prefixes = Vec::new();
    for text in blocks.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        match network(text) {
            Some(prefix) => {
                found.claim(class, prefix.interval(), Confidence::Live, "spec.cidrBlock");
                prefixes.push(prefix);
            }
            None => found.bad.push(("spec.cidrBlock".into(), format!("`{text}` is not a CIDR"))),
        }
    }
    // A NAD may draw from the default network, but that is never its own.
    let attachable = provider != "ovn";
    if attachable {
        found.claims.iter_mut().for_each(|claim| claim.origin.set_pool(&key));
    }
    if attachable || spec.get("default").and_then(Node::flag) == Some(true) {
        let pool = pool(key, spec, &prefixes, found);
        found.pools.push(pool);
    }
}

/// The join network is known by its name, which kube-ovn's `--node-switch` leaves at `join`; the default VPC is
/// `ovn-cluster`.
fn class(spec: &Node<'_>, provider: &str, name: &str) -> Class {
    let vpc = spec.text_at(&["vpc"]).unwrap_or_default();
    match (provider, vpc) {
        ("ovn", "" | "ovn-cluster") if name == "join" => Class::CniInternal,
        ("ovn", "" | "ovn-cluster") => Class::Pod,
        ("ovn", _) => Class::Other,
        _ => Class::Secondary,
    }
}

/// The gateway of each prefix, its first address where none is named, is never given; neither is what `excludeIps`
/// names, an address or `a..b`.
fn pool(key: Arc<str>, spec: &Node<'_>, prefixes: &[Prefix], found: &mut Found) -> Pool {
    let mut holes = Vec::new();
    for text in spec.list_at(&["excludeIps"]).iter().filter_map(Node::text) {
        match span(text, "..") {
            Some(hole) => holes.push(hole),
            None => found.bad.push(("spec.excludeIps".into(), format!("`{text}` is neither an address nor `a..b`"))),
        }
    }
    let named: Vec<_> = spec.text_at(&["gateway"]).unwrap_or_default().split(',').filter_map(address).collect();
    let gateways: Vec<_> = prefixes.iter().filter_map(|prefix| gateway(*prefix, &named)).collect();
    holes.extend(gateways.iter().copied().map(Interval::single));
    let ranges = prefixes.iter().filter_map(|prefix| {
        let own = holes.iter().copied().filter(|hole| hole.meets(prefix.interval()));
        Some((*prefix, prefix.interval().shrunk(1, 1)?, own.collect()))
    });
    Pool { key, ranges: ranges.collect(), gateways, routes: Vec::new(), default_route: false, per_node: false }
}

fn gateway(prefix: Prefix, named: &[IpAddr]) -> Option<IpAddr> {
    let own = named.iter().copied().find(|address| Family::of(*address) == prefix.family());
    own.or_else(|| prefix.interval().nth(1))
}

#[cfg(test)]
mod tests {
    use super::super::testing::learnt;
    use super::SOURCE;

    #[test]
    fn the_class_is_in_provider_vpc_and_name() {
        for (name, spec, expected) in [
            ("ovn-default", r#"{"cidrBlock":"10.16.0.0/16","default":true}"#, "pod 10.16.0.0/16"),
            ("a", r#"{"cidrBlock":"10.17.0.0/16","provider":"ovn","vpc":"ovn-cluster"}"#, "pod 10.17.0.0/16"),
            ("join", r#"{"cidrBlock":"100.64.0.0/16","provider":"ovn"}"#, "cni-internal 100.64.0.0/16"),
            ("a", r#"{"cidrBlock":"10.0.1.0/24","vpc":"tenant"}"#, "other 10.0.1.0/24"),
        ] {
            let expected = format!("{expected} live spec.cidrBlock");
            assert_eq!(learnt(&SOURCE, name, spec).claims, [expected], "{name} {spec}");
        }
        let attached = learnt(&SOURCE, "join", r#"{"cidrBlock":"10.5.0.0/24","provider":"mig.kubevirt.ovn"}"#);
        assert_eq!(attached.claims, ["secondary 10.5.0.0/24 live spec.cidrBlock of kube-ovn/mig.kubevirt.ovn"]);
    }

    #[test]
    fn a_pool_spares_gateways_and_what_is_excluded() {
        let spec = r#"{"cidrBlock":"10.5.0.0/24,fd05::/112","gateway":"10.5.0.9","provider":"mig.kubevirt",
                       "excludeIps":["10.5.0.20..10.5.0.29","fd05::7"]}"#;
        let expected = "kube-ovn/mig.kubevirt: 10.5.0.0/24 gives 10.5.0.1-10.5.0.254 less 10.5.0.20-10.5.0.29 \
                        10.5.0.9/32: fd05::/112 gives fd05::1-fd05::fffe less fd05::7/128 fd05::1/128; \
                        gw 10.5.0.9 fd05::1";
        assert_eq!(learnt(&SOURCE, "mig", spec).pools, [expected]);
        assert_eq!(learnt(&SOURCE, "a", r#"{"cidrBlock":"10.17.0.0/16"}"#).pools, Vec::<String>::new());
        let default = learnt(&SOURCE, "a", r#"{"cidrBlock":"10.16.0.0/30","default":true}"#);
        assert_eq!(
            default.pools,
            ["kube-ovn/ovn: 10.16.0.0/30 gives 10.16.0.1-10.16.0.2 less 10.16.0.1/32; gw 10.16.0.1"]
        );
    }

    #[test]
    fn bad_fields_are_named() {
        let bad = learnt(&SOURCE, "a", r#"{"cidrBlock":"10.5/24, 10.6.0.0/16","provider":"p","excludeIps":["1..x"]}"#);
        assert_eq!(bad.bad, ["spec.cidrBlock", "spec.excludeIps"]);
        assert_eq!(bad.claims, ["secondary 10.6.0.0/16 live spec.cidrBlock of kube-ovn/p"]);
        assert_eq!(learnt(&SOURCE, "underlay", r#"{"cidrBlock":""}"#).claims.len(), 0);
    }
}
