//! Reading a body within bounds.

use super::limits::Limits;
use super::refusal::Refusal;
use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::Frame;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The unit in which memory for bodies is counted.
const KIB: usize = 1024;
/// For how much of a body that has not come yet room is made.
const PROMISED: usize = 256 * KIB;
/// How much of a body that is refused is read and dropped, as a multiple of the bound.
const DROPPED: usize = 4;
/// For how long, at most.
const DROPPING: Duration = Duration::from_secs(2);

/// Memory for bodies.
#[derive(Debug)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// Of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / KIB)))
    }

    /// A share that grows with the body.
    fn share(&self) -> Share {
        Share { budget: Arc::clone(&self.0), held: None, bytes: 0 }
    }
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
struct Share {
    budget: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Share {
    /// Takes as much more as `bytes` need; `false` if there is not so much.
    fn grow(&mut self, bytes: usize) -> bool {
        let held = self.bytes.div_ceil(KIB);
        self.bytes += bytes;
        let Ok(more) = u32::try_from(self.bytes.div_ceil(KIB) - held) else { return false };
        match (Arc::clone(&self.budget).try_acquire_many_owned(more), &mut self.held) {
            (Err(_), _) => return false,
            (Ok(more), Some(held)) => held.merge(more),
            (Ok(more), held @ None) => *held = Some(more),
        }
        true
    }
}

/// A body that was read, and its share of the budget.
#[derive(Debug)]
pub struct Read {
    /// The bytes.
    pub bytes: Bytes,
    _share: Share,
}

/// A body on its way in.
#[derive(Debug)]
pub struct Arriving {
    body: Body,
    has_begun: bool,
    has_ended: bool,
}

impl Arriving {
    /// Nothing of it has been read.
    pub fn new(body: Body) -> Self {
        let has_ended = body.is_end_stream();
        Self { body, has_begun: false, has_ended }
    }

    /// Whether all of it has been read: if not, the connection cannot go on to another request.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The next bytes; `None` at its end.
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        self.has_begun = true;
        loop {
            match self.body.frame().await.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => {
                    self.has_ended = self.body.is_end_stream();
                    return Some(Ok(data));
                }
                // Trailers.
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.has_ended = true;
                    return None;
                }
            }
        }
    }

    /// Reads it until `deadline`, which is `time` after the request's arrival.
    pub async fn read(
        &mut self,
        limits: &Limits,
        budget: &Budget,
        deadline: Instant,
        time: Duration,
    ) -> Result<Read, Refusal> {
        // Content-Length tells it before a byte is read.
        if self.body.size_hint().lower() > limits.body as u64 {
            return Err(Refusal::TooLarge(limits.body));
        }
        let mut share = budget.share();
        let (mut first, mut all) = (Bytes::new(), Vec::new());
        while let Some(data) = timeout_at(deadline, self.next()).await.map_err(|_| Refusal::Slow(time))? {
            let data = data.map_err(|error| Refusal::BrokenOff(error.to_string()))?;
            if share.bytes + data.len() > limits.body {
                return Err(Refusal::TooLarge(limits.body));
            }
            if !share.grow(data.len()) {
                return Err(Refusal::Busy("bytes"));
            }
            // A small body comes in one piece, and is not copied.
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                if all.is_empty() {
                    // One copy, and no other with each doubling; what is only promised is believed up to a point.
                    let rest = usize::try_from(self.body.size_hint().lower()).unwrap_or(PROMISED).min(PROMISED);
                    all.reserve_exact(first.len() + data.len() + rest);
                }
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
            }
        }
        let bytes = if all.is_empty() { first } else { Bytes::from(all) };
        Ok(Read { bytes, _share: share })
    }

    /// Reads on without keeping anything, for a while: as long as a client sends, it does not listen, and bytes that nobody
    /// reads would make the system reset the connection, answer and all.
    pub async fn discard(&mut self, limits: &Limits, deadline: Instant) {
        let reading = async {
            let mut left = limits.body * DROPPED;
            while let Some(Ok(data)) = self.next().await {
                left = left.saturating_sub(data.len());
                if left == 0 {
                    break;
                }
            }
        };
        // Whether it ended or was given up: what follows is the same answer.
        let _ = timeout_at(deadline.min(Instant::now() + DROPPING), reading).await;
    }

    /// Whether a client that waits for leave to send (`Expect: 100-continue`) would still get it by reading.
    pub fn is_awaited(&self) -> bool {
        !self.has_begun
    }
}
