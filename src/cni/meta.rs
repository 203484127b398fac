//! Chained plugins: they change what a main plugin has set up.

mod passive;
mod route_override;
mod sbr;
mod sysctl;
mod tuning;
mod vrf;

use super::chain::Chain;
use super::decode::child;
use super::envelope::Element;
use super::kernel::Hop;
use super::{Field, Gap, Link, Uplink};
use crate::net::Family;

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
    // Of an object that readers understand differently nothing was concluded: it may well have a result.
    if !chain.remarks.ambiguities.is_empty() {
        return false;
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

/// Routes of the main table that a plugin does not find among the interface's. Unless pods are known to have no IPv6,
/// eth0 counts as having an IPv6 default.
fn hidden(chain: &Chain<'_>) -> Vec<Hop> {
    chain.kernel.multipath(chain.setting.pods_have_v6 != Some(false))
}

/// Says that an IPv6 default that was left alone is not sure to be.
fn note_surviving_default(chain: &mut Chain<'_>) {
    if chain.setting.pods_have_v6.is_none() && chain.kernel.hops.iter().any(Hop::is_v6_default) {
        gap_v6(chain, "the IPv6 default route stays if the pod's eth0 has one, and that is not known");
    }
}

fn gap_v6(chain: &mut Chain<'_>, why: &str) {
    chain.gaps.push(Gap { field: Field::Routes, family: Some(Family::V6), why: why.to_owned() });
}
