//! Which addresses to look at: one of each part of the cluster that the NAD meets, and peers.

use super::cluster::{Kind, Place, classes};
use super::observed::Observed;
use super::said::Said;
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::net::IpAddr;

/// The places of a case, drawn from its own prefixes and routes, as `preview` says them and as they were seen. The same
/// case gives the same places in every run.
pub fn drawn(said: &Said, observed: &Observed) -> Vec<Place> {
    let listed = |list: &str, key: &str| -> Vec<IpNetwork> {
        let entries: Option<&Vec<Value>> = said.preview[list].as_array();
        entries.into_iter().flatten().filter_map(|entry| entry[key].as_str()?.parse().ok()).collect()
    };
    let seen: Vec<IpNetwork> = observed.addresses.iter().filter_map(|address| address.parse().ok()).collect();
    let routes: Vec<IpNetwork> = observed.routes.iter().filter_map(|route| route.dst.parse().ok()).collect();
    let masked = seen.iter().filter_map(|own| IpNetwork::new(own.network(), own.prefix()).ok()).collect();
    let on_link = [listed("addresses", "prefix"), masked].concat();
    let routes = [listed("routes", "dst"), routes].concat();
    let mut places: Vec<_> = on_link.iter().chain(&routes).flat_map(|own| in_classes(*own)).collect();
    places.extend(routes.iter().filter_map(|route| beyond(*route, &on_link)));
    places.extend(seen.iter().map(|own| peer(*own, &seen)));
    // A place is asked for once for each of its kinds.
    places.sort_by_key(|place| (place.address, place.kind as u8));
    places.dedup_by_key(|place| (place.address, place.kind as u8));
    places
}

fn in_classes(own: IpNetwork) -> impl Iterator<Item = Place> {
    let met = classes().filter_map(move |(class, prefix)| Some((class, intersection(own, prefix)?)));
    met.map(move |(class, both)| {
        let address = nth(both, number(&format!("{class} {both}")));
        Place { name: format!("{class} inside {own}"), address, kind: Kind::Cluster }
    })
}

/// An address that a route leads to, where neither the cluster nor the migration network is.
fn beyond(route: IpNetwork, on_link: &[IpNetwork]) -> Option<Place> {
    let taken = |address: IpAddr| {
        on_link.iter().any(|own| own.contains(address)) || classes().any(|(_, prefix)| prefix.contains(address))
    };
    let mut tries = (0..16).map(|n| nth(route, number(&format!("{n} {route}"))));
    let address = tries.find(|address| !taken(*address))?;
    Some(Place { name: format!("outside by {route}"), address, kind: Kind::Outside })
}

/// Another address of the prefix; of a prefix that has no other, the address beside it.
fn peer(own: IpNetwork, ours: &[IpNetwork]) -> Place {
    let first = number(&own.to_string());
    let mut near = (0..4).map(|n| nth(own, first.wrapping_add(n)));
    let is_ours = |address: &IpAddr| ours.iter().any(|one| one.ip() == *address);
    let address = near.find(|address| !is_ours(address)).unwrap_or_else(|| match own.ip() {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) ^ 1).into()),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) ^ 1).into()),
    });
    Place { name: format!("peer on {own}"), address, kind: Kind::Peer }
}

fn intersection(a: IpNetwork, b: IpNetwork) -> Option<IpNetwork> {
    if a.is_ipv4() != b.is_ipv4() {
        return None;
    }
    let (wide, narrow) = if a.prefix() <= b.prefix() { (a, b) } else { (b, a) };
    wide.contains(narrow.network()).then_some(narrow)
}

/// An address of the prefix: the number is cut to its host bits.
fn nth(prefix: IpNetwork, number: u128) -> IpAddr {
    let low = |bits: u32| 1u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1);
    match prefix.network() {
        IpAddr::V4(network) => {
            let host = number & low(32 - u32::from(prefix.prefix()));
            IpAddr::V4((u32::from(network) | u32::try_from(host).unwrap()).into())
        }
        IpAddr::V6(network) => {
            IpAddr::V6((u128::from(network) | number & low(128 - u32::from(prefix.prefix()))).into())
        }
    }
}

/// A number that the text alone decides (FNV-1a).
fn number(text: &str) -> u128 {
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
    })
}
