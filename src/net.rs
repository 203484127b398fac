//! Addresses, prefixes and intervals of one family, and the parsers that make them.
//!
//! An [`Interval`] is what all comparison is done on; a [`Prefix`] is how the kernel and people write one.
//! Nothing here enumerates addresses: every operation is arithmetic on the two ends.

pub mod parse;

use ipnetwork::IpNetwork;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, RFC 791.
    V4,
    /// IPv6, RFC 8200.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of `address`; an IPv4-mapped IPv6 address is IPv6 here, see [`unmapped`].
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Length of an address in bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// 4 or 6, as the json contracts write it.
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }

    /// The unspecified address of the family with length 0: the destination of a default route.
    pub const fn everything(self) -> Prefix {
        Prefix { family: self, bits: Bits::of(0), len: 0 }
    }

    const fn max(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }

    #[allow(clippy::cast_possible_truncation)] // an IPv4 value never exceeds u32::MAX: all constructors see to it
    fn address(self, bits: u128) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv{}", self.number())
    }
}

/// The address as a number, most significant bit first.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) as the IPv4 address it stands for; any other unchanged.
pub fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Whether virt-handler takes the address as its migration address: Go's `IP.IsGlobalUnicast`
/// (private and unique-local addresses are; link-local, loopback, multicast, broadcast are not).
pub fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || a.is_link_local() || a.is_broadcast())
        }
        IpAddr::V6(a) => !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || a.is_unicast_link_local()),
    }
}

/// An address as a number, in bytes from the most significant one: ordered like the number, and without the padding that
/// a `u128` asks for in every claim of a large world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Bits([u8; 16]);

impl Bits {
    const fn of(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    const fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

/// A canonical prefix: no bit is set beyond its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    family: Family,
    bits: Bits,
    len: u8,
}

impl Prefix {
    /// The prefix of length `len` that holds `address`; `None` if the family has no such length.
    pub fn of(address: IpAddr, len: u8) -> Option<Self> {
        let network = IpNetwork::new(address, len).ok()?;
        Some(Self { family: Family::of(address), bits: Bits::of(bits_of(network.network())), len })
    }

    /// The prefix that holds `address` alone.
    pub fn single(address: IpAddr) -> Self {
        let family = Family::of(address);
        Self { family, bits: Bits::of(bits_of(address)), len: family.bits() }
    }

    /// Its family.
    pub const fn family(self) -> Family {
        self.family
    }

    /// Its length in bits.
    pub const fn length(self) -> u8 {
        self.len
    }

    /// Whether it is `0.0.0.0/0` or `::/0`.
    pub const fn is_everything(self) -> bool {
        self.len == 0
    }

    /// Whether it holds exactly one address.
    pub const fn is_single(self) -> bool {
        self.len == self.family.bits()
    }

    /// The network address.
    pub fn first(self) -> IpAddr {
        self.family.address(self.bits.number())
    }

    /// All its addresses.
    pub const fn interval(self) -> Interval {
        let host = match self.family.bits() - self.len {
            128 => u128::MAX,
            n => (1 << n) - 1,
        };
        Interval { family: self.family, first: self.bits, last: Bits::of(self.bits.number() | host) }
    }

    /// Whether `address` lies in it.
    pub fn holds(self, address: IpAddr) -> bool {
        self.interval().holds(Interval::single(address))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.len)
    }
}

/// The addresses `first..=last` of one family; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    family: Family,
    first: Bits,
    last: Bits,
}

impl Interval {
    /// From `first` to `last`, both included; `None` if the families differ or the order is reversed.
    pub fn of(first: IpAddr, last: IpAddr) -> Option<Self> {
        let (family, a, b) = (Family::of(first), bits_of(first), bits_of(last));
        (family == Family::of(last) && a <= b).then_some(Self { family, first: Bits::of(a), last: Bits::of(b) })
    }

    /// One address.
    pub fn single(address: IpAddr) -> Self {
        let bits = Bits::of(bits_of(address));
        Self { family: Family::of(address), first: bits, last: bits }
    }

    /// Its family.
    pub const fn family(self) -> Family {
        self.family
    }

    /// The lowest address.
    pub fn first(self) -> IpAddr {
        self.family.address(self.first_bits())
    }

    /// The highest address.
    pub fn last(self) -> IpAddr {
        self.family.address(self.last_bits())
    }

    /// The lowest address as a number.
    pub const fn first_bits(self) -> u128 {
        self.first.number()
    }

    /// The highest address as a number.
    pub const fn last_bits(self) -> u128 {
        self.last.number()
    }

    /// How many addresses it holds; all of IPv6 saturates at `u128::MAX`.
    pub const fn size(self) -> u128 {
        (self.last_bits() - self.first_bits()).saturating_add(1)
    }

    /// Whether the two share an address.
    pub fn meets(self, other: Self) -> bool {
        self.family == other.family && self.first <= other.last && other.first <= self.last
    }

    /// Whether every address of `other` is in it.
    pub fn holds(self, other: Self) -> bool {
        self.family == other.family && self.first <= other.first && other.last <= self.last
    }

    /// The addresses that both hold.
    pub fn intersection(self, other: Self) -> Option<Self> {
        self.meets(other).then(|| Self {
            family: self.family,
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        })
    }

    /// The part above `cut`, if there is one.
    pub fn after(self, cut: Self) -> Option<Self> {
        let first = Bits::of(cut.last_bits().checked_add(1)?);
        (first <= self.last).then(|| Self { first: first.max(self.first), ..self })
    }

    /// The interval moved in at both ends by the given counts; `None` if nothing is left.
    pub fn shrunk(self, head: u128, tail: u128) -> Option<Self> {
        let first = self.first_bits().checked_add(head)?;
        let last = self.last_bits().checked_sub(tail)?;
        (first <= last).then_some(Self { first: Bits::of(first), last: Bits::of(last), ..self })
    }

    /// The address `offset` above the first, if the interval reaches that far.
    pub fn nth(self, offset: u128) -> Option<IpAddr> {
        let bits = self.first_bits().checked_add(offset)?;
        (bits <= self.last_bits()).then(|| self.family.address(bits))
    }

    /// The prefix with exactly these addresses, if one has.
    pub fn prefix(self) -> Option<Prefix> {
        let span = self.last_bits() - self.first_bits();
        let host = 128 - span.leading_zeros();
        let whole = span == 0 || span == u128::MAX || (span & (span + 1)) == 0;
        let len = u32::from(self.family.bits()).checked_sub(host)?;
        (whole && self.first_bits() & span == 0).then(|| Prefix {
            family: self.family,
            bits: self.first,
            len: u8::try_from(len).unwrap_or(0),
        })
    }
}

impl From<Prefix> for Interval {
    fn from(prefix: Prefix) -> Self {
        prefix.interval()
    }
}

/// A CIDR where it is one, else `first-last`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix() {
            Some(prefix) => prefix.fmt(f),
            None => write!(f, "{}-{}", self.first(), self.last()),
        }
    }
}

/// Whether the intervals together hold every address of `family`.
pub fn cover_everything(family: Family, intervals: impl IntoIterator<Item = Interval>) -> bool {
    let mut sorted: Vec<_> = intervals.into_iter().filter(|i| i.family == family).collect();
    sorted.sort_unstable();
    let mut next = Some(0u128);
    for i in sorted {
        match next {
            Some(bits) if i.first_bits() <= bits => {
                next = (i.last_bits() < family.max()).then(|| bits.max(i.last_bits() + 1));
            }
            Some(_) => return false,
            None => return true,
        }
    }
    next.is_none()
}

/// How many addresses of `pool` lie in none of `holes`.
pub fn free_count(pool: Interval, holes: impl IntoIterator<Item = Interval>) -> u128 {
    let mut cuts: Vec<_> = holes.into_iter().filter_map(|h| pool.intersection(h)).collect();
    cuts.sort_unstable();
    let (mut free, mut rest) = (0u128, Some(pool));
    for cut in cuts {
        let Some(left) = rest else { break };
        free = free.saturating_add(cut.first_bits().saturating_sub(left.first_bits()));
        rest = if cut.last < left.first { rest } else { left.after(cut) };
    }
    free.saturating_add(rest.map_or(0, Interval::size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::parse::strict_interval as interval;

    fn at(text: &str) -> Interval {
        interval(text).expect(text)
    }

    #[test]
    fn intervals_print_as_cidr_where_they_are_one() {
        for text in ["10.0.0.0/8", "10.0.0.5/32", "10.0.0.1-10.0.0.4", "0.0.0.0/0", "::/0", "fd00::/64"] {
            assert_eq!(at(text).to_string(), text);
        }
        assert_eq!(at("10.0.0.0-10.0.0.255").to_string(), "10.0.0.0/24");
    }

    #[test]
    fn meeting_is_within_a_family() {
        assert!(at("10.0.0.0/8").meets(at("10.255.255.255/32")));
        assert!(!at("10.0.0.0/8").meets(at("11.0.0.0/8")));
        assert!(!at("0.0.0.0/0").meets(at("::/0")));
    }

    #[test]
    fn halves_cover_everything() {
        assert!(cover_everything(Family::V4, [at("128.0.0.0/1"), at("0.0.0.0/1")]));
        assert!(cover_everything(Family::V6, [at("::/1"), at("8000::/1")]));
        assert!(!cover_everything(Family::V4, [at("0.0.0.0/1"), at("128.0.0.0/2")]));
        assert!(!cover_everything(Family::V4, [at("0.0.0.0/2"), at("128.0.0.0/1")]));
        assert!(!cover_everything(Family::V6, [at("0.0.0.0/0")]));
    }

    #[test]
    fn free_count_subtracts_overlapping_holes_once() {
        let pool = at("10.0.0.0/24");
        assert_eq!(free_count(pool, []), 256);
        assert_eq!(free_count(pool, [at("10.0.0.0/25"), at("10.0.0.64/26"), at("10.0.0.255/32")]), 127);
        assert_eq!(free_count(pool, [at("10.0.0.0/8")]), 0);
        assert_eq!(free_count(at("::/0"), []), u128::MAX);
    }

    #[test]
    fn global_unicast_is_as_go_has_it() {
        for (text, expected) in [
            ("10.1.1.1", true),
            ("240.0.0.1", true),
            ("fd00::1", true),
            ("2001:db8::1", true),
            ("169.254.1.1", false),
            ("127.0.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("0.0.0.0", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("::1", false),
            ("::", false),
        ] {
            assert_eq!(is_global_unicast(text.parse().unwrap()), expected, "{text}");
        }
    }
}
