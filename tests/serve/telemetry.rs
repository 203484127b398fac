//! Spans, against a stand-in for a collector: a loopback server that reads OTLP over HTTP as the specification has it.

use crate::bodies::{nad, review as body};
use crate::client;
use crate::pki::Ca;
use crate::process::{Folder, PATIENCE, Process};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The stand-in.
struct Collector {
    address: SocketAddr,
    received: UnboundedReceiver<ExportTraceServiceRequest>,
}

impl Collector {
    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, (sender, received)) = (listener.local_addr().unwrap(), unbounded_channel());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, sender) = (tls.clone(), sender.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, sender).await,
                        Some(tls) => answer(tls.accept(stream).await.unwrap(), sender).await,
                    }
                });
            }
        });
        Self { address, received }
    }

    /// The next span, and what it belongs to.
    async fn span(&mut self) -> (BTreeMap<String, Any>, Span) {
        let request = tokio::time::timeout(PATIENCE, self.received.recv()).await.unwrap().unwrap();
        let [resource] = &request.resource_spans[..] else { panic!("{request:?}") };
        let spans = &resource.scope_spans[0].spans;
        assert_eq!((resource.scope_spans.len(), spans.len()), (1, 1), "{request:?}");
        let about = resource.resource.as_ref().unwrap().attributes.iter();
        let about = about.map(|one| (one.key.clone(), one.value.clone().unwrap().value.unwrap()));
        (about.collect(), spans[0].clone())
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    sender: UnboundedSender<ExportTraceServiceRequest>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let sender = sender.clone();
        async move {
            let (head, body) = request.into_parts();
            assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/traces"));
            assert_eq!(head.headers["content-type"], "application/x-protobuf");
            let bytes = body.collect().await.unwrap().to_bytes();
            // The test may have seen enough.
            let _ = sender.send(ExportTraceServiceRequest::decode(bytes).unwrap());
            let bytes = Bytes::from(ExportTraceServiceResponse::default().encode_to_vec());
            Ok::<_, Infallible>(Response::new(Full::new(bytes)))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn post(process: &Process, traceparent: Option<&str>) {
    let mut request = client::review(body("CREATE", nad("10.244.7.0/24"), Value::Null), "timeout=2s");
    if let Some(traceparent) = traceparent {
        request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
    }
    let answer = process.sender().await.send(request).await.unwrap();
    assert_eq!(answer.body["response"]["allowed"], false, "{answer:?}");
}

fn text(value: &str) -> Any {
    Any::StringValue(value.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn a_review_is_a_span_of_the_trace_that_asked() {
    let mut collector = Collector::start(None).await;
    let process = Folder::new()
        .start(&["--otlp-endpoint", &format!("http://{}", collector.address)], &[("OTEL_BSP_SCHEDULE_DELAY", "100")]);
    post(&process, Some(TRACE)).await;
    let (about, span) = collector.span().await;
    assert_eq!(about["service.name"], text("kubevirt-preflight"));
    assert_eq!(about["service.version"], text(env!("CARGO_PKG_VERSION")));
    assert_eq!(hex(&span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
    assert_eq!((span.name.as_str(), span.kind), ("review", 2));
    let took = Duration::from_nanos(span.end_time_unix_nano - span.start_time_unix_nano);
    assert!(took > Duration::ZERO && took < PATIENCE, "{took:?}");
    let of = |key: &str| {
        let key = format!("kubevirt_preflight.{key}");
        let found = span.attributes.iter().find(|one| one.key == key).unwrap_or_else(|| panic!("{key}: {span:?}"));
        found.value.clone().unwrap().value.unwrap()
    };
    for (key, wanted) in [
        ("uid", "705ab4f5-6393-11e8-b7cc-42010a800002"),
        ("kind", "NetworkAttachmentDefinition"),
        ("namespace", "kubevirt"),
        ("name", "mig"),
        ("operation", "CREATE"),
        ("verdict", "denied"),
    ] {
        assert_eq!(of(key), text(wanted));
    }
    assert_eq!(of("dry_run"), Any::BoolValue(false));
    let Any::ArrayValue(rules) = of("rules") else { panic!("{span:?}") };
    assert_eq!(rules.values[0].value, Some(text("pod-network-overlap")));
    process.metric_becomes(r#"kubevirt_preflight_spans_total{result="sent"}"#, 1.0).await;
    // Whoever traces may have decided not to record.
    post(&process, Some(&TRACE.replace("-01", "-00"))).await;
    post(&process, Some("nonsense")).await;
    let (_, span) = collector.span().await;
    assert!(span.parent_span_id.is_empty() && hex(&span.trace_id) != "0af7651916cd43dd8448eb211c80319c", "{span:?}");
}

#[tokio::test]
async fn what_is_left_is_sent_at_the_stop() {
    let mut collector = Collector::start(None).await;
    let endpoint = format!("http://{}/", collector.address);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ("OTEL_SERVICE_NAME", "gate"),
    ];
    let mut process = Folder::new().start(&[], &variables);
    post(&process, None).await;
    let stopped = tokio::spawn(async move { process.stop().await });
    let (about, span) = collector.span().await;
    assert_eq!((&about["service.name"], span.name.as_str()), (&text("gate"), "review"));
    assert!(stopped.await.unwrap().success());
}

#[tokio::test]
async fn a_collector_behind_tls_is_trusted_by_its_ca() {
    let ca = Ca::new("collector CA");
    let pair = ca.server("localhost");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
        )
        .unwrap();
    let mut collector = Collector::start(Some(TlsAcceptor::from(Arc::new(config)))).await;
    let folder = Folder::new();
    folder.write("collector.crt", &ca.pem());
    let endpoint = format!("https://localhost:{}", collector.address.port());
    let process = folder
        .start(&["--otlp-endpoint", &endpoint, "--otlp-ca", "@collector.crt"], &[("OTEL_BSP_SCHEDULE_DELAY", "100")]);
    post(&process, None).await;
    assert_eq!(collector.span().await.1.name, "review");
}

/// Nobody listens, and somebody who takes connections and never answers.
#[tokio::test]
async fn a_collector_that_is_away_holds_nothing_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [closed, silent.local_addr().unwrap()] {
        let variables = [
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ];
        let mut process = Folder::new().start(&["--otlp-endpoint", &format!("http://{address}")], &variables);
        for _ in 0..50 {
            let begun = Instant::now();
            post(&process, None).await;
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
        process.line(" on lost spans", |line| line.contains("spans are lost"));
        assert_eq!(process.metric(r#"kubevirt_preflight_spans_total{result="made"}"#).await, Some(50.0));
        assert!(process.metric(r#"kubevirt_preflight_spans_total{result="failed"}"#).await >= Some(1.0));
        let begun = Instant::now();
        assert!(process.stop().await.success());
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
        assert_eq!(process.lines().iter().filter(|line| line.contains("spans are lost")).count(), 1);
    }
}
