//! `POST /validate`: a review in, a verdict out.

use super::body::{self, Budget};
use super::judge::{Judge, Live, Reread, today};
use super::limits::Limits;
use super::logs::{self, Bound};
use super::metrics::{Metrics, WEBHOOK};
use super::phase::Phase;
use super::refusal::Refusal;
use super::telemetry::Telemetry;
use crate::admission::{self, Answer, NotAReview};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderValue, Method, Request, Response, Version};
use axum::routing::any;
use prometheus_client::metrics::gauge::Gauge;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tower_http::catch_panic::CatchPanicLayer;

/// A body of more bytes is judged on a thread of its own, so that no other connection waits for it.
const LARGE: usize = 256 * 1024;
/// How many of those at once: what they are read into is larger than they are.
const LARGE_AT_ONCE: usize = 2;
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
        let (telemetry, unanswered) = (None, Bound::new(LINES));
        let large = Arc::new(Semaphore::new(LARGE_AT_ONCE));
        Self { judge, phase, metrics, reread, telemetry, unanswered, limits, reviews, budget, large }
    }

    /// Sending a span of each review.
    #[must_use]
    pub fn with_telemetry(self, telemetry: Option<Telemetry>) -> Self {
        Self { telemetry, ..self }
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
    // Any method: what is refused is counted in one place.
    Router::new().route(WEBHOOK, any(validate)).with_state(shared).layer(CatchPanicLayer::custom(panicked))
}

/// Counts what is in flight, whichever way it ends.
struct InFlight<'m>(&'m Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn validate(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let arrived = Instant::now();
    shared.metrics.in_flight.inc();
    let _in_flight = InFlight(&shared.metrics.in_flight);
    let (version, peer) = (request.version(), request.extensions().get::<SocketAddr>().copied());
    let parent = shared.telemetry.as_ref().map(|telemetry| telemetry.parent(request.headers()));
    let result = shared.review(request, arrived).await;
    let took = arrived.elapsed();
    let mut response = match result {
        Ok(answer) => {
            shared.metrics.reviewed(&answer.summary);
            logs::decision(&answer.summary, took);
            if let (Some(telemetry), Some(parent)) = (&shared.telemetry, &parent) {
                telemetry.reviewed(parent, &answer.summary, took);
            }
            let mut response = Response::new(Body::from(answer.bytes));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(refusal) => {
            if let Some(reason) = refusal.shed() {
                shared.metrics.shed(reason);
            }
            let response = refusal.response();
            match shared.unanswered.pass() {
                Some(left_out) => logs::no_verdict(&refusal, response.status().as_u16(), peer, left_out),
                None => shared.metrics.line_left_out(),
            }
            response
        }
    };
    shared.metrics.answered(response.status().as_u16(), took);
    // HTTP/2 has no such header: there the connection says so itself.
    if version < Version::HTTP_2 && *shared.phase.borrow() != Phase::Serving {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    } else if version >= Version::HTTP_2 {
        response.headers_mut().remove(CONNECTION);
    }
    response
}

impl Shared {
    async fn review(&self, request: Request<Body>, arrived: Instant) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(Refusal::Method(head.method.to_string()));
        }
        is_json(&head.headers)?;
        if *self.phase.borrow() == Phase::Draining {
            return Err(Refusal::Stopping);
        }
        let judge = self.judge.borrow().clone().ok_or(Refusal::Unsynced)?;
        let _review = self.reviews.try_acquire().map_err(|_| Refusal::Busy("reviews"))?;
        let time = self.limits.time(head.uri.query());
        let deadline = arrived + time;
        let body = body::read(body, &self.limits, &self.budget, deadline, time).await?;
        let work = Work { body: body.bytes.clone(), judge, deadline, time };
        let answer = self.answer(&work, Asked::Snapshot).await?;
        match &self.reread {
            Some(reread) if !answer.reread.is_empty() => self.again(reread, work, answer).await,
            _ => Ok(answer),
        }
    }

    /// The verdict on what the objects are now, or the snapshot's with a word about it.
    async fn again(&self, reread: &Reread, work: Work, answer: Answer) -> Result<Answer, Refusal> {
        let left = work.deadline.saturating_duration_since(Instant::now()) / 2;
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
        let answer = if work.body.len() <= LARGE {
            work.answer(asked)
        } else {
            self.answer_elsewhere(work.clone(), asked).await?
        };
        answer.map_err(|error| Refusal::NotAReview { uid: error_uid(&error, &work.body), error })
    }

    async fn answer_elsewhere(&self, work: Work, asked: Asked) -> Result<Result<Answer, NotAReview>, Refusal> {
        let (deadline, time) = (work.deadline, work.time);
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
    body: Bytes,
    judge: Arc<Judge>,
    deadline: Instant,
    time: Duration,
}

/// On which world.
enum Asked {
    Snapshot,
    Live(Live),
    Unread(String),
}

impl Work {
    fn answer(&self, asked: Asked) -> Result<Answer, NotAReview> {
        let Judge { world, policy } = &*self.judge;
        match asked {
            Asked::Snapshot => admission::respond(&self.body, world, policy, today()),
            Asked::Unread(why) => admission::respond_unread(&self.body, world, policy, today(), &why),
            Asked::Live(live) => {
                let world = live.into_iter().fold(world.clone(), |world, (name, object)| world.with(&name, object));
                admission::respond(&self.body, &world, policy, today())
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
