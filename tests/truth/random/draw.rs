//! Random numbers (SplitMix64), and addresses that are near those of the lab's cluster.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Draws, the same ones for the same seed.
pub struct Draw(u64);

/// An address with a length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cidr {
    pub address: IpAddr,
    pub length: u32,
}

/// Networks that the cluster leaves free.
const FREE: [&str; 7] = [
    "10.200.5.0/24",
    "10.201.5.0/24",
    "172.31.0.0/16",
    "10.202.0.0/22",
    "fd00:77::/64",
    "fd00:78::/64",
    "fd00:79:1::/48",
];

/// Networks that the cluster uses, that hold some, or that lie outside.
const USED: [&str; 20] = [
    "0.0.0.0/0",
    "128.0.0.0/1",
    "10.0.0.0/8",
    "10.244.0.0/16",
    "10.244.1.0/24",
    "10.244.2.0/24",
    "10.96.0.0/12",
    "10.96.0.0/24",
    "192.168.66.0/24",
    "192.168.66.100/32",
    "203.0.113.0/24",
    "::/0",
    "8000::/1",
    "fd00::/8",
    "fd00:10:244::/56",
    "fd00:10:244:2::/64",
    "fd00:10:244:1::/64",
    "fd00:10:96::/112",
    "fd00:66::/64",
    "2001:db8:7::/64",
];

/// Networks that have a meaning of their own.
const SPECIAL: [&str; 9] = [
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/24",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "fe80::/64",
    "ff02::/16",
    "::1/128",
    "2002::/16",
];

impl Draw {
    pub fn new(seed: u64, at: u64) -> Self {
        let mut draw = Self(seed ^ at.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        draw.next();
        draw
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() >> 1).unwrap() % count.max(1)
    }

    /// True so many times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// One of `usual`, or now and then one of `odd`.
    pub fn mostly<T: Copy>(&mut self, usual: &[T], odd: &[T]) -> T {
        if self.chance(4) { self.of(odd) } else { self.of(usual) }
    }

    /// A network; of this family if one is given.
    pub fn network(&mut self, v6: Option<bool>, used: usize) -> Cidr {
        loop {
            let text = match self.below(100) {
                roll if roll < used => self.of(&USED),
                roll if roll < used + 2 => self.of(&SPECIAL),
                _ => self.of(&FREE),
            };
            let mut network = Cidr::read(text);
            if v6.is_some_and(|v6| v6 != network.address.is_ipv6()) {
                continue;
            }
            if self.chance(16) {
                network.length = self.length(network);
            }
            return network.masked();
        }
    }

    fn length(&mut self, network: Cidr) -> u32 {
        let all = network.bits();
        match self.below(4) {
            0 => u32::try_from(self.below(all as usize + 1)).unwrap(),
            1 => all - u32::try_from(self.below(4)).unwrap(),
            _ => (network.length + u32::try_from(self.below(9)).unwrap()).saturating_sub(4).min(all),
        }
    }

    /// An address of a network, mostly near its beginning.
    pub fn inside(&mut self, network: Cidr) -> IpAddr {
        let free = network.bits() - network.length;
        let size = 1u128.checked_shl(free).unwrap_or(u128::MAX);
        let step = match self.below(12) {
            0 => 0,
            1 => size - 1,
            2 => size.saturating_sub(2),
            3 => u128::from(self.next()),
            _ => u128::from(self.of(&[1u8, 1, 1, 2, 3, 7, 9, 9, 77, 100, 101, 102, 200])),
        };
        network.masked().plus(step % size)
    }
}

impl Cidr {
    pub fn read(text: &str) -> Self {
        let (address, length) = text.split_once('/').unwrap();
        Self { address: address.parse().unwrap(), length: length.parse().unwrap() }
    }

    pub fn bits(self) -> u32 {
        if self.address.is_ipv6() { 128 } else { 32 }
    }

    fn number(self) -> u128 {
        match self.address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    fn with(self, number: u128) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(number & 0xFFFF_FFFF).unwrap()).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
        }
    }

    /// Without host bits.
    pub fn masked(self) -> Self {
        let free = self.bits() - self.length;
        let kept = self.number().checked_shr(free).unwrap_or(0).checked_shl(free).unwrap_or(0);
        Self { address: self.with(kept), ..self }
    }

    fn plus(self, step: u128) -> IpAddr {
        self.with(self.number().wrapping_add(step))
    }
}
