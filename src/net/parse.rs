//! Parsers of addresses and prefixes, one for each reader whose text we judge.
//!
//! [`strict_prefix`] and [`strict_interval`] are ours, for our own files and flags. [`go_cidr`] and [`go_ip`] are
//! what Go's `net.ParseCIDR` and `net.ParseIP` accept since Go 1.17 (the reference CNI plugins). [`sloppy_cidr`] and
//! [`sloppy_ip`] are k8s.io/utils `ParseCIDRSloppy` and `ParseIPSloppy` (whereabouts), which read `010` as ten.

use super::{Family, Interval, Prefix, unmapped};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why our own strict parser refuses a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Not an address before the slash, or not two addresses round the dash.
    #[error("`{0}` is not an IP address")]
    Address(String),
    /// No `/length`, where a bare address is not allowed.
    #[error("`{0}` has no prefix length; write `{0}/{1}` for one address")]
    NoLength(String, u8),
    /// The length is not a plain decimal number that the family has.
    #[error("`{0}` is not a prefix length of {1}")]
    Length(String, Family),
    /// Bits are set beyond the length.
    #[error("`{0}` has host bits set; the network is `{1}`")]
    HostBits(String, Prefix),
    /// An IPv4-mapped IPv6 address; the IPv4 form is unambiguous.
    #[error("`{0}` is an IPv4-mapped IPv6 address; write it as IPv4")]
    Mapped(String),
    /// The two ends of a range are in the wrong order or of two families.
    #[error("`{0}` is not a range: it needs two addresses of one family, the lower first")]
    Range(String),
}

/// A canonical prefix in plain CIDR form, nothing else.
pub fn strict_prefix(text: &str) -> Result<Prefix, PrefixError> {
    let Some((head, length)) = text.split_once('/') else {
        let address = strict_ip(text)?;
        return Err(PrefixError::NoLength(text.to_owned(), Family::of(address).bits()));
    };
    let address = strict_ip(head)?;
    let plain = length.len() <= 3 && !length.starts_with('+') && (length == "0" || !length.starts_with('0'));
    let prefix = length.parse().ok().filter(|_| plain).and_then(|len| Prefix::of(address, len));
    let prefix = prefix.ok_or_else(|| PrefixError::Length(length.to_owned(), Family::of(address)))?;
    if prefix.first() == address { Ok(prefix) } else { Err(PrefixError::HostBits(text.to_owned(), prefix)) }
}

/// A canonical prefix or a range `a-b` (blanks round the dash are allowed).
pub fn strict_interval(text: &str) -> Result<Interval, PrefixError> {
    match text.split_once('-') {
        Some((first, last)) => Interval::of(strict_ip(first.trim())?, strict_ip(last.trim())?)
            .ok_or_else(|| PrefixError::Range(text.to_owned())),
        None => strict_prefix(text).map(Interval::from),
    }
}

/// A bare address; no zone, no leading zeros, not IPv4-mapped.
pub fn strict_ip(text: &str) -> Result<IpAddr, PrefixError> {
    let address: IpAddr = text.parse().map_err(|_| PrefixError::Address(text.to_owned()))?;
    if unmapped(address) == address { Ok(address) } else { Err(PrefixError::Mapped(text.to_owned())) }
}

/// An address with a prefix length, host part kept, as a plugin read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address as written; IPv4-mapped IPv6 is IPv4 here.
    pub address: IpAddr,
    /// The prefix it lies in.
    pub prefix: Prefix,
    /// Written as IPv4-mapped IPv6.
    pub mapped: bool,
    /// Leading zeros in an octet or in the length.
    pub zeros: bool,
}

impl Cidr {
    /// Whether the address is not the network address.
    pub fn has_host_bits(&self) -> bool {
        self.prefix.first() != self.address
    }
}

/// An address as a plugin read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// IPv4-mapped IPv6 is IPv4 here.
    pub address: IpAddr,
    /// Written as IPv4-mapped IPv6.
    pub mapped: bool,
    /// Leading zeros in an octet.
    pub zeros: bool,
}

/// Go's `net.ParseCIDR`: strict octets, no zone; leading zeros in the length are accepted. Of an IPv4-mapped text the
/// plugins keep the IPv4 address and the last 32 bits of the mask, so `/120` becomes `/24` and anything up to `/96` `/0`.
pub fn go_cidr(text: &str) -> Option<Cidr> {
    cidr(text, |head| head.parse().ok())
}

/// Go's `net.ParseIP`.
pub fn go_ip(text: &str) -> Option<Ip> {
    text.parse().ok().map(|raw| ip(raw, text))
}

/// k8s.io/utils `ParseCIDRSloppy`.
pub fn sloppy_cidr(text: &str) -> Option<Cidr> {
    cidr(text, sloppy_address)
}

/// k8s.io/utils `ParseIPSloppy`.
pub fn sloppy_ip(text: &str) -> Option<Ip> {
    sloppy_address(text).map(|raw| ip(raw, text))
}

fn ip(raw: IpAddr, text: &str) -> Ip {
    let address = unmapped(raw);
    Ip { address, mapped: address != raw, zeros: has_padded_octet(text) }
}

fn cidr(text: &str, address: impl Fn(&str) -> Option<IpAddr>) -> Option<Cidr> {
    let (head, length) = text.split_once('/')?;
    let raw = address(head)?;
    let len = length_of(length).filter(|n| *n <= Family::of(raw).bits())?;
    let address = unmapped(raw);
    let mapped = address != raw;
    let len = if mapped { len.saturating_sub(96) } else { len };
    let zeros = has_padded_octet(head) || (length.len() > 1 && length.starts_with('0'));
    Some(Cidr { address, prefix: Prefix::of(address, len)?, mapped, zeros })
}

/// Decimal digits only, any number of leading zeros (Go's `dtoi`).
fn length_of(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.trim_start_matches('0')).and_then(|t| if t.is_empty() { Some(0) } else { t.parse().ok() })
}

/// An IPv4 part with a leading zero, be it alone or the tail of an IPv6 address.
fn has_padded_octet(text: &str) -> bool {
    let tail = text.rsplit(':').next().unwrap_or(text);
    tail.contains('.') && tail.split('.').any(|octet| octet.len() > 1 && octet.starts_with('0'))
}

/// Before Go 1.17: octets of decimal digits with any leading zeros, in IPv4 and in the tail of IPv6.
fn sloppy_address(text: &str) -> Option<IpAddr> {
    if !text.contains('.') {
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    match text.rfind(':') {
        None => sloppy_v4(text).map(IpAddr::V4),
        Some(colon) => {
            let (head, tail) = text.split_at(colon + 1);
            let plain = format!("{head}{}", sloppy_v4(tail)?);
            plain.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
    }
}

fn sloppy_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = length_of(parts.next()?)?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_parser_is_strict() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/64", "10.0.0.5/32"] {
            assert_eq!(strict_prefix(good).unwrap().to_string(), good);
        }
        for bad in [
            "10.0.0.0",
            "10.0.0.1/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/255.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "010.0.0.0/8",
            "fe80::1%eth0/64",
            "::ffff:10.0.0.0/104",
            " 10.0.0.0/8",
            "10.0.0.0/8 ",
            "10.0.0/8",
            "",
            "/8",
            "10.0.0.0/-1",
            "10.0.0.0/999999999999",
        ] {
            assert!(strict_prefix(bad).is_err(), "{bad}");
        }
        assert!(strict_interval("10.0.0.9 - 10.0.0.12").is_ok());
        assert!(strict_interval("10.0.0.9-10.0.0.1").is_err());
        assert!(strict_interval("10.0.0.9-fd00::1").is_err());
    }

    #[test]
    fn go_reads_padded_lengths_but_not_padded_octets() {
        let read = |text| go_cidr(text).map(|c| format!("{} in {}", c.address, c.prefix));
        assert_eq!(read("10.200.5.9/024").as_deref(), Some("10.200.5.9 in 10.200.5.0/24"));
        assert_eq!(read("::ffff:10.200.5.9/120").as_deref(), Some("10.200.5.9 in 10.200.5.0/24"));
        assert_eq!(read("::ffff:10.200.5.9/64").as_deref(), Some("10.200.5.9 in 0.0.0.0/0"));
        assert_eq!(read("FD00::A/64").as_deref(), Some("fd00::a in fd00::/64"));
        for bad in
            ["10.200.005.9/24", "fe80::9%eth0/64", "10.0.0.0", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/33", "/8", "a/8"]
        {
            assert_eq!(go_cidr(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_sloppy_parser_reads_zeros_as_decimal() {
        let read = |text| sloppy_cidr(text).map(|c| (c.prefix.to_string(), c.zeros, c.mapped));
        assert_eq!(read("010.077.003.0/24"), Some(("10.77.3.0/24".into(), true, false)));
        assert_eq!(read("::ffff:010.77.3.0/120"), Some(("10.77.3.0/24".into(), true, true)));
        assert_eq!(read("fd00::/64"), Some(("fd00::/64".into(), false, false)));
        for bad in ["10.0.0.256/24", "10.0.0/24", "10.0.0.0.0/24", "fe80::1%e/64", " 10.0.0.0/24"] {
            assert_eq!(sloppy_cidr(bad), None, "{bad}");
        }
    }
}
