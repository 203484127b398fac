//! How long to wait after a look.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// After the first look that had something to do, or met another replica; doubled each time.
const FIRST: Duration = Duration::from_millis(200);
/// After the first error; doubled each time.
const ERROR: Duration = Duration::from_secs(1);
/// So slow it becomes: somebody else writes the same field over and over, or an error stays.
const SLOWEST: Duration = Duration::from_secs(30);

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was nothing to do; look again then.
    Rest(Duration),
    /// Something was written or shown; look again then.
    Done(Duration),
    /// Another replica has written first.
    Lost,
    /// An error.
    Failed,
}

/// Looks without rest, and errors, so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    busy: u32,
    failed: u32,
}

/// Between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// For so long no change wakes.
    pub(super) least: Duration,
    /// So long at most.
    pub(super) most: Duration,
}

impl Pace {
    /// `random`, from 0 to 1, keeps replicas apart.
    pub(super) fn after(&mut self, outcome: Outcome, random: f64) -> Pause {
        let is_rest = matches!(outcome, Outcome::Rest(_));
        self.busy = if is_rest { 0 } else { self.busy + 1 };
        self.failed = if outcome == Outcome::Failed { self.failed + 1 } else { 0 };
        let apart = |time: Duration| time.mul_f64(0.9 + random / 10.0);
        let doubled = |first: Duration, times: u32| (first * 2_u32.pow(times.saturating_sub(1).min(16))).min(SLOWEST);
        let least = apart(doubled(FIRST, self.busy));
        match outcome {
            Outcome::Rest(most) | Outcome::Done(most) => Pause { least, most: apart(most).max(least) },
            Outcome::Lost => {
                // The others have just written: who comes first next time is drawn.
                let most = doubled(FIRST, self.busy).mul_f64(0.2 + random * 0.8);
                Pause { least: most, most }
            }
            Outcome::Failed => {
                let most = apart(doubled(ERROR, self.failed));
                Pause { least: most.min(ERROR), most }
            }
        }
    }
}

impl Pause {
    /// Until it is over, or something has changed.
    pub(super) async fn over(self, changed: &Notify) {
        let woken = async {
            sleep(self.least).await;
            changed.notified().await;
        };
        tokio::select! {
            () = sleep(self.most) => {}
            () = woken => {}
        }
    }
}

/// From 0 to 1.
pub(super) fn random() -> f64 {
    let drawn = RandomState::new().build_hasher().finish() % 1000;
    f64::from(u32::try_from(drawn).unwrap_or_default()) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_strife_slow_it_down_and_rest_does_not() {
        let (mut pace, look) = (Pace::default(), Duration::from_secs(300));
        let rest = pace.after(Outcome::Rest(look), 1.0);
        assert_eq!((rest.least, rest.most), (FIRST, look));
        let mut mosts = (0..10).map(|_| pace.after(Outcome::Failed, 1.0).most.as_secs()).collect::<Vec<_>>();
        assert_eq!(mosts, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]);
        assert_eq!(pace.after(Outcome::Rest(look), 1.0), rest);
        // Another writer of the same field: the more often, the later.
        mosts = (0..10).map(|_| pace.after(Outcome::Done(Duration::from_secs(2)), 1.0).least.as_secs()).collect();
        assert_eq!(mosts, [0, 0, 0, 1, 3, 6, 12, 25, 30, 30]);
        assert_eq!(pace.after(Outcome::Rest(look), 1.0), rest);
        let [early, late] = [0.0, 1.0].map(|random| Pace::default().after(Outcome::Lost, random).most);
        assert!(early < late && late == FIRST, "{early:?} {late:?}");
    }
}
