//! nv-ipam pools (Mellanox/nvidia-k8s-ipam, api/v1alpha1): an IPPool is one subnet, of which each node has a block of
//! addresses; a CIDRPool gives each node a prefix of its own.

use super::field::Field;
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
    Reads::all("nv-ipam.nvidia.com", &["v1alpha1"], plural, kind)
}

fn learn(object: &Node<'_>, found: &mut Found) {
    let spec = Field::root(object).get("spec", found);
    let per_node = found.object.kind == "CIDRPool";
    let (field, kind) = if per_node { ("cidr", "cidrpool") } else { ("subnet", "ippool") };
    let Some(text) = spec.get(field, found).text(found) else { return };
    let Some(prefix) = network(text) else {
        found.refuse(format!("spec.{field}"), format!("`{text}` is not a CIDR"));
        return;
    };
    let key: Arc<str> = Arc::from(format!("nv-ipam/{kind}/{}", found.object.name));
    found.claim(Class::Secondary, prefix.interval(), Confidence::Live, format!("spec.{field}"));
    found.pooled(&key);
    let gateway = spec.get("gateway", found).text(found).and_then(address).filter(|_| !per_node);
    let mut holes = exclusions(&spec, found);
    holes.extend(gateway.map(Interval::single));
    let has_gateway = gateway.is_some() || (per_node && spec.get("gatewayIndex", found).is_there());
    let routes = routes(&spec, gateway, found);
    let leads = spec.get("defaultGateway", found).flag(found) == Some(true);
    found.pools.push(Pool {
        key,
        ranges: usable(prefix, per_node).map(|pool| (prefix, pool, holes)).into_iter().collect(),
        gateways: gateway.into_iter().collect(),
        routes: if has_gateway { routes } else { Vec::new() },
        default_route: has_gateway && leads,
        per_node,
    });
}

/// Small prefixes of a node (/31, /32) give every address that they have.
fn usable(prefix: Prefix, per_node: bool) -> Option<Interval> {
    let whole = prefix.interval();
    if per_node { Some(whole) } else { whole.shrunk(1, 1) }
}

/// Every route goes by the gateway; in a CIDRPool that is the node's own (`None`).
fn routes(spec: &Field<'_, '_>, gateway: Option<IpAddr>, found: &mut Found) -> Vec<(Prefix, Option<IpAddr>)> {
    let mut routes = Vec::new();
    for route in spec.get("routes", found).items(found) {
        routes.extend(route.get("dst", found).text(found).and_then(network).map(|dst| (dst, gateway)));
    }
    routes
}

/// `exclusions`: spans of addresses.
fn exclusions(spec: &Field<'_, '_>, found: &mut Found) -> Vec<Interval> {
    let mut holes = Vec::new();
    for entry in spec.get("exclusions", found).items(found) {
        let mut end = |key| entry.get(key, found).text(found).and_then(address);
        match end("startIP").zip(end("endIP")).and_then(|(first, last)| Interval::of(first, last)) {
            Some(hole) => holes.push(hole),
            None => found.refuse("spec.exclusions", "startIP and endIP are no span of addresses"),
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
