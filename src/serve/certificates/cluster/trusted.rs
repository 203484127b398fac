//! Whether API servers trust what this replica shows: a metric, and a log line when it is otherwise than before.

use super::Own;
use super::objects::Entry;
use crate::serve::certificates::pair::Cert;
use crate::serve::certificates::trust;
use crate::serve::metrics::Metrics;
use crate::serve::tls::Tls;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// What was last told.
pub(super) struct Trusted {
    metrics: Arc<Metrics>,
    told: Told,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet.
    Nothing,
    Good,
    /// These entries have no bundle.
    Empty(String),
    /// Entries and why.
    Refused(String),
}

/// Why a call by an entry would fail.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    Other(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("its caBundle is empty"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl Trusted {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, told: Told::Nothing }
    }

    /// The certificate that is shown, if there is one, and the entries as they are.
    pub(super) fn judge(&mut self, tls: Option<&Tls>, entries: &[Entry], own: &Own) {
        let Some(tls) = tls else { return self.metrics.set_trusted(false) };
        let now = Timestamp::now().as_second();
        let faults: Vec<_> =
            entries.iter().filter_map(|entry| Some((&entry.name, fault(entry, tls, own, now)?))).collect();
        self.metrics.set_trusted(faults.is_empty());
        let names = || faults.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let new = if faults.is_empty() {
            Told::Good
        } else if faults.iter().all(|(_, fault)| *fault == Fault::Empty) {
            Told::Empty(names())
        } else {
            let all: Vec<_> = faults.iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
            Told::Refused(all.join("; "))
        };
        if new != self.told {
            new.tell();
            self.told = new;
        }
    }
}

impl Told {
    fn tell(&self) {
        match self {
            Self::Nothing => {}
            Self::Good => tracing::info!("API servers trust the certificate"),
            Self::Empty(entries) => {
                tracing::warn!(entries, "the caBundle is empty: nobody has put the certificate's CA there yet");
            }
            Self::Refused(why) => tracing::error!(why, "API servers do not trust the certificate"),
        }
    }
}

fn fault(entry: &Entry, tls: &Tls, own: &Own, now: i64) -> Option<Fault> {
    if !entry.is_ours {
        let Own { namespace, service, .. } = own;
        return Some(Fault::Other(format!("it does not call Service {namespace}/{service}")));
    }
    if entry.bundle.is_empty() {
        return Some(Fault::Empty);
    }
    let all: Result<Vec<_>, _> = Cert::parse_all(&String::from_utf8_lossy(&entry.bundle)).into_iter().collect();
    match all {
        Ok(bundle) => trust::chain_fault(&tls.chain, &bundle, own.names(), now).map(Fault::Other),
        Err(why) => Some(Fault::Other(format!("its caBundle {why}"))),
    }
}
