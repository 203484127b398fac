//! One list followed for ever: found by discovery, listed page by page, watched, and listed again.

use super::client::{Failure, get};
use super::kept::{Kept, State};
use super::pace::Pace;
use super::resource::Resource;
use super::wire::{self, Line, Reading};
use crate::place::ObjectRef;
use crate::serve::metrics::Metrics;
use axum::http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Objects of a page; what a page is read into is dropped before the next.
const PAGE: usize = 100;
/// Bytes of a page. A page that is larger is asked for again with fewer objects; one object is 3 MiB at most.
const PAGE_BYTES: usize = 16 << 20;
/// Bytes of a line of a watch.
const LINE_BYTES: usize = 16 << 20;
/// For a page, or the beginning of a watch.
const ANSWER: Duration = Duration::from_secs(30);
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

    async fn follow_one(&self, at: usize) {
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
    cluster: &'c Cluster,
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
        let list = list(&self.cluster.client, &self.resource, version, wire::object).await?;
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

/// A whole list.
pub(super) struct List<T> {
    pub(super) objects: Vec<T>,
    pub(super) unread: Vec<String>,
    pub(super) version: String,
}

/// Reads a list, page by page, each object by `reading`.
pub(super) async fn list<T>(
    client: &Client,
    resource: &Resource,
    version: &str,
    reading: Reading<T>,
) -> Result<List<T>, Failure> {
    let mut list = List { objects: Vec::new(), unread: Vec::new(), version: String::new() };
    let (mut next, mut limit) = (String::new(), PAGE);
    loop {
        let path = format!("{}limit={limit}{next}", resource.list(version));
        let body = Limited::new(answer(client, &path).await?.into_body(), PAGE_BYTES);
        let bytes = match timeout(ANSWER, body.collect()).await {
            Ok(Ok(bytes)) => bytes.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() && limit > 1 => {
                limit = (limit / 8).max(1);
                continue;
            }
            Ok(Err(error)) => return Err(Failure::Other(error.to_string())),
            Err(_) => return Err(Failure::Other(format!("a page took longer than {ANSWER:?}"))),
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| Failure::Other(error.to_string()))?;
        let page = wire::page(text, resource, version, reading)?;
        list.objects.extend(page.objects);
        list.unread.extend(page.unread);
        match page.next {
            Some(token) => next = format!("&continue={}", escaped(&token)),
            None => return Ok(List { version: page.version, ..list }),
        }
    }
}

/// The first of the resource's versions that the cluster serves it in.
pub(super) async fn served(client: &Client, resource: &Resource) -> Result<Option<&'static str>, Failure> {
    #[derive(Deserialize)]
    struct Served {
        name: String,
    }
    #[derive(Deserialize)]
    struct Group {
        #[serde(default)]
        resources: Vec<Served>,
    }
    for version in resource.versions {
        let body = match answer(client, &resource.root(version)).await {
            Ok(response) => Limited::new(response.into_body(), PAGE_BYTES),
            Err(Failure::NotFound) => continue,
            Err(failure) => return Err(failure),
        };
        let bytes = timeout(ANSWER, body.collect()).await.map_err(|error| Failure::Other(error.to_string()))?;
        let bytes = bytes.map_err(|error| Failure::Other(error.to_string()))?.to_bytes();
        let group: Group = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::Other(format!("the API server's answer cannot be read: {error}")))?;
        if group.resources.iter().any(|served| served.name == resource.plural) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The answer to a GET, if it is a success.
pub(super) async fn answer(client: &Client, path: &str) -> Result<Response<Body>, Failure> {
    answer_to(client, get(path)?.map(Body::from)).await
}

/// The answer to this request, if it is a success.
pub(crate) async fn answer_to(client: &Client, request: Request<Body>) -> Result<Response<Body>, Failure> {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        message: String,
    }
    let sent = timeout(ANSWER, client.send(request)).await;
    let response = sent.map_err(|_| Failure::Other(format!("no answer within {ANSWER:?}")))?.map_err(Failure::from)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = timeout(ANSWER, Limited::new(response.into_body(), 1 << 20).collect()).await;
    let body = body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let said = serde_json::from_slice::<Status>(&body).map(|status| status.message).unwrap_or_default();
    Err(Failure::of(status.as_u16(), &said))
}

/// Bytes cut into lines.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Up to here there is no end of a line.
    seen: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > LINE_BYTES {
            return Err(Failure::Other(format!("a line of the watch is longer than {LINE_BYTES} bytes")));
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let Some(end) = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let rest = self.bytes.split_off(self.seen + end + 1);
        self.seen = 0;
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

/// A list's version as a number; the API says that versions of one kind can be compared as such.
fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}

fn escaped(token: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    token.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A tenth more or less, so that replicas do not ask at once.
pub(super) fn jittered(time: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 200;
    time * u32::try_from(900 + random).unwrap_or(1000) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_arrive() {
        let text = b"{\"a\":1}\n\n{\"b\":\n";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut all = Vec::new();
            for part in text.chunks(size) {
                lines.push(part).unwrap();
                all.extend(std::iter::from_fn(|| lines.next()));
            }
            assert_eq!(all.concat(), text, "{size}");
            assert_eq!(all.len(), 3);
        }
    }

    #[test]
    fn a_token_is_safe_in_a_query() {
        assert_eq!(escaped("aB-_.~+/="), "aB-_.~%2B%2F%3D");
    }
}
