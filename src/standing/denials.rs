//! Refused writes told by Events: a GitOps controller hides what the API server says, and `kubectl describe` of the CR
//! shows it. After the answer, never before it, and never at its cost.

use super::event::{self, Note};
use super::write::Writer;
use crate::admission::Summary;
use crate::finding::Finding;
use crate::serve::metrics::Metrics;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Refusals that wait for their Events; more are dropped and counted.
const WAITING: usize = 64;
/// The same refusal is told once in this time: a controller tries again and again.
const QUIET: Duration = Duration::from_secs(60);
/// Different ones in the same time: whoever may write can be refused as often as they like.
const MOST: usize = 30;

/// A refused write.
#[derive(Clone, Debug)]
pub struct Denied {
    /// The write.
    pub write: Summary,
    /// Why, the first first.
    pub findings: Vec<Finding>,
}

/// Where refusals go.
#[derive(Clone, Debug)]
pub struct Denials {
    sender: mpsc::Sender<Denied>,
    metrics: Arc<Metrics>,
}

impl Denials {
    /// A way for them, and its end for [`follow`].
    pub fn channel(metrics: &Arc<Metrics>) -> (Self, mpsc::Receiver<Denied>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, metrics: Arc::clone(metrics) }, receiver)
    }

    /// Tells one, if there is room.
    pub fn tell(&self, denied: Denied) {
        if self.sender.try_send(denied).is_err() {
            self.metrics.event("dropped");
        }
    }
}

/// Writes them for ever.
pub async fn follow(mut denials: mpsc::Receiver<Denied>, writer: Writer, metrics: Arc<Metrics>) {
    let mut quiet = Quiet::default();
    while let Some(Denied { write, findings }) = denials.recv().await {
        for note in event::refused(&write, &findings) {
            if !quiet.passes(&note, Instant::now()) {
                metrics.event("dropped");
                continue;
            }
            super::follow::counted(&metrics, &note, writer.event(&note).await);
        }
    }
}

/// What was told a short while ago.
#[derive(Debug, Default)]
struct Quiet(BTreeMap<String, Instant>);

impl Quiet {
    fn passes(&mut self, note: &Note, now: Instant) -> bool {
        self.0.retain(|_, told| now < *told + QUIET);
        let passes = self.0.len() < MOST && !self.0.contains_key(&note.name);
        if passes {
            self.0.insert(note.name.clone(), now);
        }
        passes
    }
}
