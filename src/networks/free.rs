//! A free prefix near one that collides: what a message can offer instead of "take another".

use super::{Class, Networks};
use crate::net::parse::strict_prefix;
use crate::net::{Family, Interval, Prefix};

/// Private space of each family (RFC 1918; the locally assigned half of RFC 4193), in the order of preference.
const PRIVATE_V4: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const PRIVATE_V6: [&str; 1] = ["fd00::/8"];

/// How many places one walk looks at: each step jumps over everything that stands in the way there.
const MAX_STEPS: usize = 256;

/// A prefix of `length` in private space that meets neither a network of any class, nor one of `extra`, nor `near`.
///
/// It looks above `near` in the private block that holds it, then below, then in the other blocks from their start.
/// `None` if there is none, or none within a bounded number of steps.
pub fn nearby_free(length: u8, near: Interval, taken: &Networks, extra: &[Interval]) -> Option<Prefix> {
    let obstacles = Obstacles::of(taken, extra, near);
    let (home, others): (Vec<_>, Vec<_>) = blocks(near.family()).partition(|block| block.meets(near));
    let mut beside = home.iter().filter_map(|block| {
        let walk = Walk { block: *block, length, obstacles: &obstacles };
        walk.up(near.last_bits().saturating_sub(block.first_bits()))
            .or_else(|| walk.down(near.first_bits().saturating_sub(block.first_bits())))
    });
    let found = beside.next();
    found.or_else(|| {
        let mut far = others.iter().map(|block| Walk { block: *block, length, obstacles: &obstacles });
        far.find_map(|walk| walk.up(0))
    })
}

fn blocks(family: Family) -> impl Iterator<Item = Interval> {
    let texts: &[&str] = match family {
        Family::V4 => &PRIVATE_V4,
        Family::V6 => &PRIVATE_V6,
    };
    texts.iter().filter_map(|text| strict_prefix(text).ok()).map(Prefix::interval)
}

/// What a free prefix must not meet.
struct Obstacles<'n> {
    taken: &'n Networks,
    /// Sorted and apart from each other, so that both ends ascend.
    extra: Vec<Interval>,
}

impl<'n> Obstacles<'n> {
    fn of(taken: &'n Networks, extra: &[Interval], near: Interval) -> Self {
        let mut sorted: Vec<_> = extra.iter().copied().chain([near]).filter(|i| i.family() == near.family()).collect();
        sorted.sort_unstable();
        let mut apart: Vec<Interval> = Vec::with_capacity(sorted.len());
        for next in sorted {
            match apart.last_mut() {
                Some(last) if last.meets(next) => *last = union(*last, next),
                _ => apart.push(next),
            }
        }
        Self { taken, extra: apart }
    }

    /// The lowest and the highest address of all that meets `place`, as numbers.
    fn span(&self, place: Interval) -> Option<(u128, u128)> {
        let start = self.extra.partition_point(|i| i.last_bits() < place.first_bits());
        let extra = self.extra.iter().skip(start).take_while(|i| i.meets(place)).copied();
        let taken = Class::ALL.into_iter().flat_map(|class| self.taken.meeting(class, place)).map(|n| n.interval);
        let ends = extra.chain(taken).map(|i| (i.first_bits(), i.last_bits()));
        ends.reduce(|(first, last), (a, b)| (first.min(a), last.max(b)))
    }
}

/// Both, which meet.
fn union(a: Interval, b: Interval) -> Interval {
    let last = a.last().max(b.last());
    Interval::of(a.first().min(b.first()), last).unwrap_or(a)
}

/// A walk over the prefixes of one length in one block; places are counted from the block's first address.
struct Walk<'o> {
    block: Interval,
    length: u8,
    obstacles: &'o Obstacles<'o>,
}

impl Walk<'_> {
    /// The first free prefix at or above `offset`.
    fn up(&self, offset: u128) -> Option<Prefix> {
        let size = self.size()?;
        let mut at = offset.checked_next_multiple_of(size)?;
        for _ in 0..MAX_STEPS {
            let place = self.place(at)?;
            let Some((_, last)) = self.obstacles.span(place.interval()) else { return Some(place) };
            at = last.checked_sub(self.block.first_bits())?.checked_add(1)?.checked_next_multiple_of(size)?;
        }
        None
    }

    /// The last free prefix wholly below `offset`.
    fn down(&self, offset: u128) -> Option<Prefix> {
        let size = self.size()?;
        let mut at = below(offset, size)?;
        for _ in 0..MAX_STEPS {
            let place = self.place(at)?;
            let Some((first, _)) = self.obstacles.span(place.interval()) else { return Some(place) };
            at = below(first.checked_sub(self.block.first_bits())?, size)?;
        }
        None
    }

    /// The addresses of a prefix of this length; `None` if the block holds none.
    fn size(&self) -> Option<u128> {
        let host = u32::from(self.block.family().bits().checked_sub(self.length)?);
        1u128.checked_shl(host).filter(|size| *size <= self.block.size())
    }

    fn place(&self, offset: u128) -> Option<Prefix> {
        Prefix::of(self.block.nth(offset)?, self.length)
    }
}

/// The highest multiple of `size` from which a whole prefix lies below `offset`.
fn below(offset: u128, size: u128) -> Option<u128> {
    (offset / size).checked_sub(1)?.checked_mul(size)
}

#[cfg(test)]
mod tests;
