//! The loop: reviews each new state of the cluster, and each new day, and tells what stands.

use super::event::{self, Note};
use super::report::ReportKind;
use super::state::Standing;
use super::write::{Writer, Wrote};
use crate::finding::Finding;
use crate::review::review;
use crate::serve::judge::{Judge, today};
use crate::serve::metrics::Metrics;
use crate::watch::client::Failure;
use jiff::civil::Date;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::sleep_until;

/// Changes come in crowds, and nobody waits for an audit: after one, so long until the next.
const DEBOUNCE: Duration = Duration::from_secs(1);
/// Events written before the world is looked at again.
const AT_ONCE: usize = 50;
/// The report is written again, for whoever has changed or deleted it.
const RENEW: Duration = Duration::from_secs(30 * 60);
/// A report that could not be written, for example because its kind is not installed, is tried again.
const RETRY: Duration = Duration::from_secs(5 * 60);
/// How often the day is looked at.
const DAY: Duration = Duration::from_secs(60);

/// What is told where.
pub struct Audit {
    /// What is reviewed.
    pub judge: watch::Receiver<Option<Arc<Judge>>>,
    /// Where findings are counted.
    pub metrics: Arc<Metrics>,
    /// Writes Events, if they are on.
    pub events: Option<Writer>,
    /// Writes the report, if there is to be one.
    pub report: Option<(ReportKind, Writer)>,
}

/// What was told of the report.
#[derive(Debug, Default)]
struct Reported {
    body: Option<String>,
    due: Option<Instant>,
    failure: Option<Failure>,
}

/// What was reviewed, and what stands.
#[derive(Debug)]
struct Last {
    at: Instant,
    day: Date,
    findings: Vec<Finding>,
}

impl Audit {
    /// Audits for ever.
    pub async fn follow(mut self) {
        let (mut state, mut reported, mut last) = (Standing::default(), Reported::default(), None);
        let mut failing = false;
        loop {
            let judge = self.judge.borrow_and_update().clone();
            let is_new = self.look(judge, &mut state, &mut last).await;
            if let Some(last) = last.as_ref() {
                if is_new {
                    self.metrics.set_findings(&last.findings);
                    if self.events.is_some() {
                        state.tell(event::standing(&last.findings), Instant::now());
                    }
                }
                self.write(&mut state, &mut failing).await;
                self.report(&last.findings, &mut reported).await;
            }
            if !self.wait(&state, &reported, &mut last).await {
                return;
            }
        }
    }

    /// Reviews the world if it, the day, or what is missing may be another; whether it did.
    async fn look(&self, judge: Option<Arc<Judge>>, state: &mut Standing, last: &mut Option<Last>) -> bool {
        let (Some(judge), now, day) = (judge, Instant::now(), today()) else { return false };
        if last.as_ref().is_some_and(|last| last.day == day && !state.has_aged(last.at, now)) {
            return false;
        }
        let reviewed = Arc::clone(&judge);
        // Tens of milliseconds on a large cluster, and requests are answered on these threads.
        let task = tokio::task::spawn_blocking(move || {
            let at_rest = review(&reviewed.world.at_rest(), &reviewed.policy, day).findings;
            let unseen = review(&reviewed.world, &reviewed.policy, day).findings;
            (at_rest, unseen)
        });
        let Ok((at_rest, unseen)) = task.await else {
            tracing::error!("the audit failed by a defect of kubevirt-preflight; what it told last stays");
            return false;
        };
        *last = Some(Last { at: now, day, findings: state.settle(at_rest, unseen, now) });
        true
    }

    async fn write(&self, state: &mut Standing, failing: &mut bool) {
        let Some(writer) = &self.events else { return };
        for note in state.due(AT_ONCE, Instant::now()) {
            let wrote = writer.event(&note).await;
            counted(&self.metrics, &note, wrote.clone());
            match wrote {
                Ok(wrote) => {
                    let ago = if let Wrote::Already(ago) = wrote { ago } else { Duration::ZERO };
                    state.wrote(&note, ago, Instant::now());
                    *failing = false;
                }
                Err(failure) => {
                    if !std::mem::replace(failing, true) {
                        tracing::warn!(event = note.name, %failure, "Events cannot be written; tried again");
                    }
                    state.failed(&note, Instant::now());
                }
            }
        }
    }

    async fn report(&self, findings: &[Finding], reported: &mut Reported) {
        let Some((kind, writer)) = &self.report else { return };
        let (body, now) = (kind.body(findings), Instant::now());
        let text = body.to_string();
        // After a failure only time helps.
        let is_due = reported.due.is_none_or(|due| due <= now);
        let is_new = reported.failure.is_none() && reported.body.as_ref() != Some(&text);
        if !is_due && !is_new {
            return;
        }
        match writer.apply(&kind.path(), &body).await {
            Ok(()) => {
                if reported.failure.is_some() {
                    tracing::info!("the report is written again");
                }
                *reported = Reported { body: Some(text), due: Some(now + RENEW), failure: None };
            }
            Err(failure) => {
                if reported.failure.as_ref() != Some(&failure) {
                    let (path, hint) = (kind.path(), hint(&failure));
                    tracing::warn!(path, %failure, "the report cannot be written; {hint}");
                }
                *reported = Reported { body: None, due: Some(now + RETRY), failure: Some(failure) };
            }
        }
    }

    /// Until there may be something to do; `false` if there is no more to come.
    async fn wait(&mut self, state: &Standing, reported: &Reported, last: &mut Option<Last>) -> bool {
        let now = Instant::now();
        let again = if self.events.is_some() || last.is_some() { state.again(now) } else { None };
        let next = [again, reported.due].into_iter().flatten().fold(now + DAY, Instant::min);
        tokio::select! {
            changed = self.judge.changed() => {
                if changed.is_err() {
                    return false;
                }
                if last.take().is_some() {
                    tokio::time::sleep(DEBOUNCE).await;
                }
            }
            () = sleep_until(next.into()) => {}
        }
        true
    }
}

fn hint(failure: &Failure) -> &'static str {
    match failure {
        Failure::NotFound => "install the CustomResourceDefinition of its kind, or leave out --report",
        Failure::Forbidden(_) => "grant create and patch of it, or leave out --report",
        _ => "tried again every five minutes",
    }
}

/// Counts what became of an Event.
pub(super) fn counted(metrics: &Metrics, note: &Note, wrote: Result<Wrote, Failure>) {
    match wrote {
        Ok(Wrote::New) => metrics.event("written"),
        Ok(Wrote::Already(_) | Wrote::Nothing) => {}
        Err(failure) => {
            metrics.event("failed");
            tracing::debug!(event = note.name, %failure, "an Event was not written");
        }
    }
}
