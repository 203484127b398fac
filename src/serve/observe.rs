//! `/livez`, `/readyz` and `/metrics`, in the clear.

use super::phase::Phase;
use super::tls::Tls;
use super::validate::Shared;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use tokio::sync::watch;

/// The content type of OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What readiness depends on.
#[derive(Clone)]
pub struct Observed {
    /// The webhook's state.
    pub shared: Arc<Shared>,
    /// Its certificate.
    pub tls: watch::Receiver<Option<Arc<Tls>>>,
}

/// The three paths.
pub fn router(observed: Observed) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(observed)
}

impl Observed {
    /// What is lacking, a sentence each; nothing if the server is ready.
    pub fn lacking(&self) -> Vec<String> {
        let now = jiff::Timestamp::now().as_second();
        let certificate = match &*self.tls.borrow() {
            None => Some("There is no certificate yet.".to_owned()),
            Some(tls) => tls.leaf.fault(now).map(|fault| format!("The certificate {fault}.")),
        };
        let world =
            self.shared.judge.borrow().is_none().then(|| "The cluster's objects have not been read yet.".into());
        let stopping = (*self.shared.phase.borrow() != Phase::Serving).then(|| "The server is stopping.".into());
        [certificate, world, stopping].into_iter().flatten().collect()
    }
}

async fn ready(State(observed): State<Observed>) -> impl IntoResponse {
    let lacking = observed.lacking();
    if lacking.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, lacking.join("\n") + "\n")
    }
}

async fn metrics(State(observed): State<Observed>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], observed.shared.metrics.text())
}
