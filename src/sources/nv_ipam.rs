//! nv-ipam pools (Mellanox/nvidia-k8s-ipam, api/v1alpha1): an IPPool is one subnet, of which each node has a block of
//! addresses; a CIDRPool gives each node a prefix of its own.

use super::spans::{address, network};
use super::{Found, Reads, Source};
use crate::cni::Pool;
use crate::net::{Interval, Prefix};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::net::IpAddr;
use std::sync::Arc;

/// nv-ipam pools.
pub static SOURCE: Source = Source {
    name: "nv-ipam",
    reads: &[reads("ippools", "IPPool"), reads("cidrpools", "CIDRPool")],
    knows: &[],
    whole_in_itself: false,
    learn,
};

const fn reads(plural: &'static str, kind: &'static str) -> Reads {
    Reads { group: "nv-ipam.nvidia.com", versions: &["v1alpha1"], plural, kind, namespace: None, name: None }
}

fn learn(object: &Node<'_>, found: &mut Found) {
    let Some(spec) = object.get("spec") else { return };
    let per_node = found.object.kind == "CIDRPool";
    let (field, kind) = if per_node { ("cidr", "cidrpool") } else { ("subnet", "ippool") };
    let Some(text) = spec.text_at(&[field]) else { return };
    let Some(prefix) = network(text) else {
        found.bad.push((format!("spec.{field}"), format!("`{text}` is not a CIDR")));
        return;
    };
    let key: Arc<str> = Arc::from(format!("nv-ipam/{kind}/{}", found.object.name));
    found.claim(Class::Secondary, prefix.interval(), Confidence::Live, format!("spec.{field}"));
    found.claims.iter_mut().for_each(|claim| claim.origin.set_pool(&key));
    let gateway = spec.text_at(&["gateway"]).and_then(address).filter(|_| !per_node);
    let mut holes = exclusions(spec, found);
    holes.extend(gateway.map(Interval::single));
    let routed = gateway.is_some() || (per_node && spec.get("gatewayIndex").is_some());
    found.pools.push(Pool {
        key,
        ranges: usable(prefix, per_node).map(|pool| (prefix, pool, holes)).into_iter().collect(),
        gateways: gateway.into_iter().collect(),
        routes: if routed { routes(spec, gateway) } else { Vec::new() },
        default_route: routed && spec.get("defaultGateway").and_then(Node::flag) == Some(true),
        per_node,
    });
}

/// Small prefixes of a node (/31, /32) give every address that they have.
fn usable(prefix: Prefix, per_node: bool) -> Option<Interval> {
    let whole = prefix.interval();
    if per_node { Some(whole) } else { whole.shrunk(1, 1) }
}

/// Every route goes by the gateway; in a CIDRPool that is the node's own (`None`).
fn routes(spec: &Node<'_>, gateway: Option<IpAddr>) -> Vec<(Prefix, Option<IpAddr>)> {
    let routes = spec.list_at(&["routes"]).iter();
    routes.filter_map(|route| Some((network(route.text_at(&["dst"])?)?, gateway))).collect()
}

/// `exclusions`: spans of addresses.
fn exclusions(spec: &Node<'_>, found: &mut Found) -> Vec<Interval> {
    let mut holes = Vec::new();
    for entry in spec.list_at(&["exclusions"]) {
        let end = |field| entry.text_at(&[field]).and_then(address);
        match end("startIP").zip(end("endIP")).and_then(|(first, last)| Interval::of(first, last)) {
            Some(hole) => holes.push(hole),
            None => found.bad.push(("spec.exclusions".into(), "startIP and endIP are no span of addresses".into())),
        }
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::super::testing::{learnt, learnt_as};
    use super::SOURCE;

    #[test]
    fn an_ip_pool_is_one_subnet() {
        let spec = r#"{"subnet":"10.7.0.0/24","perNodeBlockSize":8,"gateway":"10.7.0.1","defaultGateway":true,
                       "exclusions":[{"startIP":"10.7.0.10","endIP":"10.7.0.20"}],"routes":[{"dst":"10.9.0.0/16"}]}"#;
        let learnt = learnt(&SOURCE, "mig", spec);
        assert_eq!(learnt.claims, ["secondary 10.7.0.0/24 live spec.subnet of nv-ipam/ippool/mig"]);
        assert_eq!(
            learnt.pools,
            ["nv-ipam/ippool/mig: 10.7.0.0/24 gives 10.7.0.1-10.7.0.254 less 10.7.0.10-10.7.0.20 10.7.0.1/32; \
              gw 10.7.0.1; 10.9.0.0/16 via 10.7.0.1; default"]
        );
    }

    #[test]
    fn routes_need_a_gateway() {
        let spec = r#"{"subnet":"10.7.0.0/24","defaultGateway":true,"routes":[{"dst":"10.9.0.0/16"}]}"#;
        let pools = learnt(&SOURCE, "mig", spec).pools;
        assert_eq!(pools, ["nv-ipam/ippool/mig: 10.7.0.0/24 gives 10.7.0.1-10.7.0.254"]);
    }

    #[test]
    fn a_cidr_pool_gives_each_node_a_prefix() {
        let spec =
            r#"{"cidr":"10.8.0.0/16","perNodeNetworkPrefix":24,"gatewayIndex":1,"routes":[{"dst":"10.8.0.0/16"}]}"#;
        let learnt = learnt_as(&SOURCE, "CIDRPool", "mig", spec);
        assert_eq!(learnt.claims, ["secondary 10.8.0.0/16 live spec.cidr of nv-ipam/cidrpool/mig"]);
        assert_eq!(
            learnt.pools,
            ["nv-ipam/cidrpool/mig: 10.8.0.0/16 gives 10.8.0.0/16; 10.8.0.0/16 on-link; per node"]
        );
        assert_eq!(learnt_as(&SOURCE, "CIDRPool", "m", r#"{"cidr":"x"}"#).bad, ["spec.cidr"]);
    }
}
