//! What every reference plugin does with an IPAM result (containernetworking/plugins pkg/ipam `ConfigureIface`): it adds
//! the addresses, then the routes one after the other.

use super::chain::{Chain, Outcome, OutcomeIp};
use super::ipam::{Given, GivenIp, GivenRoute};
use super::kernel::{Hop, MAIN, Made, Refusal, UNIVERSE};
use super::{Field, Taken};
use crate::net::{Family, Prefix};
use std::net::IpAddr;

/// Puts the addresses and routes of `given` on the interface. `origin` names the IPAM plugin.
pub(super) fn configure(chain: &mut Chain<'_>, given: &Given, origin: &str) {
    let ips: Vec<GivenIp> = given.ips.iter().filter(|ip| !ip.alternative).cloned().collect();
    for ip in &ips {
        add_address(chain, ip);
    }
    let gateways =
        Family::ALL.map(|family| ips.iter().filter_map(|ip| ip.gateway).find(|gw| Family::of(*gw) == family));
    for route in &given.routes {
        let gateway = route.gw.or(gateways[route.dst.prefix.family() as usize]);
        add_route(chain, route, gateway, origin);
    }
    chain.alternatives.extend(given.ips.iter().filter(|ip| ip.alternative).cloned());
    chain.result = Some(Outcome {
        ips: ips.into_iter().map(|ip| OutcomeIp { gateway: ip.gateway, ip }).collect(),
        routes: given.routes.iter().map(|route| route.dst.prefix).collect(),
        open: !given.gaps.is_empty(),
    });
}

fn add_address(chain: &mut Chain<'_>, ip: &GivenIp) {
    let Err(refusal) = chain.kernel.add_address(ip.clone()) else { return };
    let (why, help) = match refusal {
        Refusal::Exists => ("the address stands there already", "Give every address once."),
        _ => ("an interface cannot have this address", "Write an address of a host."),
    };
    let why = format!("{why} ({refusal})");
    if matches!(&ip.taken, Taken::Pool(pool, _) if pool.first().is_multicast()) {
        chain.kernel.held.push(ip.clone()); // a pool of group addresses, which special-range names
        return chain.remarks.fault_elsewhere(ip.pointer.clone(), why, help);
    }
    chain.remarks.fault(ip.pointer.clone(), why, help);
}

fn add_route(chain: &mut Chain<'_>, route: &GivenRoute, gateway: Option<IpAddr>, origin: &str) {
    let prefix = route.dst.prefix;
    if prefix.family() == Family::V4 && route.dst.has_host_bits() {
        let why = format!("the route's destination {}/{} has host bits set", route.dst.address, prefix.length());
        chain.remarks.fault(route.pointer.clone(), format!("{why} (invalid argument)"), format!("Write `{prefix}`."));
    }
    let hop = Hop {
        dst: prefix,
        via: gateway,
        table: route.table.unwrap_or(MAIN),
        metric: Some(route.priority).filter(|metric| *metric != 0),
        scope: route.scope.unwrap_or(UNIVERSE),
        src: None,
        made: Made::Plugin { origin: format!("{origin} {}", route.pointer), pointer: route.pointer.clone() },
    };
    chain.used.extend(gateway);
    if gateway.is_some_and(|gateway| gateway.is_ipv6() && chain.kernel.may_hold(gateway)) {
        chain.gap(Field::Fails, "the pool can give the pod the very address that a route has as its next hop");
    }
    if let Err(refusal) = chain.kernel.add(hop.clone()) {
        remark_refusal(chain, prefix, gateway, refusal, &route.pointer);
        if refusal != Refusal::Exists {
            chain.kernel.insert(hop); // judged as if it were there: it will be, once the fault is mended
        }
    }
}

/// Says why a route cannot be installed.
pub(super) fn remark_refusal(
    chain: &mut Chain<'_>,
    dst: Prefix,
    gateway: Option<IpAddr>,
    refusal: Refusal,
    pointer: &str,
) {
    let perhaps = gateway.is_some_and(|gateway| gateway.is_ipv4() && chain.kernel.may_hold(gateway));
    if refusal == Refusal::Unreachable && perhaps {
        let why = "a route's next hop is on no on-link prefix, unless the pool gives it to the pod";
        return [Field::Routes, Field::Fails].into_iter().for_each(|field| chain.gap(field, why));
    }
    if refusal == Refusal::Unreachable && !chain.remarks.ambiguities.is_empty() {
        return; // what was not read may be the address that leads there
    }
    let via = gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
    let (why, help) = match refusal {
        Refusal::Exists => ("stands there already", "Write every route once."),
        Refusal::Unreachable => {
            ("has a next hop that is on no on-link prefix", "Use a next hop on the attachment's prefix.")
        }
        Refusal::Family => ("has a next hop of another family", "Use a next hop of the destination's family."),
        Refusal::Scope => ("has a scope that does not fit", "Remove `scope`."),
        _ => (
            "has a next hop that is no other host's address",
            "Use the address of a router on the attachment's prefix.",
        ),
    };
    chain.remarks.fault(pointer, format!("the route to {dst}{via} {why} ({refusal})"), help);
}
