//! SpiderIPPools: subnets whose addresses spiderpool gives to pods (spidernet-io/spiderpool,
//! pkg/k8s/apis/spiderpool.spidernet.io/v2beta1).

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
    reads: &[Reads {
        group: "spiderpool.spidernet.io",
        versions: &["v2beta1"],
        plural: "spiderippools",
        kind: "SpiderIPPool",
        namespace: None,
        name: None,
    }],
    knows: &[],
    whole_in_itself: false,
    learn,
};

fn learn(object: &Node<'_>, found: &mut Found) {
    let Some(spec) = object.get("spec") else { return };
    let Some(text) = spec.text_at(&["subnet"]) else { return };
    let Some(subnet) = network(text) else {
        found.bad.push(("spec.subnet".into(), format!("`{text}` is not a CIDR")));
        return;
    };
    let key: Arc<str> = Arc::from(format!("spiderpool/{}", found.object.name));
    found.claim(Class::Secondary, subnet.interval(), Confidence::Live, "spec.subnet");
    found.claims.iter_mut().for_each(|claim| claim.origin.set_pool(&key));
    let disabled = spec.get("disable").and_then(Node::flag) == Some(true);
    let given = spans(spec, "ips", found);
    let excluded = spans(spec, "excludeIPs", found);
    let ranges = hull(given).filter(|_| !disabled).map(|(pool, mut holes)| {
        holes.extend(excluded);
        (subnet, pool, holes)
    });
    let gateway = spec.text_at(&["gateway"]).and_then(address);
    let routes = spec.list_at(&["routes"]).iter();
    let routes =
        routes.filter_map(|route| Some((network(route.text_at(&["dst"])?)?, Some(address(route.text_at(&["gw"])?)?))));
    found.pools.push(Pool {
        key,
        ranges: ranges.into_iter().collect(),
        gateways: gateway.into_iter().collect(),
        routes: routes.collect(),
        default_route: true,
        per_node: false,
    });
}

fn spans(spec: &Node<'_>, field: &str, found: &mut Found) -> Vec<Interval> {
    let mut spans = Vec::new();
    for text in spec.list_at(&[field]).iter().filter_map(Node::text) {
        match span(text, "-") {
            Some(interval) => spans.push(interval),
            None => found.bad.push((format!("spec.{field}"), format!("`{text}` is neither an address nor `a-b`"))),
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
