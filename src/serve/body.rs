//! Reading a body within bounds.

use super::limits::Limits;
use super::refusal::Refusal;
use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The unit in which memory for bodies is counted.
const KIB: usize = 1024;
/// How much of a body that is too large is read and dropped, so that the client gets to hear of it: as long as it sends,
/// it does not listen.
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

/// Reads the body until `deadline`, which is `time` after the request's arrival.
pub async fn read(
    mut body: Body,
    limits: &Limits,
    budget: &Budget,
    deadline: Instant,
    time: Duration,
) -> Result<Read, Refusal> {
    let mut share = budget.share();
    let (mut first, mut all) = (Bytes::new(), Vec::new());
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| Refusal::Slow(time))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Refusal::BrokenOff(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if share.bytes + data.len() > limits.body {
            drop((first, all));
            discard(body, limits.body * DROPPED).await;
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
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    let bytes = if all.is_empty() { first } else { Bytes::from(all) };
    Ok(Read { bytes, _share: share })
}

/// Reads on without keeping anything.
async fn discard(mut body: Body, limit: usize) {
    let reading = async {
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(size);
            if left == 0 {
                break;
            }
        }
    };
    // Whether it ended or was given up: what follows is the same answer.
    let _ = tokio::time::timeout(DROPPING, reading).await;
}
