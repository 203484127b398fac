//! What a connection is doing, and which one makes room if there are too many.

use super::limits::Limits;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

/// A body that is younger than this may well be on its way.
const YOUNG: Duration = Duration::from_secs(1);
/// Between two looks for a connection that can make room.
const LOOK: Duration = Duration::from_millis(100);

/// What a connection is doing; the first make room before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It has not sent a request yet.
    New,
    /// Its requests are answered.
    Idle,
    /// Its requests are still coming in.
    Sending,
    /// At least one request is being judged.
    Judged,
}

/// When a connection was last of use.
pub(super) struct Activity {
    limits: Limits,
    peer: IpAddr,
    opened: Instant,
    state: Mutex<State>,
    asked: watch::Sender<bool>,
    evicted: Notify,
}

struct State {
    in_flight: usize,
    /// Those of them whose body has not arrived.
    sending: usize,
    /// When `in_flight` changed last.
    since: Instant,
}

impl Activity {
    fn new(limits: Limits, peer: IpAddr) -> Self {
        let opened = Instant::now();
        let state = State { in_flight: 0, sending: 0, since: opened };
        Self {
            limits,
            peer,
            opened,
            state: Mutex::new(state),
            asked: watch::Sender::new(false),
            evicted: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the head of a request has arrived.
    pub(super) fn has_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until it has.
    pub(super) async fn asked(&self) {
        // The sender is here as long as this runs.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Waits until another connection needs its place.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.state().in_flight > 0
    }

    /// How long a handshake may take.
    pub(super) fn handshake(&self) -> Duration {
        self.limits.handshake
    }

    /// When the connection will have been idle for too long, and what for.
    pub(super) fn patience(&self) -> (Instant, &'static str) {
        if !self.has_asked() {
            return (self.opened + self.limits.handshake + self.limits.first_request, "first-request");
        }
        let state = self.state();
        let since = if state.in_flight > 0 { Instant::now() } else { state.since };
        (since + self.limits.idle, "idle")
    }

    /// A request whose head has arrived, and its body.
    pub(super) fn begin(self: &Arc<Self>, body: Incoming) -> (Asking, Sent) {
        let mut state = self.state();
        state.in_flight += 1;
        state.sending += 1;
        state.since = Instant::now();
        self.asked.send_if_modified(|asked| !std::mem::replace(asked, true));
        drop(state);
        let mut sent = Sent { body, activity: Some(Arc::clone(self)) };
        sent.note_end();
        (Asking(Arc::clone(self)), sent)
    }

    /// What it is doing, since when, and whether it may be ended for that.
    fn standing(&self) -> (Standing, Instant, bool) {
        let state = self.state();
        let standing = match (state.in_flight, state.sending) {
            _ if !self.has_asked() => Standing::New,
            (0, _) => Standing::Idle,
            (in_flight, sending) if in_flight == sending => Standing::Sending,
            _ => Standing::Judged,
        };
        let of_use = standing > Standing::Sending || (standing == Standing::Sending && state.since.elapsed() <= YOUNG);
        (standing, state.since, !of_use)
    }
}

/// A request in flight on a connection.
pub(super) struct Asking(Arc<Activity>);

impl Drop for Asking {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        state.since = Instant::now();
    }
}

/// A body that tells the connection's [`Activity`] when it has arrived.
pub(super) struct Sent {
    body: Incoming,
    /// `None` once told.
    activity: Option<Arc<Activity>>,
}

impl Sent {
    fn note_end(&mut self) {
        if self.body.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(activity) = self.activity.take() {
            activity.state().sending -= 1;
        }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.end();
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.end();
        } else {
            self.note_end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The open connections of a listener, and room for so many.
pub(super) struct Places {
    most: usize,
    free: Arc<Semaphore>,
    taken: Vec<Weak<Activity>>,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, free: Arc::new(Semaphore::new(most)), taken: Vec::new() }
    }

    /// A place. If none is free, the connection that is the least loss makes room: clients that only connect, or dawdle,
    /// do not keep out those that ask.
    pub(super) async fn take(&mut self, limits: &Limits, peer: IpAddr) -> (OwnedSemaphorePermit, Arc<Activity>) {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                break place;
            }
            self.evict();
            // The semaphore is never closed.
            if let Ok(Ok(place)) = timeout(LOOK, Arc::clone(&self.free).acquire_owned()).await {
                break place;
            }
        };
        if self.taken.len() >= 2 * self.most {
            self.taken.retain(|activity| activity.strong_count() > 0);
        }
        let activity = Arc::new(Activity::new(limits.clone(), peer.to_canonical()));
        self.taken.push(Arc::downgrade(&activity));
        (place, activity)
    }

    /// Ends a connection of the address that has the most of them, so that one client does not push out the others: its
    /// oldest of the lowest standing, but none that is of use.
    pub(super) fn evict(&mut self) {
        self.taken.retain(|activity| activity.strong_count() > 0);
        let open = || self.taken.iter().enumerate().filter_map(|(at, activity)| Some((at, activity.upgrade()?)));
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        open().for_each(|(_, activity)| *counts.entry(activity.peer).or_default() += 1);
        let ranked = open().filter_map(|(at, activity)| {
            let (standing, since, may_end) = activity.standing();
            may_end.then_some((Reverse(counts[&activity.peer]), standing, since, at, activity))
        });
        let least = ranked.min_by_key(|(count, standing, since, at, _)| (*count, *standing, *since, *at));
        if let Some((.., at, activity)) = least {
            self.taken.swap_remove(at);
            activity.evicted.notify_one();
        }
    }
}
