//! What goes wrong: counted each time, told once.

use super::pace::Outcome;
use crate::serve::metrics::Metrics;
use std::sync::Arc;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Somebody else has written the object since it was read.
    #[error("somebody else has written it since it was read")]
    Conflict,
    /// There is no entry that could call us, a sentence without its full stop.
    #[error("{0}")]
    Uncalled(String),
    /// Anything else.
    #[error("{what}")]
    Failed {
        /// As the metrics name it.
        step: &'static str,
        /// A sentence without its full stop, for the log.
        what: String,
    },
}

/// What was told last and is not over.
pub(super) struct Troubles {
    metrics: Arc<Metrics>,
    told: Option<String>,
}

impl Troubles {
    pub(super) fn none(metrics: Arc<Metrics>) -> Self {
        Self { metrics, told: None }
    }

    /// Counts what went wrong, and tells it if that is news.
    pub(super) fn tell(&mut self, trouble: Trouble) -> Outcome {
        let (step, what) = match trouble {
            Trouble::Conflict => return Outcome::Lost,
            Trouble::Uncalled(what) => {
                self.metrics.set_trusted(false);
                ("read", what)
            }
            Trouble::Failed { step, what } => (step, what),
        };
        self.metrics.certificate_failed(step);
        if self.told.as_ref() != Some(&what) {
            tracing::error!(why = what, "the certificate cannot be seen to");
            self.told = Some(what);
        }
        Outcome::Failed
    }

    /// All went well.
    pub(super) fn end(&mut self) {
        if self.told.take().is_some() {
            tracing::info!("the certificate is seen to again");
        }
    }
}
