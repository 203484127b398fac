//! The server that does nothing: the stack of the real one, an answer that allows, and no review.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, Response};
use axum::routing::any;
use kubevirt_preflight::serve::connections::{self, Listening, Transport};
use kubevirt_preflight::serve::limits::Limits;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::phase::Phase;
use kubevirt_preflight::serve::tls::Files;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Asked<'a>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    uid: &'a str,
}

/// Serves until it is killed.
pub fn run(address: SocketAddr, folder: &Path) {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
    runtime.block_on(async {
        let files = Files { cert: folder.join("tls.crt"), key: folder.join("tls.key"), client: None };
        let (_tls, tls) = watch::channel(Some(Arc::new(files.load().unwrap())));
        let (_phase, phase) = watch::channel(Phase::Serving);
        let limits = Arc::new(Limits::default());
        let router = Router::new().route("/validate", any(echo)).with_state(Arc::clone(&limits));
        let listening = Listening {
            listener: TcpListener::bind(address).await.unwrap(),
            transport: Transport::Tls(tls),
            router: router.layer(CatchPanicLayer::new()),
            limits: limits.as_ref().clone(),
            phase,
            metrics: Arc::new(Metrics::default()),
        };
        tokio::spawn(connections::serve(listening)).await.unwrap();
    });
}

async fn echo(State(limits): State<Arc<Limits>>, request: Request<Body>) -> Response<Body> {
    let body = axum::body::to_bytes(request.into_body(), limits.body).await.unwrap();
    let review: Review<'_> = serde_json::from_slice(&body).unwrap();
    let uid = review.request.uid;
    let text = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{uid}","allowed":true}}}}"#
    );
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
