//! How long CAs and leaves last, and when they are renewed.

use crate::serve::tls::Validity;
use std::time::Duration;

/// A certificate begins so long before it is made, for clients whose clock is behind.
pub const BACKDATE: i64 = 300;

/// So near its end a leaf is in a hurry to be replaced: by other clocks it may have ended. A successor whose CA has not been
/// published for long is better than none. Of short lives it is a quarter of the time for which a leaf is renewed ahead.
const HURRY: i64 = 300;

/// The state is looked at so often at least.
const LOOK: Duration = Duration::from_secs(300);

const DAY: u64 = 24 * 3600;

/// How long one sort of certificate lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// From its making to its end.
    pub lasts: Duration,
    /// It is renewed so long before its end.
    pub renewed_ahead: Duration,
}

/// The two lives and what goes between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    ca: Life,
    leaf: Life,
    settle: Duration,
    look: Duration,
}

/// So much of its life is left when a certificate is renewed: a third.
const AHEAD: u32 = 3;

/// Clocks that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClocksError(&'static str);

impl Clocks {
    /// Of the three times that people set. Both sorts are renewed when a third of their life is left, and the state is looked
    /// at every 5 minutes, or oftener where that is too seldom for short lives.
    pub fn of(ca: Duration, leaf: Duration, settle: Duration) -> Result<Self, ClocksError> {
        let life = |lasts: Duration| Life { lasts, renewed_ahead: lasts / AHEAD };
        let (ca, leaf) = (life(ca), life(leaf));
        let look = LOOK.min(leaf.renewed_ahead / 3).min(ca.renewed_ahead / 4);
        Self::new(ca, leaf, settle, look)
    }

    /// `settle`: so long a new CA has been published before it signs; API servers and replicas that lag behind, and
    /// clocks that differ, must fit in half of it. `look`: the state is looked at so often at least.
    pub fn new(ca: Life, leaf: Life, settle: Duration, look: Duration) -> Result<Self, ClocksError> {
        let wrong = [
            (leaf.renewed_ahead * 3 > leaf.lasts * 2, "a leaf is renewed in the last two thirds of its life"),
            (ca.renewed_ahead * 2 > ca.lasts, "a CA is renewed in the second half of its life"),
            (leaf.lasts > ca.lasts, "a leaf does not outlast its CA"),
            ((settle + look) * 2 > ca.renewed_ahead, "a CA is renewed earlier before its end than it takes to settle"),
            (look * 2 > leaf.renewed_ahead, "a leaf is renewed earlier before its end than the state is looked at"),
        ];
        match wrong.iter().find(|(wrong, _)| *wrong) {
            Some((_, why)) => Err(ClocksError(why)),
            None => Ok(Self { ca, leaf, settle, look }),
        }
    }

    /// Of a CA made now.
    pub fn ca(&self, now: i64) -> Validity {
        Validity { not_before: now - BACKDATE, not_after: now + seconds(self.ca.lasts) }
    }

    /// Of a leaf made now by this CA: a leaf that outlasts its CA is worth nothing from then on.
    pub fn leaf(&self, now: i64, ca: Validity) -> Validity {
        Validity { not_before: now - BACKDATE, not_after: (now + seconds(self.leaf.lasts)).min(ca.not_after) }
    }

    /// When the successor of a CA is made.
    pub fn ca_due(&self, ca: Validity) -> i64 {
        ca.not_after - seconds(self.ca.renewed_ahead)
    }

    /// When the successor of a leaf is made.
    pub fn leaf_due(&self, leaf: Validity) -> i64 {
        leaf.not_after - seconds(self.leaf.renewed_ahead)
    }

    /// From when on a leaf is no longer kept for the sake of API servers that may not know its successor's CA.
    pub fn hurry(&self, leaf: Validity) -> i64 {
        leaf.not_after - HURRY.min(seconds(self.leaf.renewed_ahead) / 4)
    }

    /// By so much the clocks of replicas and of people's machines may differ, with room to spare.
    pub fn skew(&self) -> i64 {
        BACKDATE.min(seconds(self.settle))
    }

    /// When a CA that has been published since then may sign.
    pub fn settled(&self, published: i64) -> i64 {
        published + seconds(self.settle)
    }

    /// Until when a CA published since then may still be missing in what is read, for the reading lags behind.
    pub fn lagging(&self, published: i64) -> i64 {
        published + seconds(self.settle) / 2
    }

    /// How often the state is looked at.
    pub fn look(&self) -> Duration {
        self.look
    }
}

impl Default for Clocks {
    /// CA 365 days, leaf 90 days, renewed when a third of it is left; an hour to settle; a look every 5 minutes.
    fn default() -> Self {
        let life = |days: u64| {
            let lasts = Duration::from_secs(days * DAY);
            Life { lasts, renewed_ahead: lasts / AHEAD }
        };
        Self { ca: life(365), leaf: life(90), settle: Duration::from_secs(3600), look: LOOK }
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_leaf_outlasts_its_ca() {
        let clocks = Clocks::default();
        let ca = clocks.ca(0);
        let near_its_end = ca.not_after - 1000;
        assert_eq!(clocks.leaf(near_its_end, ca), Validity { not_before: near_its_end - BACKDATE, ..ca });
        assert_eq!(clocks.leaf(0, ca).not_after, 90 * 24 * 3600);
    }

    #[test]
    fn the_defaults_go_together() {
        let Clocks { ca, leaf, settle, look } = Clocks::default();
        assert_eq!(Clocks::new(ca, leaf, settle, look), Ok(Clocks::default()));
        let short = Life { lasts: leaf.lasts, renewed_ahead: look };
        assert!(Clocks::new(ca, short, settle, look).is_err());
        assert!(Clocks::new(leaf, ca, settle, look).is_err());
        assert_eq!(Clocks::of(ca.lasts, leaf.lasts, settle), Ok(Clocks::default()));
        assert!(Clocks::new(ca, leaf, ca.renewed_ahead, look).is_err());
    }

    #[test]
    fn short_lives_have_their_order_too() {
        let seconds = Duration::from_secs;
        let clocks = Clocks::of(seconds(60), seconds(20), seconds(5)).unwrap();
        assert!(clocks.look() < seconds(3), "{clocks:?}");
        let leaf = clocks.leaf(0, clocks.ca(0));
        // Renewed, and looked at twice, before it is in a hurry; in a hurry before it ends.
        let look = i64::try_from(clocks.look().as_secs()).unwrap();
        assert!(clocks.leaf_due(leaf) + 2 * look < clocks.hurry(leaf) && clocks.hurry(leaf) < leaf.not_after);
        assert_eq!(clocks.skew(), 5);
        assert_eq!((Clocks::default().skew(), Clocks::default().hurry(leaf)), (BACKDATE, leaf.not_after - HURRY));
        let wrong = Clocks::of(seconds(60), seconds(20), seconds(10)).unwrap_err().to_string();
        assert!(wrong.contains("than it takes to settle"), "{wrong}");
    }
}
