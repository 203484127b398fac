//! One list followed for ever: found by discovery, listed page by page, watched, and listed again.

use super::answers::{Lines, answer, list, served};
use super::client::Failure;
use super::kept::{Kept, State};
use super::pace::Pace;
use super::resource::Resource;
use super::wire::{self, Line, Reading};
use crate::objects::Object;
use crate::place::ObjectRef;
use crate::serve::metrics::Metrics;
use http_body_util::BodyExt;
use kube::Client;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// More nodes are not watched: each is written every minute or two (kubelet, and virt-handler's heartbeat), and their
/// addresses hardly ever change.
const WATCHED_NODES: u64 = 500;

/// The cluster as it is followed.
pub struct Cluster {
    /// The way to it.
    pub client: Client,
    kept: Mutex<Kept>,
    changes: watch::Sender<u64>,
    metrics: Arc<Metrics>,
    pub(super) pace: Pace,
}

/// How it ended without a failure of the list.
enum Ended {
    /// In order: it is time for the next list.
    Over,
    /// The watch broke: the API server may be another one by now, with another history.
    Broke(Failure),
}

impl Cluster {
    /// Nothing read yet.
    pub fn new(client: Client, resources: Vec<Resource>, metrics: Arc<Metrics>) -> Self {
        let kept = Mutex::new(Kept::of(resources));
        Self { client, kept, changes: watch::Sender::new(0), metrics, pace: Pace::default() }
    }

    /// With other times.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// What is known.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change of it is whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Follows every list for ever.
    pub fn follow(self: &Arc<Self>) {
        for at in 0..self.kept().slots().len() {
            let cluster = Arc::clone(self);
            tokio::spawn(async move { cluster.follow_one(at).await });
        }
    }

    async fn follow_one(self: &Arc<Self>, at: usize) {
        let resource = self.kept().slots()[at].resource;
        let following = Following { cluster: self, resource, at };
        let [first, longest] = self.pace.pauses;
        let (mut pause, mut broke) = (first, None);
        self.metrics.set_source(&resource.to_string(), "syncing");
        if resource.is_needed {
            // Its age counts from here, so that it shows if it can never be read.
            self.metrics.saw(&resource.to_string());
        }
        loop {
            let begun = Instant::now();
            let ended = following.once_through().await;
            // What went well for a while broke for a new reason.
            if begun.elapsed() > longest {
                pause = first;
            }
            match ended {
                Ok(Ended::Over) => (pause, broke) = (first, None),
                Ok(Ended::Broke(failure)) => {
                    // The list is good, and its watch is not: that is told once, and then only listed, more and more seldom.
                    if pause > first && broke.as_ref() != Some(&failure) {
                        tracing::warn!(%resource, %failure, "it can be listed but not watched");
                        broke = Some(failure);
                    }
                    sleep(jittered(pause)).await;
                    pause = (pause * 2).min(longest);
                }
                Err(failure) => {
                    tracing::debug!(%resource, %failure, "reading failed");
                    self.note(at, |kept| kept.failed(at, failure));
                    sleep(jittered(pause)).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }

    /// Changes what is known, and tells of it where that is new.
    fn note(&self, at: usize, change: impl FnOnce(&mut Kept) -> bool) {
        let mut kept = self.kept();
        let before = kept.slots()[at].state.word();
        let new = change(&mut kept);
        let slot = &kept.slots()[at];
        if before != slot.state.word() {
            self.metrics.set_source(&slot.resource.to_string(), slot.state.word());
            match slot.state.why() {
                Some(why) => tracing::warn!(resource = %slot.resource, state = %slot.state, %why, "source"),
                None if slot.state == State::Absent => tracing::debug!(resource = %slot.resource, "not served"),
                None => {
                    tracing::info!(resource = %slot.resource, state = %slot.state, objects = slot.count(), "source");
                }
            }
        }
        drop(kept);
        if new {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

/// One list being followed.
struct Following<'c> {
    cluster: &'c Arc<Cluster>,
    resource: Resource,
    at: usize,
}

impl Following<'_> {
    /// From discovery to the time for the next list; an error if it did not get there.
    async fn once_through(&self) -> Result<Ended, Failure> {
        let pace = self.cluster.pace;
        let Some(version) = served(&self.cluster.client, &self.resource).await? else {
            self.cluster.note(self.at, |kept| kept.absent(self.at));
            self.saw();
            sleep(jittered(pace.probe)).await;
            return Ok(Ended::Over);
        };
        let again = Instant::now() + jittered(pace.relist);
        let list = list(&self.cluster.client, &self.resource, version, &self.reading()).await?;
        let many = self.resource.is_of_nodes() && list.objects.len() as u64 > WATCHED_NODES;
        self.cluster.note(self.at, |kept| kept.listed(self.at, version, list.objects, &list.unread));
        self.saw();
        if many {
            tokio::time::sleep_until(again).await;
            return Ok(Ended::Over);
        }
        let mut from = list.version;
        while Instant::now() < again {
            let begun = Instant::now();
            if let Err(failure) = self.watch(version, &mut from, again).await {
                tracing::debug!(resource = %self.resource, %failure, "watch ended");
                return Ok(Ended::Broke(failure));
            }
            // A server ends a watch at the time that was asked for; what ends each one at once is no server to trust.
            if begun.elapsed() < pace.pauses[0] && Instant::now() < again {
                return Ok(Ended::Broke(Failure::Other("the watch ended at once".to_owned())));
            }
        }
        Ok(Ended::Over)
    }

    /// Each object as it arrives takes the parts that others have already: a page is small, a list of nodes is not.
    fn reading(&self) -> Reading<Object> {
        let (cluster, at) = (Arc::clone(self.cluster), self.at);
        Arc::new(move |text, resource, version| {
            let object = wire::object(text, resource, version)?;
            Ok(object.map(|object| cluster.kept().shared(at, object)))
        })
    }

    fn saw(&self) {
        self.cluster.metrics.saw(&self.resource.to_string());
    }

    /// One watch from this version on, to its end or the time of the next list.
    async fn watch(&self, version: &'static str, from: &mut String, until: Instant) -> Result<(), Failure> {
        let left = until.saturating_duration_since(Instant::now()).as_secs().clamp(5, 290);
        let path = self.resource.list(version);
        let path = format!("{path}watch=true&allowWatchBookmarks=true&resourceVersion={from}&timeoutSeconds={left}");
        let mut body = answer(&self.cluster.client, &path).await?.into_body();
        let mut lines = Lines::default();
        loop {
            let frame = timeout(self.cluster.pace.silence, body.frame()).await;
            let frame = frame.map_err(|_| Failure::Other("the watch fell silent".to_owned()))?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(Failure::from)?;
            lines.push(frame.data_ref().map(AsRef::as_ref).unwrap_or_default())?;
            while let Some(line) = lines.next() {
                self.read(&line, version, from)?;
            }
        }
    }

    fn read(&self, line: &[u8], version: &str, from: &mut String) -> Result<(), Failure> {
        let text = std::str::from_utf8(line).map_err(|error| Failure::Other(error.to_string()))?;
        let at = match wire::line(text, &self.resource, version)? {
            Line::Failed(failure) => return Err(failure),
            Line::Bookmark(at) => at,
            Line::Applied(object, at) => {
                if let Some(object) = *object {
                    self.mends(object.reference())?;
                    self.cluster.note(self.at, |kept| kept.applied(self.at, object));
                }
                at
            }
            Line::Deleted(name, at) => {
                self.mends(&name)?;
                self.cluster.note(self.at, |kept| kept.deleted(self.at, &name));
                at
            }
        };
        self.saw();
        // After a restore of etcd the history goes on from an older version: all may be otherwise.
        let is_older = number(&at).zip(number(from)).is_some_and(|(at, from)| at < from);
        *from = at;
        if is_older { Err(Failure::Gone) } else { Ok(()) }
    }
}

impl Following<'_> {
    /// An error if the write is about an object that could not be read before: the list may be whole again.
    fn mends(&self, name: &ObjectRef) -> Result<(), Failure> {
        let kept = self.cluster.kept();
        let slot = &kept.slots()[self.at];
        let mends = slot.state != State::Ready && !slot.holds(name);
        if mends { Err(Failure::Other("an object that could not be read has changed".to_owned())) } else { Ok(()) }
    }
}

/// A list's version as a number; the API says that versions of one kind can be compared as such.
fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}

/// A tenth more or less, so that replicas do not ask at once.
pub(super) fn jittered(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 200;
    time * u32::try_from(900 + random).unwrap_or(1000) / 1000
}
