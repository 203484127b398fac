//! `POST /validate`: a review in, a verdict out.

use super::body::{Arriving, Budget, Read};
use super::judge::{Judge, Live, Reread, today};
use super::limits::Limits;
use super::logs::{self, Bound};
use super::metrics::{Counted, Metrics, WEBHOOK};
use super::phase::Phase;
use super::refusal::Refusal;
use super::telemetry::Telemetry;
use crate::admission::{self, Answer, NotAReview};
use crate::standing::denials::{Denials, Denied};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderMap};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tower_http::catch_panic::CatchPanicLayer;

/// A body of more bytes is judged on a thread of its own, so that no other connection waits for it.
const LARGE: usize = 256 * 1024;
/// How many of those at once: what one is read into can be forty times as large, 40 MiB at most.
const LARGE_AT_ONCE: usize = 1;
/// Lines a second about requests that get no verdict: whoever reaches the port can send as many as they like.
const LINES: u32 = 10;

/// What all requests share.
pub struct Shared {
    /// `None` until the cluster's objects have been read.
    pub judge: watch::Receiver<Option<Arc<Judge>>>,
    /// Whether the server is stopping.
    pub phase: watch::Receiver<Phase>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Reads live what a refusal rests on; `None` where there is nothing to read from.
    pub reread: Option<Reread>,
    telemetry: Option<Telemetry>,
    denials: Option<Denials>,
    unanswered: Bound,
    limits: Limits,
    reviews: Semaphore,
    budget: Budget,
    large: Arc<Semaphore>,
}

impl Shared {
    /// With nothing in flight.
    pub fn new(
        judge: watch::Receiver<Option<Arc<Judge>>>,
        phase: watch::Receiver<Phase>,
        metrics: Arc<Metrics>,
        reread: Option<Reread>,
        limits: Limits,
    ) -> Self {
        let (reviews, budget) = (Semaphore::new(limits.reviews), Budget::of(limits.bodies));
        let (telemetry, denials, unanswered) = (None, None, Bound::new(LINES));
        let large = Arc::new(Semaphore::new(LARGE_AT_ONCE));
        Self { judge, phase, metrics, reread, telemetry, denials, unanswered, limits, reviews, budget, large }
    }

    /// Sending a span of each review.
    #[must_use]
    pub fn with_telemetry(self, telemetry: Option<Telemetry>) -> Self {
        Self { telemetry, ..self }
    }

    /// Telling refused writes.
    #[must_use]
    pub fn with_denials(self, denials: Option<Denials>) -> Self {
        Self { denials, ..self }
    }
}

/// The webhook.
pub fn router(shared: Arc<Shared>) -> Router {
    let metrics = Arc::clone(&shared.metrics);
    let panicked = move |_: Box<dyn std::any::Any + Send>| {
        metrics.panics.inc();
        let response = Refusal::Panicked.response();
        metrics.answered(response.status().as_u16(), Duration::ZERO);
        response
    };
    // Any path and method: what is refused is counted in one place.
    Router::new().fallback(validate).with_state(shared).layer(CatchPanicLayer::custom(panicked))
}

async fn validate(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let arrived = Instant::now();
    let _in_flight = Counted::one(&shared.metrics.in_flight);
    let (head, body) = request.into_parts();
    let peer = head.extensions.get::<SocketAddr>().copied();
    let parent = shared.telemetry.as_ref().map(|telemetry| telemetry.parent(&head.headers));
    let (version, mut body) = (head.version, Arriving::new(body));
    let deadline = Deadline::of(&shared.limits, head.uri.query(), arrived);
    let mut response = match shared.review(&head, &mut body, deadline).await {
        Ok(answer) => {
            let took = arrived.elapsed();
            shared.metrics.reviewed(&answer.summary);
            shared.metrics.answered(StatusCode::OK.as_u16(), took);
            logs::decision(&answer.summary, took);
            shared.denied(&answer);
            if let (Some(telemetry), Some(parent)) = (&shared.telemetry, &parent) {
                telemetry.reviewed(parent, &answer.summary, took);
            }
            let mut response = Response::new(Body::from(answer.bytes));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(refusal) => {
            let waits = head.headers.contains_key(EXPECT) && body.is_awaited();
            drop(head);
            shared.refused(&refusal, peer, arrived.elapsed());
            if !waits {
                body.discard(&shared.limits, deadline.at).await;
            }
            refusal.response()
        }
    };
    // HTTP/2 has no such header: there the connection says so itself.
    let ends = !body.has_ended() || *shared.phase.borrow() != Phase::Serving;
    if version < Version::HTTP_2 && ends {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Until when there must be a verdict.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    /// Since the arrival of the request.
    time: Duration,
}

impl Deadline {
    fn of(limits: &Limits, query: Option<&str>, arrived: Instant) -> Self {
        let time = limits.time(query);
        Self { at: arrived + time, time }
    }
}

impl Shared {
    fn refused(&self, refusal: &Refusal, peer: Option<SocketAddr>, took: Duration) {
        if let Some(reason) = refusal.shed() {
            self.metrics.shed(reason);
        }
        self.metrics.answered(refusal.code(), took);
        match self.unanswered.pass() {
            Some(left_out) => logs::no_verdict(refusal, refusal.code(), peer, left_out),
            None => self.metrics.line_left_out(),
        }
    }

    /// Counts and tells a refused write; what is only tried leaves no trace.
    fn denied(&self, answer: &Answer) {
        let Answer { summary, denied, .. } = answer;
        if denied.is_empty() || summary.dry_run {
            return;
        }
        self.metrics.denied(summary, denied);
        if let Some(denials) = &self.denials {
            denials.tell(Denied { write: summary.clone(), findings: denied.clone() });
        }
    }

    async fn review(&self, head: &Parts, body: &mut Arriving, deadline: Deadline) -> Result<Answer, Refusal> {
        if head.uri.path() != WEBHOOK {
            return Err(Refusal::Path(head.uri.path().to_owned()));
        }
        if head.method != Method::POST {
            return Err(Refusal::Method(head.method.to_string()));
        }
        is_json(&head.headers)?;
        if *self.phase.borrow() == Phase::Draining {
            return Err(Refusal::Stopping);
        }
        let judge = self.judge.borrow().clone().ok_or(Refusal::Unsynced)?;
        let _review = self.reviews.try_acquire().map_err(|_| Refusal::Busy("reviews"))?;
        let read = body.read(&self.limits, &self.budget, deadline.at, deadline.time).await?;
        let work = Work { read: Arc::new(read), judge, deadline };
        let answer = self.answer(&work, Asked::Snapshot).await?;
        match &self.reread {
            Some(reread) if !answer.reread.is_empty() => self.again(reread, work, answer).await,
            _ => Ok(answer),
        }
    }

    /// The verdict on what the objects are now, or the snapshot's with a word about it.
    async fn again(&self, reread: &Reread, work: Work, answer: Answer) -> Result<Answer, Refusal> {
        let left = work.deadline.at.saturating_duration_since(Instant::now()) / 2;
        let time = self.limits.reread.min(left);
        let why = match timeout(time, reread(answer.reread)).await {
            Ok(Ok(live)) => return self.answer(&work, Asked::Live(live)).await,
            Ok(Err(why)) => why,
            Err(_) => format!("the live read took longer than {time:?}"),
        };
        self.metrics.unread();
        tracing::warn!(%why, "live read failed");
        self.answer(&work, Asked::Unread(why)).await
    }

    async fn answer(&self, work: &Work, asked: Asked) -> Result<Answer, Refusal> {
        let answer = if work.body().len() <= LARGE {
            work.answer(asked)
        } else {
            self.answer_elsewhere(work.clone(), asked).await?
        };
        answer.map_err(|error| Refusal::NotAReview { uid: error_uid(&error, work.body()), error })
    }

    async fn answer_elsewhere(&self, work: Work, asked: Asked) -> Result<Result<Answer, NotAReview>, Refusal> {
        let Deadline { at: deadline, time } = work.deadline;
        let permit = timeout_at(deadline, Arc::clone(&self.large).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(Refusal::Busy("large reviews")) };
        let task = tokio::task::spawn_blocking(move || {
            // Held for as long as the work takes, whoever still waits for it.
            let _permit = permit;
            work.answer(asked)
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Tasks are not cancelled; the runtime may be gone.
            Ok(Err(_)) => Err(Refusal::Stopping),
            Err(_) => Err(Refusal::Late(time)),
        }
    }
}

/// A review and what judges it.
#[derive(Clone)]
struct Work {
    /// Shared, for its part of the budget is taken until the last of them has ended.
    read: Arc<Read>,
    judge: Arc<Judge>,
    deadline: Deadline,
}

/// On which world.
enum Asked {
    Snapshot,
    Live(Live),
    Unread(String),
}

impl Work {
    fn body(&self) -> &[u8] {
        &self.read.bytes
    }

    fn answer(&self, asked: Asked) -> Result<Answer, NotAReview> {
        let Judge { world, policy } = &*self.judge;
        match asked {
            Asked::Snapshot => admission::respond(self.body(), world, policy, today()),
            Asked::Unread(why) => admission::respond_unread(self.body(), world, policy, today(), &why),
            Asked::Live(live) => {
                let world = live.into_iter().fold(world.clone(), |world, (name, object)| world.with(&name, object));
                admission::respond(self.body(), &world, policy, today())
            }
        }
    }
}

/// `request.uid`, which some errors know.
fn error_uid(error: &NotAReview, body: &[u8]) -> Option<String> {
    match error {
        NotAReview::Operation { uid, .. } | NotAReview::NoObject { uid, .. } => Some(uid.clone()),
        NotAReview::Json(_) | NotAReview::Kind(_) | NotAReview::NoUid => admission::uid(body),
    }
}

/// Whether the body is JSON as it stands, by its headers.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let kind = text(CONTENT_TYPE);
    let essence = kind.as_deref().and_then(|kind| kind.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::ContentType(kind.unwrap_or_else(|| "not given".to_owned())));
    }
    match text(CONTENT_ENCODING) {
        Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => Err(Refusal::ContentEncoding(encoding)),
        _ => Ok(()),
    }
}
