//! Drawing from a pool that is an object of its own: a kube-ovn Subnet, a SpiderIPPool, an nv-ipam pool.

use super::super::decode::Remarks;
use super::super::{Field, Gap, Pool, Scope, Taken};
use super::{Given, GivenIp, GivenRoute};
use crate::net::parse::Cidr;
use crate::net::{Family, Prefix};
use std::net::IpAddr;
use std::sync::Arc;

/// Adds one address of each range of `pool`, which `pointer` names. `alternative`: an earlier pool comes first.
pub(super) fn draw(given: &mut Given, pool: &Pool, pointer: &str, alternative: bool, remarks: &mut Remarks) {
    given.own.insert(Arc::clone(&pool.key));
    if pool.ranges.is_empty() {
        let why = format!("the pool {} has no address to give", pool.key);
        remarks.fault(pointer, why, "Add addresses to the pool, or name another one.");
    }
    for (prefix, interval, holes) in &pool.ranges {
        given.ips.push(GivenIp {
            prefix: *prefix,
            taken: Taken::Pool(*interval, holes.clone()),
            gateway: gateway_of(pool, prefix.family()),
            gateway_pointer: None,
            scope: Scope::Cluster,
            alternative,
            pointer: pointer.to_owned(),
        });
        if pool.per_node {
            let why = format!("each node draws from a prefix of its own out of {prefix}, which the controller assigns");
            given.gaps.push(Gap { field: Field::Addresses, family: Some(prefix.family()), why });
        }
    }
}

/// Remarks that `what`, which `pointer` names, is not known, and that `fields` depend on it.
pub(super) fn absent(given: &mut Given, fields: &[Field], what: &str, pointer: &str, remarks: &mut Remarks) {
    let why = format!("{what} is not among the objects given");
    remarks.opaque(pointer, why.clone(), "Give that object, too, or audit the cluster itself.");
    given.gaps.extend(fields.iter().map(|field| Gap { field: *field, family: None, why: why.clone() }));
}

/// The pool's gateway of a family.
pub(super) fn gateway_of(pool: &Pool, family: Family) -> Option<IpAddr> {
    pool.gateways.iter().copied().find(|gateway| Family::of(*gateway) == family)
}

/// A route of the main table that a daemon or a pool made.
pub(super) fn route(dst: Prefix, gw: Option<IpAddr>, pointer: &str) -> GivenRoute {
    let dst = Cidr { address: dst.first(), prefix: dst, mapped: false, zeros: false };
    GivenRoute { dst, gw, table: None, priority: 0, scope: None, pointer: pointer.to_owned() }
}
