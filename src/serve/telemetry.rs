//! Spans for an OpenTelemetry collector, by OTLP over HTTP.
//!
//! A review only puts its span into a bounded queue, and drops it if that is full. A thread of its own sends batches; what
//! it cannot send within its time is lost, and counted.

use super::logs;
use super::metrics::Metrics;
use crate::admission::Summary;
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response, Uri};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, TracerProvider};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The scope of the spans, and the service if OTEL_SERVICE_NAME does not say another.
const NAME: &str = "kubevirt-preflight";
/// For one attempt to send.
const SENDING: Duration = Duration::from_secs(5);
/// What a collector may answer.
const ANSWER: u64 = 1 << 20;

/// The base URL of a collector, for example `http://collector.monitoring:4318`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Uri);

impl std::str::FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri = text.parse::<Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
        });
        uri.map(Self).ok_or_else(|| "write the collector's base URL, for example http://collector:4318".to_owned())
    }
}

impl Endpoint {
    /// Whether it is reached over TLS, for which a CA must be given.
    pub fn is_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Where traces go, by the OTLP specification.
    fn traces(&self) -> String {
        format!("{}/v1/traces", self.0.to_string().trim_end_matches('/'))
    }
}

/// Sends spans.
#[derive(Clone, Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: Arc<TraceContextPropagator>,
    metrics: Arc<Metrics>,
}

impl Telemetry {
    /// To this collector, trusting these CAs. Nothing is sent before the first span.
    pub fn start(
        endpoint: &Endpoint,
        cas: &[CertificateDer<'_>],
        metrics: Arc<Metrics>,
    ) -> Result<Self, opentelemetry_otlp::ExporterBuildError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.traces())
            .with_http_client(Client::new(cas))
            .build()?;
        let exporter = Counted { exporter, metrics: Arc::clone(&metrics), failing: AtomicBool::new(false) };
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have their say in it, as OTEL_BSP_* and OTEL_TRACES_SAMPLER
        // have in the provider.
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_attribute(version);
        let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty());
        let resource = if named { resource } else { resource.with_service_name(NAME) };
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        let tracer = provider.tracer(NAME);
        Ok(Self { provider, tracer, propagator: Arc::default(), metrics })
    }

    /// The span of whoever asks, by `traceparent`: the API server sends it where it traces itself.
    pub fn parent(&self, headers: &HeaderMap) -> Context {
        self.propagator.extract_with_context(&Context::new(), &HeaderExtractor(headers))
    }

    /// The span of a review that ends now.
    pub fn reviewed(&self, parent: &Context, summary: &Summary, took: Duration) {
        let end = SystemTime::now();
        let mut span = SpanBuilder::from_name("review")
            .with_kind(SpanKind::Server)
            .with_start_time(end.checked_sub(took).unwrap_or(end))
            .with_attributes(attributes(summary))
            .start_with_context(&self.tracer, parent);
        self.metrics.spans("made", u64::from(span.is_recording()));
        span.end_with_timestamp(end);
    }

    /// Sends what is left, for so long at most; blocks.
    pub fn stop(&self, time: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(time) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

fn attributes(summary: &Summary) -> Vec<KeyValue> {
    let rules = summary.rules.iter().map(|rule| StringValue::from(*rule)).collect();
    let text = |key, value: &str| KeyValue::new(key, logs::field(value).into_owned());
    vec![
        text("kubevirt_preflight.uid", &summary.uid),
        text("kubevirt_preflight.kind", &summary.kind),
        text("kubevirt_preflight.namespace", summary.namespace.as_deref().unwrap_or_default()),
        text("kubevirt_preflight.name", &summary.name),
        text("kubevirt_preflight.operation", &summary.operation),
        KeyValue::new("kubevirt_preflight.dry_run", summary.dry_run),
        KeyValue::new("kubevirt_preflight.verdict", summary.verdict.word()),
        KeyValue::new("kubevirt_preflight.rules", Value::Array(Array::String(rules))),
    ]
}

/// Counts what is sent, and tells when sending begins to fail and when it works again.
#[derive(Debug)]
struct Counted {
    exporter: opentelemetry_otlp::SpanExporter,
    metrics: Arc<Metrics>,
    failing: AtomicBool,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let result = self.exporter.export(batch).await;
        let failed = self.failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Ok(()) => {
                self.metrics.spans("sent", count);
                if failed {
                    tracing::info!("spans are sent again");
                }
            }
            Err(error) => {
                self.metrics.spans("failed", count);
                if !failed {
                    let why = logs::field(&error.to_string()).into_owned();
                    tracing::warn!(why, "spans are lost: the collector of --otlp-endpoint does not take them");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, time: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(time)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A client that blocks: it is asked on the exporter's own thread.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new(cas: &[CertificateDer<'_>]) -> Self {
        let cas: Vec<_> = cas.iter().map(|ca| Certificate::from_der(ca).to_owned()).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(cas)))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(SENDING))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("kubevirt-preflight/", env!("CARGO_PKG_VERSION")))
            .build();
        Self(config.new_agent())
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, mut body) = self.0.run(request.map(|bytes| bytes.to_vec()))?.into_parts();
        let bytes = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_base_url() {
        for (text, traces) in [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://collector.example/otlp/", "https://collector.example/otlp/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().traces(), traces);
        }
        for text in ["", "collector:4318", "grpc://collector:4317", "http://", "http://c/?x", "/v1/traces"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
