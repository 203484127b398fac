//! What the kernel of a pod does with the addresses and routes of one interface, as far as it decides whether a plugin's
//! ADD succeeds and what is there afterwards. The rules were tried against Linux 6.18; the other interface of the pod
//! plays no part in them.

use super::Pointer;
use super::Taken;
use super::ipam::GivenIp;
use crate::net::{Family, Interval, Prefix};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Routing table `main` (RT_TABLE_MAIN).
pub(super) const MAIN: u32 = 254;
/// Routing table `local` (RT_TABLE_LOCAL), which the kernel asks before `main`.
const LOCAL: u32 = 255;
/// RT_SCOPE_UNIVERSE
pub(super) const UNIVERSE: u8 = 0;
/// RT_SCOPE_LINK
pub(super) const LINK: u8 = 253;
/// RT_SCOPE_HOST
const HOST: u8 = 254;
/// RT_SCOPE_NOWHERE
const NOWHERE: u8 = 255;
/// IP6_RT_PRIO_USER: the metric of an IPv6 route for which none is asked.
const V6_METRIC: u32 = 1024;
/// IP6_RT_PRIO_ADDRCONF: the metric of the connected route of an IPv6 address.
const V6_CONNECTED: u32 = 256;

/// Addresses and routes of the interface.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    /// Addresses in the order in which they were added.
    pub(super) held: Vec<GivenIp>,
    /// Routes; those of one table, destination and metric in the order in which the kernel tries them.
    pub(super) hops: Vec<Hop>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) dst: Prefix,
    pub(super) via: Option<IpAddr>,
    pub(super) table: u32,
    /// `None` is the family's default.
    pub(super) metric: Option<u32>,
    /// IPv4 only.
    pub(super) scope: u8,
    /// The preferred source: an index into [`Kernel::held`].
    pub(super) src: Option<usize>,
    pub(super) made: Made,
}

/// Who made a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// The kernel, for this address ([`Kernel::held`]).
    Connected(usize),
    /// A plugin.
    Plugin {
        /// The plugin, and the key where there is one.
        origin: String,
        /// The key.
        pointer: Pointer,
    },
}

/// Why the kernel refuses an address or a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// EEXIST
    #[error("file exists")]
    Exists,
    /// ENETUNREACH, EHOSTUNREACH: the next hop is on no on-link prefix of the interface.
    #[error("network is unreachable")]
    Unreachable,
    /// EINVAL: the next hop is no address that one can send to.
    #[error("invalid gateway")]
    Gateway,
    /// EINVAL: a scope that fits no such route.
    #[error("invalid scope")]
    Scope,
    /// The next hop is of another family than the destination (github.com/vishvananda/netlink).
    #[error("the next hop and the destination are of two families")]
    Family,
    /// EADDRNOTAVAIL
    #[error("cannot assign requested address")]
    NotAssignable,
}

impl Hop {
    /// The metric in force.
    pub(super) fn rank(&self) -> u32 {
        match self.dst.family() {
            Family::V4 => self.metric.unwrap_or(0),
            Family::V6 => self.metric.filter(|m| *m != 0).unwrap_or(V6_METRIC),
        }
    }

    /// Whether it is an IPv6 default of the main table that would join one which a plugin has made for eth0.
    pub(super) fn is_v6_default(&self) -> bool {
        self.dst == Family::V6.everything() && self.table == MAIN && self.can_be_joined()
    }

    /// Whether the kernel would make one IPv6 route of it and another to the same destination.
    pub(super) fn can_be_joined(&self) -> bool {
        self.dst.family() == Family::V6 && self.via.is_some() && self.rank() == V6_METRIC
    }

    /// Whether the kernel keeps the two at one place of one table.
    fn shares_slot(&self, other: &Self) -> bool {
        (self.table, self.dst, self.rank()) == (other.table, other.dst, other.rank())
    }

    /// Whether the kernel takes the two for the same route.
    fn is_same(&self, other: &Self) -> bool {
        let connected = |hop: &Self| matches!(hop.made, Made::Connected(_));
        match self.dst.family() {
            Family::V4 => {
                (self.via, self.scope, self.src, connected(self))
                    == (other.via, other.scope, other.src, connected(other))
            }
            Family::V6 => self.via == other.via,
        }
    }
}

impl Kernel {
    /// Adds an address and its connected route.
    pub(super) fn add_address(&mut self, ip: GivenIp) -> Result<(), Refusal> {
        let v6 = ip.prefix.family() == Family::V6;
        if v6 && is_multicast(&ip) {
            return Err(Refusal::NotAssignable);
        }
        if let Some(address) = only_address(&ip) {
            if address.is_unspecified() && address.is_ipv4() {
                return Ok(()); // Linux takes the request for 0.0.0.0 and does nothing
            }
            if v6 && (address.is_unspecified() || address.is_loopback()) {
                return Err(Refusal::NotAssignable);
            }
            if self.held.iter().any(|held| is_held_twice(held, address, ip.prefix)) {
                return Err(Refusal::Exists);
            }
        }
        self.held.push(ip);
        let route = self.connected_route(self.held.len() - 1);
        self.hops.extend(route);
        Ok(())
    }

    /// The route that the kernel makes for the address, unless an earlier address has made it.
    fn connected_route(&self, at: usize) -> Option<Hop> {
        let ip = self.held.get(at)?;
        let made_already = |hop: &Hop| hop.dst == ip.prefix && matches!(hop.made, Made::Connected(_));
        if self.hops.iter().any(made_already) || !makes_route(ip) {
            return None;
        }
        let (metric, scope, src) = match ip.prefix.family() {
            Family::V4 => (None, LINK, Some(at)),
            Family::V6 => (Some(V6_CONNECTED), UNIVERSE, None),
        };
        Some(Hop { dst: ip.prefix, via: None, table: MAIN, metric, scope, src, made: Made::Connected(at) })
    }

    /// Adds a route without NLM_F_EXCL, as `RouteAddEcmp` does.
    pub(super) fn add(&mut self, hop: Hop) -> Result<(), Refusal> {
        let hop = self.checked(hop)?;
        if self.hops.iter().any(|other| other.shares_slot(&hop) && other.is_same(&hop)) {
            return Err(Refusal::Exists);
        }
        self.insert(hop);
        Ok(())
    }

    /// Adds a route with NLM_F_EXCL, as `RouteAdd` does.
    pub(super) fn add_exclusive(&mut self, hop: Hop) -> Result<(), Refusal> {
        let hop = self.checked(hop)?;
        if self.hops.iter().any(|other| other.shares_slot(&hop)) {
            return Err(Refusal::Exists);
        }
        self.insert(hop);
        Ok(())
    }

    /// Adds a route with NLM_F_REPLACE, as `RouteReplace` does.
    pub(super) fn replace(&mut self, hop: Hop) -> Result<(), Refusal> {
        let hop = self.checked(hop)?;
        let slot: Vec<usize> = (0..self.hops.len()).filter(|at| self.hops[*at].shares_slot(&hop)).collect();
        let twin = slot.iter().position(|at| self.hops[*at].is_same(&hop));
        let routed = |at: &&usize| self.hops[**at].via.is_some() == hop.via.is_some();
        match (hop.dst.family(), slot.first(), twin) {
            (_, None, _) => self.insert(hop),
            (Family::V4, Some(_), Some(0)) => {}
            (Family::V4, Some(_), Some(_)) => return Err(Refusal::Exists),
            (Family::V4, Some(first), None) => self.hops[*first] = hop,
            (Family::V6, Some(first), _) => {
                let target = *slot.iter().find(routed).unwrap_or(first);
                // a replaced multipath route takes its siblings with it
                let siblings: Vec<Hop> = slot
                    .iter()
                    .filter(|at| **at != target && hop.via.is_some())
                    .map(|at| self.hops[*at].clone())
                    .collect();
                self.hops[target] = hop;
                self.hops.retain(|other| other.via.is_none() || !siblings.contains(other));
            }
        }
        Ok(())
    }

    /// Puts a route at the place where the kernel would: IPv4 before its equals, IPv6 after them.
    pub(super) fn insert(&mut self, hop: Hop) {
        let first = self.hops.iter().position(|other| other.shares_slot(&hop));
        match (hop.dst.family(), first) {
            (Family::V4, Some(at)) => self.hops.insert(at, hop),
            _ => self.hops.push(hop),
        }
    }

    /// Deletes the route to `dst` that the kernel finds first in `main`: the one of the lowest metric.
    pub(super) fn delete_first(&mut self, dst: Prefix) -> Option<Hop> {
        let in_question = |(_, hop): &(usize, &Hop)| hop.table == MAIN && hop.dst == dst;
        let found = self.hops.iter().enumerate().filter(in_question).min_by_key(|(_, hop)| hop.rank());
        let at = found.map(|(at, _)| at)?;
        Some(self.hops.remove(at))
    }

    /// The routes of `main` as the kernel lists them: IPv4 by address with longer prefixes first, IPv6 with what lies
    /// inside a prefix before it.
    pub(super) fn listed(&self) -> Vec<Hop> {
        let mut main: Vec<Hop> = self.hops.iter().filter(|hop| hop.table == MAIN).cloned().collect();
        main.sort_by_key(|hop| {
            let (first, last) = (hop.dst.interval().first_bits(), hop.dst.interval().last_bits());
            match hop.dst.family() {
                Family::V4 => (Family::V4, first, u128::MAX - u128::from(hop.dst.length()), hop.rank()),
                Family::V6 => (Family::V6, last, u128::MAX - first, hop.rank()),
            }
        });
        main
    }

    /// Routes of `main` that the kernel keeps as one of several next hops of an IPv6 route. Such a route is listed without
    /// an interface, so that a plugin that asks for an interface's routes (netlink `RouteList`) does not find it.
    /// `beside_eth0`: the pod's eth0 has a default route, which ours joins.
    pub(super) fn multipath(&self, beside_eth0: bool) -> Vec<Hop> {
        let routed = |hop: &&Hop| hop.table == MAIN && hop.dst.family() == Family::V6 && hop.via.is_some();
        let mut slots: BTreeMap<(Prefix, u32), Vec<&Hop>> = BTreeMap::new();
        for hop in self.hops.iter().filter(routed) {
            slots.entry((hop.dst, hop.rank())).or_default().push(hop);
        }
        let joined = |hops: &Vec<&Hop>| hops.len() > 1 || (beside_eth0 && hops.iter().any(|hop| hop.is_v6_default()));
        slots.into_values().filter(joined).flatten().cloned().collect()
    }

    /// Puts routes aside that play no part in work on `table`, and takes back those that do: many tables stay cheap.
    pub(super) fn keep_at_hand(&mut self, table: u32, aside: &mut Vec<Hop>) {
        let needed = |hop: &Hop| [MAIN, LOCAL, table].contains(&hop.table);
        let back: Vec<Hop> = aside.extract_if(.., |hop| needed(hop)).collect();
        aside.extend(self.hops.extract_if(.., |hop| !needed(hop)));
        self.hops.extend(back);
    }

    /// Forgets the addresses of a family and every route of it.
    pub(super) fn drop_family(&mut self, family: Family) {
        self.hops.retain(|hop| hop.dst.family() != family);
        let stays: Vec<bool> = self.held.iter().map(|ip| ip.prefix.family() != family).collect();
        let moved = |at: usize| stays.iter().take(at).filter(|stay| **stay).count();
        for hop in &mut self.hops {
            hop.src = hop.src.map(moved);
            if let Made::Connected(at) = &mut hop.made {
                *at = moved(*at);
            }
        }
        self.held.retain(|ip| ip.prefix.family() != family);
    }

    /// The route as the kernel would keep it.
    fn checked(&self, hop: Hop) -> Result<Hop, Refusal> {
        if hop.via.is_some_and(|via| Family::of(via) != hop.dst.family()) {
            return Err(Refusal::Family);
        }
        match hop.dst.family() {
            Family::V4 => self.checked_v4(hop),
            Family::V6 => self.checked_v6(hop),
        }
    }

    fn checked_v4(&self, hop: Hop) -> Result<Hop, Refusal> {
        let via = hop.via.filter(|via| !via.is_unspecified());
        if hop.scope == NOWHERE || (via.is_some() && hop.scope >= HOST) {
            return Err(Refusal::Scope);
        }
        let Some(gateway) = via else { return Ok(Hop { via, ..hop }) };
        if self.is_own(gateway) {
            return Ok(Hop { via, ..hop });
        }
        if self.held.iter().any(|ip| is_broadcast(ip, gateway)) {
            return Err(Refusal::Gateway);
        }
        let needed = (hop.scope + 1).max(LINK);
        let leads = |other: &Hop| {
            other.dst.holds(gateway) && other.scope >= needed && [MAIN, LOCAL, hop.table].contains(&other.table)
        };
        if self.hops.iter().any(leads) { Ok(Hop { via, ..hop }) } else { Err(Refusal::Unreachable) }
    }

    fn checked_v6(&self, hop: Hop) -> Result<Hop, Refusal> {
        let hop = Hop { scope: UNIVERSE, ..hop };
        let Some(gateway) = hop.via else { return Ok(hop) };
        if self.is_own(gateway) || gateway.is_unspecified() || gateway.is_loopback() || gateway.is_multicast() {
            return Err(Refusal::Gateway);
        }
        let on_link = |table: u32| self.best_v6(table, gateway).is_some_and(|other| other.via.is_none());
        let reached = is_link_local(gateway) || [hop.table, LOCAL, MAIN].into_iter().any(on_link);
        if reached { Ok(hop) } else { Err(Refusal::Unreachable) }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.held.iter().any(|ip| only_address(ip) == Some(address))
    }

    /// Whether the interface may be given `gateway` itself, which an IPv6 route to it would not survive.
    pub(super) fn may_hold(&self, gateway: IpAddr) -> bool {
        let given = |pool: &Interval, holes: &[Interval]| {
            let hit = |interval: &Interval| interval.holds(Interval::single(gateway));
            hit(pool) && !holes.iter().any(hit)
        };
        self.held.iter().any(|ip| matches!(&ip.taken, Taken::Pool(pool, holes) if given(pool, holes)))
    }

    /// The route of the longest prefix and lowest metric.
    fn best_v6(&self, table: u32, address: IpAddr) -> Option<&Hop> {
        let fits = |hop: &&Hop| hop.table == table && hop.dst.holds(address);
        self.hops.iter().filter(fits).min_by_key(|hop| (u8::MAX - hop.dst.length(), hop.rank()))
    }
}

/// The address that is given, if it is sure.
fn only_address(ip: &GivenIp) -> Option<IpAddr> {
    match &ip.taken {
        Taken::Fixed(address) => Some(*address),
        Taken::Pool(pool, _) => (pool.size() == 1).then(|| pool.first()),
    }
}

/// Whether whatever is given is a group's address.
fn is_multicast(ip: &GivenIp) -> bool {
    match &ip.taken {
        Taken::Fixed(address) => address.is_multicast(),
        Taken::Pool(pool, _) => pool.first().is_multicast() && pool.last().is_multicast(),
    }
}

/// Whether Linux refuses `address` because `held` has it: IPv4 may stand twice with two masks.
fn is_held_twice(held: &GivenIp, address: IpAddr, prefix: Prefix) -> bool {
    only_address(held) == Some(address) && (address.is_ipv6() || held.prefix == prefix)
}

/// Whether an address has a connected route (Linux `fib_add_ifaddr`): not an IPv4 /32, nor a prefix that begins at
/// 0.0.0.0, nor an IPv4 address that cannot be a source.
fn makes_route(ip: &GivenIp) -> bool {
    let broadcast = matches!(only_address(ip), Some(IpAddr::V4(v4)) if v4.is_broadcast());
    let source = !broadcast && !is_multicast(ip);
    match ip.prefix.family() {
        Family::V4 => source && !ip.prefix.is_single() && !ip.prefix.first().is_unspecified(),
        Family::V6 => true,
    }
}

/// Whether `gateway` is the broadcast address of the address's prefix; a /31 has none (RFC 3021).
fn is_broadcast(ip: &GivenIp, gateway: IpAddr) -> bool {
    gateway.is_ipv4() && ip.prefix.length() < 31 && ip.prefix.interval().last() == gateway
}

/// fe80::/10
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}
