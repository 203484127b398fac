//! The times of following a cluster; tests set shorter ones.

use std::time::Duration;

/// How long what takes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bookmarks come about once a minute: a watch that says nothing for longer is taken for lost.
    pub silence: Duration,
    /// Everything is listed anew so often; a tenth of it is jitter.
    pub relist: Duration,
    /// What the cluster does not serve is looked for again.
    pub probe: Duration,
    /// Between two tries: the first pause, and the longest that it grows to.
    pub pauses: [Duration; 2],
    /// So long readiness waits for the lists of the judged kinds; then it is done without.
    pub patience: Duration,
    /// So long it waits besides for the lists of the sources, which never hold readiness.
    pub courtesy: Duration,
    /// Changes come in crowds: after the first, so long is waited for more.
    pub debounce: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let pauses = [Duration::from_millis(500), Duration::from_secs(30)];
        let [silence, relist, probe, patience, courtesy] = [150, 600, 60, 30, 5].map(Duration::from_secs);
        Self { silence, relist, probe, pauses, patience, courtesy, debounce: Duration::from_millis(250) }
    }
}
