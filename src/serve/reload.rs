//! Files read anew when they change. A mounted Secret or ConfigMap changes by a swap of its `..data` link.

use super::metrics::Metrics;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;

/// A file may change twice within one tick of the file system's clock: what was read so soon after a change is read again.
const SETTLED: Duration = Duration::from_secs(2);
/// Directories in directories.
const DEPTH: usize = 16;

/// What is watched.
pub struct Watched {
    /// As the metrics name it.
    pub what: &'static str,
    /// Whether it tells something about the cluster: then its age counts as the world's.
    pub facts: bool,
    /// Files and directories, links followed; one that is not there counts, too.
    pub paths: Vec<PathBuf>,
    /// How often they are looked at.
    pub every: Duration,
    /// When they were last read, before this watch; a time before the reading began.
    pub since: SystemTime,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What was read, and how.
#[derive(Default)]
struct Last {
    /// Before the reading; `None` before the first look.
    before: Option<Stamp>,
    /// After it: what was read may be newer than `before`.
    after: Option<Stamp>,
    /// Why it is not in use.
    bad: Option<String>,
}

impl Watched {
    /// Looks for ever. `read` reads and puts to use what has changed, `Ok(true)` if it is new; an error is told and the
    /// old stays in use.
    pub async fn follow(self, read: impl Fn() -> Result<bool, String> + Send + Sync + 'static) {
        let read = Arc::new(read);
        self.is_good();
        let (mut last, mut at) = (Last::default(), self.since);
        let mut ticks = tokio::time::interval(self.every);
        // After a reading that took longer than a tick there is nothing to catch up with.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = SystemTime::now();
            // A file system may hang, and requests are answered on these threads.
            let paths = self.paths.clone();
            let Ok(stamp) = spawn_blocking(move || Stamp::of(&paths)).await else { return };
            // What is not there at the first look may have gone since it was read.
            let same = last.before.as_ref().map_or(stamp.is_whole(), |before| *before == stamp);
            if same && stamp.is_settled(at) && last.bad.is_none() {
                self.is_good();
                last.before = Some(stamp);
                continue;
            }
            let (reading, paths) = (Arc::clone(&read), self.paths.clone());
            let (result, after) = match spawn_blocking(move || (reading(), Stamp::of(&paths))).await {
                Ok((result, after)) => (result, Some(after)),
                // The runtime ends.
                Err(error) if error.is_cancelled() => return,
                // Told as an error, so that the old stays in use.
                Err(_) => (Err("reading it failed by a defect of kubevirt-preflight".to_owned()), None),
            };
            let same = same || last.after.as_ref() == Some(&stamp);
            self.tell(&result, last.bad.as_ref(), same);
            (last, at) = (Last { before: Some(stamp), after, bad: result.err() }, now);
        }
    }

    fn is_good(&self) {
        if self.facts {
            self.metrics.set_source(self.what, "ready");
            self.metrics.saw(self.what);
        }
    }

    /// `bad` is what was wrong at the last reading; `same` if no file has changed since.
    fn tell(&self, result: &Result<bool, String>, bad: Option<&String>, same: bool) {
        match result {
            Ok(new) => {
                self.is_good();
                if *new || bad.is_some() {
                    self.metrics.reloaded(self.what, true);
                    let message = if *new { "reloaded" } else { "good again, and as it was before" };
                    tracing::info!(what = self.what, "{message}");
                }
            }
            Err(why) if same && bad == Some(why) => {}
            Err(why) => {
                if self.facts {
                    self.metrics.set_source(self.what, "bad");
                }
                self.metrics.reloaded(self.what, false);
                tracing::error!(what = self.what, %why, "not reloaded; the old one stays in use");
            }
        }
    }
}

/// What tells one state of files from another, short of reading them.
#[derive(Debug, PartialEq, Eq)]
struct Stamp(Vec<(PathBuf, Option<Mark>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Stamp {
    /// Whether all paths lead to something.
    fn is_whole(&self) -> bool {
        self.0.iter().all(|(_, mark)| mark.is_some())
    }

    fn of(paths: &[PathBuf]) -> Self {
        let mut stamp = Self(Vec::new());
        for path in paths {
            stamp.add(path, 0);
        }
        stamp
    }

    fn add(&mut self, path: &Path, depth: usize) {
        let metadata = fs::metadata(path).ok();
        let directory = metadata.as_ref().is_some_and(Metadata::is_dir);
        self.0.push((path.to_owned(), metadata.as_ref().map(Mark::of)));
        if directory && depth < DEPTH {
            let mut paths: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
            paths.sort();
            for path in paths {
                self.add(&path, depth + 1);
            }
        }
    }

    /// Whether nothing in it had changed so lately before a reading at `at` that a second change could look the same.
    fn is_settled(&self, at: SystemTime) -> bool {
        let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let limit = i64::try_from(at.saturating_sub(SETTLED).as_secs()).unwrap_or(i64::MAX);
        self.0.iter().filter_map(|(_, mark)| *mark).all(|mark| mark.changed.0 < limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Whether the first looks read a file that has changed just now.
    async fn is_read(since: SystemTime) -> bool {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (paths, every) = (vec![file.path().to_owned()], Duration::from_millis(1));
        let watched = Watched { what: "world", facts: true, paths, every, since, metrics: Arc::default() };
        let (sender, receiver) = mpsc::channel();
        let following = watched.follow(move || {
            sender.send(()).unwrap();
            Ok(false)
        });
        let _ = tokio::time::timeout(Duration::from_millis(200), following).await;
        receiver.try_recv().is_ok()
    }

    #[tokio::test]
    async fn what_changed_after_it_was_read_is_read_again() {
        let now = SystemTime::now();
        assert!(is_read(now - Duration::from_secs(60)).await);
        assert!(is_read(now).await, "a second change within the tick of a file system's clock");
        assert!(!is_read(now + Duration::from_secs(60)).await);
    }
}
