//! Source-based routing (containernetworking/plugins plugins/meta/sbr): for each address a table with the interface's
//! routes and a default by the address's gateway; the main table loses all that the plugin finds.

use super::{gap_v6, has_interface, has_result, hidden, note_surviving_default};
use crate::cni::chain::{Chain, Outcome, OutcomeIp};
use crate::cni::decode::child;
use crate::cni::envelope::Element;
use crate::cni::iface::remark_refusal;
use crate::cni::kernel::{Hop, MAIN, Made, UNIVERSE};
use crate::cni::shape::{self, Shape, Struct};
use crate::cni::{Field, Pointer, Taken};
use crate::net::Family;

const CONF: Struct = &[("table", Shape::Int)];

/// plugins/meta/sbr `firstTableID`; the next one is taken where a rule leads to it already.
const FIRST_TABLE: u32 = 100;

/// Tables `default`, `main` and `local`, to which rules lead from the start.
const LASTING: std::ops::RangeInclusive<u32> = 253..=255;

pub(super) fn run(element: &Element<'_, '_>, chain: &mut Chain<'_>) {
    shape::check(&element.fields, CONF, &mut chain.remarks);
    if !has_result(element, chain) {
        return;
    }
    let table = element.fields.whole("table", &mut chain.remarks);
    if table.is_some() && chain.result.is_none() {
        return only_rules_by_text(chain);
    }
    if !has_interface(element, chain) {
        return;
    }
    let Some(result) = chain.result.clone() else { return };
    let pointer = child(&element.fields.pointer, "type");
    if result.ips.is_empty() && !result.open {
        let why = "sbr needs an address, and the earlier plugins give none";
        chain.remarks.fault(pointer, why, "Give the main plugin an `ipam`.");
        return;
    }
    match table {
        Some((table, place)) => only_rules(chain, &result.ips, table, &place),
        None => move_routes(chain, &result.ips, &pointer),
    }
}

/// With `table`, alone, and with a `prevResult` in the text: there are rules at most, and no interface.
fn only_rules_by_text(chain: &mut Chain<'_>) {
    chain.gap(Field::Fails, "sbr works on the result that stands in the text, and it is not read here");
    chain.result = Some(Outcome::default());
    chain.bare |= !chain.has_interface;
}

/// With `table` the plugin adds rules and leaves the routes alone. Of the number the kernel gets the low 32 bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn only_rules(chain: &mut Chain<'_>, ips: &[OutcomeIp], table: i64, place: &Pointer) {
    let v6 = ips.iter().any(|ip| ip.ip.prefix.family() == Family::V6);
    let sent = if table > 0 { table as u32 } else { 0 };
    chain.ruled.insert(sent);
    if sent == 0 && v6 {
        let why = format!("{table} is no table that a rule for IPv6 can lead to");
        chain.remarks.fault(place.clone(), why, "Write a table from 1 on.");
    }
}

fn move_routes(chain: &mut Chain<'_>, ips: &[OutcomeIp], pointer: &Pointer) {
    let hidden = hidden(chain);
    let mut main = chain.kernel.listed();
    main.retain(|hop| !hidden.contains(hop));
    let ruled = chain.ruled.clone();
    let free = (FIRST_TABLE..).filter(|table| !ruled.contains(table) && !LASTING.contains(table));
    let mut aside = Vec::new();
    for (table, ip) in free.zip(ips) {
        chain.ruled.insert(table);
        chain.kernel.keep_at_hand(table, &mut aside);
        add_default(chain, ip, table, pointer);
        let mine: Vec<&Hop> = main.iter().filter(|hop| belongs(chain, hop, ip)).collect();
        for hop in mine {
            let copy = Hop { table, ..hop.clone() };
            if let Err(refusal) = chain.kernel.replace(copy) {
                remark_refusal(chain, hop.dst, hop.via, refusal, pointer);
            }
        }
    }
    chain.kernel.hops.append(&mut aside);
    note_routes_like_eth0s(chain, &main);
    chain.kernel.hops.retain(|hop| hop.table != MAIN || hidden.contains(hop));
    note_surviving_default(chain);
    chain.detached_by = Some("sbr moves its routes into a table for its own address");
}

/// A route with the destination of one that eth0 has joins that one, and is not found. Which ones eth0 has is not known:
/// that to the node's part of the pod network can be one.
fn note_routes_like_eth0s(chain: &mut Chain<'_>, main: &[Hop]) {
    if chain.setting.pods_have_v6 != Some(false) && main.iter().any(Hop::can_be_joined) {
        gap_v6(chain, "an IPv6 route stays if the pod's eth0 has one to the same destination, and that is not known");
    }
}

fn add_default(chain: &mut Chain<'_>, ip: &OutcomeIp, table: u32, pointer: &Pointer) {
    let Some(gateway) = ip.gateway else { return };
    let dst = ip.ip.prefix.family().everything();
    let made = Made::Plugin { origin: "sbr".to_owned(), pointer: pointer.clone() };
    let hop = Hop { dst, via: Some(gateway), table, metric: None, scope: UNIVERSE, src: None, made };
    chain.used.insert(gateway);
    if let Err(refusal) = chain.kernel.add_exclusive(hop) {
        remark_refusal(chain, dst, Some(gateway), refusal, pointer);
    }
}

/// Whether the plugin copies a route to the table of an address: its source or next hop lies in the address's prefix, or
/// it has neither.
fn belongs(chain: &Chain<'_>, hop: &Hop, ip: &OutcomeIp) -> bool {
    let source = hop.src.and_then(|at| chain.kernel.held.get(at)).map(|held| match &held.taken {
        Taken::Fixed(address) => *address,
        Taken::Pool(pool, _) => pool.first(),
    });
    let inside = [source, hop.via].into_iter().flatten().any(|address| ip.ip.prefix.holds(address));
    inside || (source.is_none() && hop.via.is_none())
}
