//! route-override (github.com/openshift/route-override-cni): it deletes and adds routes of the main table. What it does
//! not do was observed with the real plugin: it never deletes a default by `delroutes`.

use super::{gap_v6, has_result, hidden, note_surviving_default};
use crate::cni::chain::Chain;
use crate::cni::decode::{Fields, Remarks};
use crate::cni::envelope::Element;
use crate::cni::ipam::GivenRoute;
use crate::cni::kernel::{Hop, LINK, MAIN, Made, UNIVERSE, is_link_local};
use crate::cni::routes::short_routes;
use crate::cni::shape::{self, Shape, Struct};
use crate::net::{Family, Prefix};

const CONF: Struct = &[
    ("flushroutes", Shape::Flag),
    ("flushgateway", Shape::Flag),
    ("skipcheck", Shape::Flag),
    ("args", Shape::Open(&[("cni", Shape::Open(ARGS))])),
];

const ARGS: Struct = &[("flushroutes", Shape::Flag), ("flushgateway", Shape::Flag), ("skipcheck", Shape::Flag)];

/// What is asked for, `args.cni` in place of the plugin's own keys.
struct Wish {
    flush_routes: bool,
    flush_gateway: bool,
    delete: Vec<GivenRoute>,
    add: Vec<GivenRoute>,
}

pub(super) fn run(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    let (fields, remarks) = (&element.fields, &mut chain.remarks);
    shape::check(fields, CONF, remarks);
    let args = fields.nested(&["args", "cni"]);
    let wish = wish(fields, args.as_ref(), remarks);
    if !has_result(element, chain) {
        return;
    }
    if wish.flush_routes {
        flush_routes(chain);
    } else {
        delete(chain, &wish.delete);
    }
    if wish.flush_gateway {
        flush_gateway(chain);
    }
    for route in &wish.add {
        add(chain, route);
    }
    if wish.flush_routes || wish.flush_gateway {
        note_surviving_default(chain);
    }
}

fn wish(own: &Fields<'_, '_>, args: Option<&Fields<'_, '_>>, remarks: &mut Remarks) -> Wish {
    let mut flag = |key| {
        let set = args.and_then(|args| args.flag(key, remarks));
        set.or_else(|| own.flag(key, remarks)).is_some_and(|(flag, _)| flag)
    };
    let (flush_routes, flush_gateway) = (flag("flushroutes"), flag("flushgateway"));
    let mut routes = |key| {
        let written = short_routes(own, key, remarks);
        let set = args.and_then(|args| short_routes(args, key, remarks));
        set.or(written).unwrap_or_default()
    };
    Wish { flush_routes, flush_gateway, delete: routes("delroutes"), add: routes("addroutes") }
}

/// Every route of the main table that is a default or has a next hop, unless its scope is the link's or it is hidden.
fn flush_routes(chain: &mut Chain<'_>) {
    let hidden = hidden(chain);
    chain.kernel.hops.retain(|hop| {
        let goes = hop.dst.is_everything() || (hop.via.is_some() && !is_link_local(hop.dst.first()));
        let scoped = hop.dst.family() == Family::V4 && hop.scope == LINK;
        hop.table != MAIN || scoped || !goes || hidden.contains(hop)
    });
    if let Some(dhcp) = &mut chain.dhcp {
        dhcp.flushed = true;
    }
    if let Some(result) = &mut chain.result {
        result.routes.clear();
    }
}

/// Defaults of the main table, and the gateways of the result.
fn flush_gateway(chain: &mut Chain<'_>) {
    let hidden = hidden(chain);
    let default = |hop: &Hop| hop.table == MAIN && hop.dst.is_everything();
    chain.kernel.hops.retain(|hop| !default(hop) || hidden.contains(hop));
    let Some(result) = &mut chain.result else { return };
    result.routes.retain(|dst| *dst != Family::V4.everything());
    for ip in &mut result.ips {
        ip.gateway = Some(ip.ip.prefix.family().everything().first());
    }
}

/// Routes that stand in the result, too; never a default.
fn delete(chain: &mut Chain<'_>, unwanted: &[GivenRoute]) {
    let hidden = hidden(chain);
    let Some(result) = &mut chain.result else { return };
    let named = |dst: &Prefix| unwanted.iter().any(|route| route.dst.prefix == *dst && !route.dst.has_host_bits());
    let found: Vec<Prefix> = result.routes.iter().copied().filter(named).collect();
    result.routes.retain(|dst| !found.contains(dst));
    let goes = |hop: &Hop| hop.table == MAIN && !hop.dst.is_everything() && found.contains(&hop.dst);
    chain.kernel.hops.retain(|hop| !goes(hop) || hidden.contains(hop));
}

/// A route that the kernel refuses is only logged.
fn add(chain: &mut Chain<'_>, route: &GivenRoute) {
    let dst = route.dst.prefix;
    let entry = entry(chain, dst);
    let refused = matches!(entry, Entry::Refused);
    if refused || (dst.family() == Family::V4 && route.dst.has_host_bits()) {
        return;
    }
    let hop = Hop {
        dst,
        via: route.gw,
        table: MAIN,
        metric: None,
        scope: UNIVERSE,
        src: None,
        made: Made::Plugin { origin: format!("route-override {}", route.pointer), pointer: route.pointer.clone() },
    };
    if chain.kernel.add_exclusive(hop).is_ok() {
        chain.used.extend(route.gw);
        if matches!(entry, Entry::Assumed) {
            gap_v6(chain, "the IPv6 default of `addroutes` is installed only where the pod's eth0 has none");
        }
    }
    if let Some(result) = &mut chain.result {
        result.routes.push(dst);
    }
}

/// What becomes of a route of `addroutes`.
enum Entry {
    /// eth0's own default keeps it out.
    Refused,
    Installed,
    /// Installed, as far as one can tell.
    Assumed,
}

fn entry(chain: &Chain<'_>, dst: Prefix) -> Entry {
    match (dst.is_everything(), dst.family(), chain.setting.pods_have_v6) {
        (false, ..) | (true, Family::V6, Some(false)) => Entry::Installed,
        (true, Family::V4, _) | (true, Family::V6, Some(true)) => Entry::Refused,
        (true, Family::V6, None) => Entry::Assumed,
    }
}
