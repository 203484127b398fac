//! SpiderIPPools: subnets whose addresses spiderpool gives to pods (spidernet-io/spiderpool,
//! pkg/k8s/apis/spiderpool.spidernet.io/v2beta1).

use super::field::Field;
use super::spans::{address, hull, network, span};
use super::{Found, Reads, Source};
use crate::cni::Pool;
use crate::net::Interval;
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::sync::Arc;

/// SpiderIPPools.
pub static SOURCE: Source = Source {
    name: "spiderpool",
    reads: &[Reads::all("spiderpool.spidernet.io", &["v2beta1"], "spiderippools", "SpiderIPPool")],
    knows: &[],
    whole_in_itself: false,
    learn,
};

fn learn(object: &Node<'_>, found: &mut Found) {
    let spec = Field::root(object).get("spec", found);
    let Some(text) = spec.get("subnet", found).text(found) else { return };
    let Some(subnet) = network(text) else {
        found.refuse("spec.subnet", format!("`{text}` is not a CIDR"));
        return;
    };
    let key: Arc<str> = Arc::from(format!("spiderpool/{}", found.object.name));
    found.claim(Class::Secondary, subnet.interval(), Confidence::Live, "spec.subnet");
    found.pooled(&key);
    let disabled = spec.get("disable", found).flag(found) == Some(true);
    let given = spans(&spec, "ips", found);
    let excluded = spans(&spec, "excludeIPs", found);
    let ranges = hull(given).filter(|_| !disabled).map(|(pool, mut holes)| {
        holes.extend(excluded);
        (subnet, pool, holes)
    });
    let gateway = spec.get("gateway", found).text(found).and_then(address);
    let mut routes = Vec::new();
    for route in spec.get("routes", found).items(found) {
        let (dst, gw) = (route.get("dst", found).text(found), route.get("gw", found).text(found));
        routes.extend(dst.and_then(network).zip(gw.and_then(address)).map(|(dst, gw)| (dst, Some(gw))));
    }
    found.pools.push(Pool {
        key,
        ranges: ranges.into_iter().collect(),
        gateways: gateway.into_iter().collect(),
        routes,
        default_route: true,
        per_node: false,
    });
}

fn spans(spec: &Field<'_, '_>, key: &str, found: &mut Found) -> Vec<Interval> {
    let mut spans = Vec::new();
    let list = spec.get(key, found);
    for text in list.texts(found) {
        match span(text, "-") {
            Some(interval) => spans.push(interval),
            None => found.refuse(list.path.clone(), format!("`{text}` is neither an address nor `a-b`")),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::super::testing::learnt;
    use super::SOURCE;

    #[test]
    fn a_pool_has_addresses_holes_gateway_and_routes() {
        let learnt = learnt(
            &SOURCE,
            "mig",
            r#"{"ipVersion":4,"subnet":"10.6.0.0/16","ips":["10.6.1.1-10.6.1.9","10.6.1.20"],"excludeIPs":["10.6.1.3"],
                "gateway":"10.6.0.1","routes":[{"dst":"10.9.0.0/16","gw":"10.6.0.2"}]}"#,
        );
        assert_eq!(learnt.claims, ["secondary 10.6.0.0/16 live spec.subnet of spiderpool/mig"]);
        assert_eq!(
            learnt.pools,
            ["spiderpool/mig: 10.6.0.0/16 gives 10.6.1.1-10.6.1.20 less 10.6.1.10-10.6.1.19 10.6.1.3/32; \
              gw 10.6.0.1; 10.9.0.0/16 via 10.6.0.2; default"]
        );
    }

    #[test]
    fn what_gives_nothing_is_still_a_network() {
        let disabled = learnt(&SOURCE, "mig", r#"{"subnet":"fd06::/64","ips":["fd06::1"],"disable":true}"#);
        assert_eq!(disabled.claims, ["secondary fd06::/64 live spec.subnet of spiderpool/mig"]);
        assert_eq!(disabled.pools, ["spiderpool/mig:; default"]);
        let bad = learnt(&SOURCE, "mig", r#"{"subnet":"10.6.0.0/16","ips":["10.6.1.1/24"]}"#);
        assert_eq!(bad.bad, ["spec.ips"]);
        assert_eq!(learnt(&SOURCE, "mig", r#"{"subnet":"10.6"}"#).bad, ["spec.subnet"]);
        assert_eq!(learnt(&SOURCE, "mig", "{}").claims.len(), 0);
    }
}
