//! Chained plugins: they change what a main plugin has set up.

mod passive;
mod route_override;
mod sbr;
mod tuning;
mod vrf;

use super::chain::Chain;
use super::decode::child;
use super::envelope::Element;
use super::{Link, Uplink};

/// A chained plugin.
struct Meta {
    kind: &'static str,
    run: fn(&Element<'_, '_>, &mut Chain<'_>),
}

const METAS: [Meta; 7] = [
    Meta { kind: "route-override", run: route_override::run },
    Meta { kind: "sbr", run: sbr::run },
    Meta { kind: "vrf", run: vrf::run },
    Meta { kind: "tuning", run: tuning::run },
    Meta { kind: "portmap", run: passive::portmap },
    Meta { kind: "bandwidth", run: passive::bandwidth },
    Meta { kind: "firewall", run: passive::firewall },
];

/// Runs the element if it is a chained plugin; otherwise false.
pub(super) fn run(element: &Element<'_, '_>, chain: &mut Chain<'_>) -> bool {
    let Some(meta) = METAS.iter().find(|meta| meta.kind == element.kind) else { return false };
    chain.links.push(Link {
        plugin: element.kind.clone(),
        pointer: element.fields.pointer.clone(),
        uplink: Uplink::None,
        vlan: 0,
        mtu: 0,
    });
    (meta.run)(element, chain);
    true
}

/// Whether a result stands before the plugin: of an earlier plugin, or written into the text of the first.
fn has_result(element: &Element<'_, '_>, chain: &mut Chain<'_>) -> bool {
    if chain.result.is_some() || element.fields.get("prevResult", &mut chain.remarks).is_some() {
        return true;
    }
    let why = format!("`{}` works on the result of an earlier plugin, and there is none", element.kind);
    let pointer = child(&element.fields.pointer, "type");
    chain.remarks.fault(pointer, why, "Put a main plugin such as bridge or macvlan before it.");
    false
}

/// Whether there is an interface to work on.
fn has_interface(element: &Element<'_, '_>, chain: &mut Chain<'_>) -> bool {
    if chain.has_interface || chain.result.as_ref().is_some_and(|result| result.open) {
        return true;
    }
    let why = format!("`{}` works on an interface that no earlier plugin has made", element.kind);
    let pointer = child(&element.fields.pointer, "type");
    chain.remarks.fault(pointer, why, "Put a main plugin such as bridge or macvlan before it.");
    false
}
