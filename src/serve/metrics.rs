//! What is counted and measured; docs/metrics.md has the table.

mod labels;

use crate::admission::Summary;
use crate::finding::Finding;
use crate::sources::SOURCES;
use crate::watch::kept::State;
use labels::{Certificate, Code, Denial, Outcome, Plain, Reason, Reload, Review, Rule, Source, Standing, Step};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The path of the reviews, which is controller-runtime's label for a webhook.
pub const WEBHOOK: &str = "/validate";

/// The certificate among what is reloaded: its readings are counted under controller-runtime's names, too.
pub const CERTIFICATE: &str = "certificate";

/// Upper bounds in seconds: a review takes tens of microseconds, the API server waits for seconds.
const BUCKETS: [f64; 12] = [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0, 5.0];

/// One more of what is going on, until it is dropped, whichever way it ends.
#[derive(Debug)]
pub struct Counted<'m>(&'m Gauge);

impl<'m> Counted<'m> {
    /// Counts one from now on.
    pub fn one(gauge: &'m Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Code, Counter>,
    latency: Histogram,
    /// Reviews that are being answered.
    pub in_flight: Gauge,
    /// Defects that were caught.
    pub panics: Counter,
    /// Readings of certificate and key.
    pub certificate_reads: Counter,
    /// Those that failed.
    pub certificate_errors: Counter,
    reviews: Family<Review, Counter>,
    given: Family<Rule, Counter>,
    findings: Family<Standing, Gauge>,
    denials: Family<Denial, Counter>,
    denied: Mutex<Namespaces>,
    events: Family<Outcome, Counter>,
    age: Gauge<f64, AtomicU64>,
    sources: Family<Source, Gauge>,
    expiry: Family<Certificate, Gauge>,
    /// Without a series as long as nobody has looked.
    trusted: Family<Plain, Gauge>,
    certificate_failures: Family<Step, Counter>,
    /// Open connections.
    pub connections: Gauge,
    handshakes: Family<Reason, Counter>,
    ended: Family<Reason, Counter>,
    shed: Family<Reason, Counter>,
    reloads: Family<Reload, Counter>,
    unread: Counter,
    left_out: Counter,
    spans: Family<Outcome, Counter>,
    seen: Mutex<BTreeMap<String, Instant>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let latency = Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            latency,
            in_flight: Gauge::default(),
            panics: Counter::default(),
            certificate_reads: Counter::default(),
            certificate_errors: Counter::default(),
            reviews: Family::default(),
            given: Family::default(),
            findings: Family::default(),
            denials: Family::default(),
            denied: Mutex::default(),
            events: Family::default(),
            age: Gauge::default(),
            sources: Family::default(),
            expiry: Family::default(),
            trusted: Family::default(),
            certificate_failures: Family::default(),
            connections: Gauge::default(),
            handshakes: Family::default(),
            ended: Family::default(),
            shed: Family::default(),
            reloads: Family::default(),
            unread: Counter::default(),
            left_out: Counter::default(),
            spans: Family::default(),
            seen: Mutex::default(),
        };
        metrics.register_shared();
        metrics.register_own();
        metrics
    }
}

impl Metrics {
    /// Those that controller-runtime has, under its names (pkg/webhook/internal/metrics, pkg/certwatcher/metrics).
    fn register_shared(&mut self) {
        let webhook = [("webhook".into(), WEBHOOK.into())];
        let registry = self.registry.sub_registry_with_prefix("controller_runtime_webhook");
        registry.register("requests", "Requests by HTTP status", self.requests.clone());
        registry.register("panics", "Defects that were caught while answering", self.panics.clone());
        let registry = registry.sub_registry_with_labels(webhook.into_iter());
        registry.register("latency_seconds", "Time to answer a request", self.latency.clone());
        registry.register("requests_in_flight", "Requests being answered", self.in_flight.clone());
        let registry = self.registry.sub_registry_with_prefix("certwatcher_read");
        registry.register("certificate", "Readings of certificate and key", self.certificate_reads.clone());
        registry.register(
            "certificate_errors",
            "Readings of certificate and key that failed",
            self.certificate_errors.clone(),
        );
    }

    fn register_own(&mut self) {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let registry = self.registry.sub_registry_with_prefix("kubevirt_preflight");
        registry.register("build", "Version of the program", version);
        registry.register("reviews", "Reviews by kind, operation and verdict", self.reviews.clone());
        registry.register("review_findings", "Findings in answers, by rule and verdict", self.given.clone());
        registry.register("findings", "Findings on what exists", self.findings.clone());
        registry.register("denials", "Refused writes, by rule and object written", self.denials.clone());
        registry.register("events", "Events of the cluster, by what became of them", self.events.clone());
        registry.register("world_age_seconds", "Time since the cluster's state was last known good", self.age.clone());
        registry.register("source", "1 for the state that a source of facts is in", self.sources.clone());
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "Unix time of the end of a certificate",
            self.expiry.clone(),
        );
        registry.register("certificate_trusted", "1 if API servers trust the certificate", self.trusted.clone());
        registry.register(
            "certificate_failures",
            "What failed in seeing to the certificate in the cluster",
            self.certificate_failures.clone(),
        );
        registry.register("connections", "Open connections to the webhook", self.connections.clone());
        registry.register("handshake_failures", "TLS handshakes that failed", self.handshakes.clone());
        registry.register("connections_ended", "Connections that the server ended", self.ended.clone());
        registry.register("shed", "Requests told to come again", self.shed.clone());
        registry.register("reloads", "Files read anew, by result", self.reloads.clone());
        registry.register(
            "live_read_failures",
            "Verdicts on the snapshot, for a live read failed",
            self.unread.clone(),
        );
        let registry = self.registry.sub_registry_with_prefix("kubevirt_preflight");
        registry.register(
            "log_lines_left_out",
            "Lines on requests without a verdict that were too many",
            self.left_out.clone(),
        );
        registry.register("spans", "Spans for the OpenTelemetry collector, by what became of them", self.spans.clone());
    }

    /// A request that was answered with this HTTP status, so long after its arrival.
    pub fn answered(&self, code: u16, took: Duration) {
        self.requests.get_or_create(&Code { webhook: WEBHOOK, code }).inc();
        self.latency.observe(took.as_secs_f64());
    }

    /// A verdict.
    pub fn reviewed(&self, summary: &Summary) {
        let verdict = summary.verdict.word();
        let operation = ["CREATE", "UPDATE", "DELETE"].into_iter().find(|known| *known == summary.operation);
        let labels = Review { kind: known_kind(&summary.kind), operation: operation.unwrap_or("other"), verdict };
        self.reviews.get_or_create(&labels).inc();
        for rule in &summary.rules {
            self.given.get_or_create(&Rule { rule, verdict }).inc();
        }
    }

    /// A write that was refused for these findings, and is not a dry run.
    pub fn denied(&self, write: &Summary, findings: &[Finding]) {
        let mut known = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let namespace = known.label(write.namespace.as_deref());
        drop(known);
        for rule in findings.iter().map(|finding| finding.rule).collect::<BTreeSet<_>>() {
            let labels = Denial { rule, kind: known_kind(&write.kind), namespace: namespace.clone() };
            self.denials.get_or_create(&labels).inc();
        }
    }

    /// An Event that was `written`, has `failed` or was `dropped`.
    pub fn event(&self, result: &'static str) {
        self.events.get_or_create(&Outcome { result }).inc();
    }

    /// A verdict that stands on the snapshot because a live read failed.
    pub fn unread(&self) {
        self.unread.inc();
    }

    /// A line about a request without a verdict that was not written.
    pub fn line_left_out(&self) {
        self.left_out.inc();
    }

    /// Spans that were `made`, `sent` or `failed`.
    pub fn spans(&self, result: &'static str, count: u64) {
        self.spans.get_or_create(&Outcome { result }).inc_by(count);
    }

    /// A request that was told to come again.
    pub fn shed(&self, reason: &'static str) {
        self.shed.get_or_create(&Reason { reason }).inc();
    }

    /// A handshake that failed.
    pub fn handshake_failed(&self, reason: &'static str) {
        self.handshakes.get_or_create(&Reason { reason }).inc();
    }

    /// A connection that the server ended.
    pub fn connection_ended(&self, reason: &'static str) {
        self.ended.get_or_create(&Reason { reason }).inc();
    }

    /// The findings on what exists; those that ended are gone.
    pub fn set_findings(&self, findings: &[Finding]) {
        let mut known = Namespaces::default();
        self.findings.clear();
        for Finding { rule, level, object, .. } in findings {
            let (level, namespace) = (level.to_string(), known.label(object.namespace.as_deref()));
            self.findings.get_or_create(&Standing { rule, level, kind: known_kind(&object.kind), namespace }).inc();
        }
    }

    /// A file was read anew.
    pub fn reloaded(&self, what: &'static str, well: bool) {
        let result = if well { "ok" } else { "error" };
        self.reloads.get_or_create(&Reload { what, result }).inc();
        if what == CERTIFICATE {
            self.certificate_reads.inc();
            self.certificate_errors.inc_by(u64::from(!well));
        }
    }

    /// The state of a source of facts: 1 for `state`, 0 for the others.
    pub fn set_source(&self, source: &str, state: &'static str) {
        for known in State::WORDS {
            let labels = Source { source: source.to_owned(), state: known };
            self.sources.get_or_create(&labels).set(i64::from(known == state));
        }
    }

    /// The source was seen to be as it is known.
    pub fn saw(&self, source: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get_mut(source) {
            Some(at) => *at = Instant::now(),
            None => drop(seen.insert(source.to_owned(), Instant::now())),
        }
    }

    /// Unix time of the end of a certificate, `leaf` or `ca`; `None` if it is not known.
    pub fn set_expiry(&self, certificate: &'static str, at: Option<i64>) {
        let labels = Certificate { certificate };
        match at {
            Some(at) => drop(self.expiry.get_or_create(&labels).set(at)),
            None => drop(self.expiry.remove(&labels)),
        }
    }

    /// Whether API servers trust the certificate that is shown, by the webhook configuration as it was last read.
    pub fn set_trusted(&self, trusted: bool) {
        self.trusted.get_or_create(&Plain {}).set(i64::from(trusted));
    }

    /// To `read`, `issue`, `write`, `publish` or `show` a certificate of the cluster failed.
    pub fn certificate_failed(&self, step: &'static str) {
        self.certificate_failures.get_or_create(&Step { step }).inc();
    }

    /// All metrics in the OpenMetrics text format 1.0.
    pub fn text(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = seen.values().map(Instant::elapsed).max().unwrap_or_default();
        drop(seen);
        self.age.set(oldest.as_secs_f64());
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// The namespaces that are told apart: a label must not grow without end.
#[derive(Debug, Default)]
struct Namespaces(BTreeSet<String>);

impl Namespaces {
    /// More different ones are `other`.
    const MOST: usize = 100;

    fn label(&mut self, namespace: Option<&str>) -> String {
        let namespace = namespace.unwrap_or_default();
        if self.0.len() >= Self::MOST && !self.0.contains(namespace) {
            return "other".to_owned();
        }
        self.0.insert(namespace.to_owned());
        namespace.to_owned()
    }
}

/// The kind if it is one that is judged or read: a label must not grow with what clients send.
fn known_kind(kind: &str) -> &'static str {
    const JUDGED: [&str; 3] = ["KubeVirt", "HyperConverged", "NetworkAttachmentDefinition"];
    let read = SOURCES.iter().flat_map(|source| source.reads).map(|reads| reads.kind);
    JUDGED.into_iter().chain(read).find(|known| *known == kind).unwrap_or("other")
}
