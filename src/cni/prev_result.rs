//! A CNI result written into the text as `prevResult`, where it drives a plugin that needs one.

use super::decode::{Fields, Placed, Remarks};
use super::envelope::Element;
use super::ipam::{Given, GivenIp};
use super::routes;
use super::{Scope, Taken};
use crate::tree::Node;

/// Addresses and routes of the element's `prevResult`.
pub(super) fn read(element: &Element<'_, '_>, remarks: &mut Remarks) -> Given {
    let Some(result) = element.fields.object("prevResult", remarks) else { return Given::default() };
    if element.version.is_old() {
        return old(&result, remarks);
    }
    let items = result.list("ips", remarks).unwrap_or_default();
    let ips = items.into_iter().filter_map(|item| ip(item, "address", remarks)).collect();
    Given { ips, routes: routes::routes(&result, "routes", remarks), ..Given::default() }
}

/// Results of 0.1.0 and 0.2.0: `ip4` and `ip6`, each with its routes.
fn old(result: &Fields<'_, '_>, remarks: &mut Remarks) -> Given {
    let mut given = Given::default();
    for key in ["ip4", "ip6"] {
        let Some(fields) = result.object(key, remarks) else { continue };
        given.routes.extend(routes::routes(&fields, "routes", remarks));
        given.ips.extend(result.get(key, remarks).and_then(|item| ip(item, "ip", remarks)));
    }
    given.in_old_form()
}

fn ip((node, pointer): Placed<'_, '_>, key: &str, remarks: &mut Remarks) -> Option<GivenIp> {
    if matches!(node, Node::Null) {
        remarks.fault(pointer, "an address of a result must be an object, not null", "Remove the entry.");
        return None;
    }
    let fields = Fields::open(node, pointer, remarks)?;
    let (text, place) = fields.text(key, remarks)?;
    let cidr = routes::cidr(text, place.clone(), remarks)?;
    let (gateway, gateway_pointer) = routes::address(&fields, "gateway", remarks).unzip();
    Some(GivenIp {
        prefix: cidr.prefix,
        taken: Taken::Fixed(cidr.address),
        gateway,
        gateway_pointer,
        scope: Scope::Fixed,
        alternative: false,
        pointer: place,
    })
}
