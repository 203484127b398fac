//! The vrf plugin (containernetworking/plugins plugins/meta/vrf): it moves the interface and its routes into a VRF.

use super::{has_interface, has_result};
use crate::cni::chain::Chain;
use crate::cni::envelope::Element;
use crate::cni::kernel::{LINK, MAIN, Made};
use crate::cni::main_plugin::is_interface_name;
use crate::cni::shape::{self, Shape, Struct};
use crate::net::Family;

const CONF: Struct = &[("vrfname", Shape::Text), ("table", Shape::Unsigned(u32::MAX as u64))];

/// The first table that the plugin tries where none is asked for.
const FIRST_TABLE: u32 = 1;

pub(super) fn run(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    let (fields, remarks) = (&element.fields, &mut chain.remarks);
    shape::check(fields, CONF, remarks);
    let name = fields.text("vrfname", remarks).map(|(name, _)| name).unwrap_or_default();
    if !is_interface_name(name) {
        let why = format!("`{name}` is no name that a VRF can have");
        remarks.fault(fields.pointer.clone(), why, "Write `vrfname` of at most 15 bytes, without blanks and slashes.");
    }
    let table = fields.whole("table", remarks).and_then(|(table, _)| u32::try_from(table).ok()).filter(|t| *t != 0);
    if has_result(element, chain) && has_interface(element, chain) {
        move_routes(chain, table.unwrap_or(FIRST_TABLE));
    }
}

/// The connected routes move with the interface; of the others the plugin restores those of the main table that have no
/// scope of their own, and the kernel drops the rest as the interface goes down and up.
fn move_routes(chain: &mut Chain<'_>, table: u32) {
    let restored = |hop: &crate::cni::kernel::Hop| {
        let connected = matches!(hop.made, Made::Connected(_));
        hop.table == MAIN && (connected || hop.scope < LINK || hop.dst.family() == Family::V6)
    };
    chain.kernel.hops.retain(restored);
    for hop in &mut chain.kernel.hops {
        hop.table = table;
    }
    chain.detached_by = Some("vrf moves its routes into a table of their own");
}
