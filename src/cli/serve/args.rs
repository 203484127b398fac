//! Flags and environment. Values that clap would refuse one at a time are kept with what is wrong with them: a start-up
//! tells all that is to be mended at once.

use super::super::{Access, Cluster};
use super::background::BackgroundArgs;
use super::certificates::{CertificateArgs, Certificates};
use super::checked::{Checked, Faults, address, checked, count, source, threads, time};
use anyhow::{Context as _, Error, anyhow, bail};
use clap::ValueEnum;
use kubevirt_preflight::policy::{Enforcement, Profile, UnknownLevel};
use kubevirt_preflight::serve::limits::Limits;
use kubevirt_preflight::serve::logs::Format;
use kubevirt_preflight::serve::telemetry::Endpoint;
use kubevirt_preflight::serve::{Addresses, Stopping};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 stopped in order, 1 connections were cut off, 2 could not start.\n\
    A flag wins over its environment variable, and both over the policy file.")]
pub(in crate::cli) struct ServeArgs {
    /// Where to answer reviews, over TLS.
    #[arg(long, value_name = "ADDRESS:PORT", env = "KUBEVIRT_PREFLIGHT_BIND", value_parser = checked(address), default_value = "0.0.0.0:9443")]
    bind: Checked<SocketAddr>,
    /// Where to answer /livez, /readyz and /metrics, in the clear.
    #[arg(long, value_name = "ADDRESS:PORT", env = "KUBEVIRT_PREFLIGHT_OBSERVE_BIND", value_parser = checked(address), default_value = "0.0.0.0:8080")]
    observe_bind: Checked<SocketAddr>,
    #[command(flatten)]
    pub(super) certificates: CertificateArgs,
    /// Between SIGTERM and the end of accepting; clients learn in it that the server is not ready.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_DRAIN_DELAY", value_parser = checked(time), default_value = "5s")]
    drain_delay: Checked<Duration>,
    /// After the drain delay, for what is in flight.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_GRACE", value_parser = checked(time), default_value = "20s")]
    grace: Checked<Duration>,
    /// Most connections at once.
    #[arg(long, value_name = "NUMBER", env = "KUBEVIRT_PREFLIGHT_MAX_CONNECTIONS", value_parser = checked(count), default_value = "256")]
    max_connections: Checked<usize>,
    /// Most reviews at once; more are told to come again.
    #[arg(long, value_name = "NUMBER", env = "KUBEVIRT_PREFLIGHT_MAX_REVIEWS", value_parser = checked(count), default_value = "256")]
    max_reviews: Checked<usize>,
    /// For a client to finish the TLS handshake, and again to send its first request.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_FIRST_REQUEST_TIMEOUT", value_parser = checked(time), default_value = "5s")]
    first_request_timeout: Checked<Duration>,
    /// For a connection without a request. The API server keeps one for 90 s: stay above 95 s.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_IDLE_TIMEOUT", value_parser = checked(time), default_value = "120s")]
    idle_timeout: Checked<Duration>,
    /// Threads that answer; as many as there are cores, two at most, if left out.
    #[arg(long, value_name = "NUMBER", env = "KUBEVIRT_PREFLIGHT_THREADS", value_parser = checked(threads))]
    threads: Option<Checked<usize>>,
    /// How log lines look.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_LOG_FORMAT", default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
    /// Which log lines are written: error, warn, info, debug or trace.
    #[arg(long, env = "KUBEVIRT_PREFLIGHT_LOG", default_value = "info", value_name = "LEVEL")]
    pub(super) log: String,
    /// Base URL of an OpenTelemetry collector that takes OTLP over HTTP: gets a span of each review.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = checked(endpoint))]
    otlp_endpoint: Option<Checked<Option<Endpoint>>>,
    /// CA of the collector, in PEM; needed for https.
    #[arg(long, value_name = "FILE", env = "OTEL_EXPORTER_OTLP_CERTIFICATE")]
    otlp_ca: Option<PathBuf>,
    /// The column of levels to start from, whatever the policy says.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_PROFILE", value_name = "PROFILE")]
    profile: Option<ProfileArg>,
    /// The level of what cannot be known, whatever the policy says.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_UNKNOWN", value_name = "LEVEL")]
    unknown: Option<LevelArg>,
    /// Whether to refuse, whatever the policy says: warn refuses nothing.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_ENFORCEMENT", value_name = "LEVEL")]
    enforcement: Option<LevelArg>,
    #[command(flatten)]
    pub(super) background: BackgroundArgs,
    /// Judge with the objects of the cluster, which are watched.
    #[arg(long = "cluster", conflicts_with = "world")]
    pub(super) on_cluster: bool,
    #[command(flatten)]
    pub(super) access: Access,
    /// The objects of the cluster, as `snapshot` writes them.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_WORLD")]
    pub(super) world: Option<String>,
    // Last: its heading would stand above all that follows.
    #[command(flatten)]
    pub(super) cluster: Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileArg {
    Recommended,
    Strict,
    Relaxed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelArg {
    Warn,
    Deny,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

impl From<ProfileArg> for Profile {
    fn from(profile: ProfileArg) -> Self {
        match profile {
            ProfileArg::Recommended => Self::Recommended,
            ProfileArg::Strict => Self::Strict,
            ProfileArg::Relaxed => Self::Relaxed,
        }
    }
}

/// What flags and environment say in place of the policy file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overrides {
    pub(super) profile: Option<Profile>,
    pub(super) unknown: Option<UnknownLevel>,
    pub(super) enforcement: Option<Enforcement>,
}

/// What the flags say, each value right.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) addresses: Addresses,
    pub(super) limits: Limits,
    pub(super) stopping: Stopping,
    pub(super) threads: Option<usize>,
    pub(super) collector: Option<(Endpoint, Vec<CertificateDer<'static>>)>,
    pub(super) certificates: Certificates,
}

impl ServeArgs {
    /// Every value that is wrong is an error.
    pub(super) fn set(&self) -> Result<Set, Vec<Error>> {
        let mut faults = Faults::default();
        let bind = faults.take("--bind", &self.bind);
        let observe = faults.take("--observe-bind", &self.observe_bind);
        let drain_delay = faults.take("--drain-delay", &self.drain_delay);
        let grace = faults.take("--grace", &self.grace);
        let connections = faults.take("--max-connections", &self.max_connections);
        let reviews = faults.take("--max-reviews", &self.max_reviews);
        let first_request = faults.take("--first-request-timeout", &self.first_request_timeout);
        let idle = faults.take("--idle-timeout", &self.idle_timeout);
        let threads = self.threads.as_ref().and_then(|threads| faults.take("--threads", threads));
        let collector = self.collector(&mut faults);
        let certificates = self.certificates.set(&mut faults);
        let Faults(faults) = faults;
        match (bind, observe, drain_delay, grace, connections, reviews, first_request, idle, certificates) {
            (
                Some(bind),
                Some(observe),
                Some(drain_delay),
                Some(grace),
                Some(connections),
                Some(reviews),
                Some(first_request),
                Some(idle),
                Some(certificates),
            ) if faults.is_empty() => {
                let limits =
                    Limits { connections, reviews, handshake: first_request, first_request, idle, ..Limits::default() };
                let (addresses, stopping) = (Addresses { bind, observe }, Stopping { drain_delay, grace });
                Ok(Set { addresses, limits, stopping, threads, collector, certificates })
            }
            _ => Err(faults),
        }
    }

    fn collector(&self, faults: &mut Faults) -> Option<(Endpoint, Vec<CertificateDer<'static>>)> {
        let endpoint = faults.take("--otlp-endpoint", self.otlp_endpoint.as_ref()?)??;
        match &self.otlp_ca {
            Some(file) if !file.as_os_str().is_empty() => match cas(file) {
                Ok(cas) => return Some((endpoint, cas)),
                Err(error) => faults.0.push(error),
            },
            _ if endpoint.is_tls() => {
                let flag = source("--otlp-endpoint");
                faults.0.push(anyhow!("{flag} is reached over TLS; name the collector's CA by --otlp-ca."));
            }
            _ => {}
        }
        Some((endpoint, Vec::new()))
    }

    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            profile: self.profile.map(Profile::from),
            unknown: self.unknown.map(|level| match level {
                LevelArg::Warn => UnknownLevel::Warn,
                LevelArg::Deny => UnknownLevel::Deny,
            }),
            enforcement: self.enforcement.map(|level| match level {
                LevelArg::Warn => Enforcement::Warn,
                LevelArg::Deny => Enforcement::Deny,
            }),
        }
    }
}

fn cas(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let cas = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let cas = cas.with_context(|| format!("--otlp-ca {} cannot be read:", file.display()))?;
    if cas.is_empty() {
        bail!("--otlp-ca {} holds no certificate; give the collector's CA in PEM.", file.display());
    }
    Ok(cas)
}

/// Empty is as if it were not set, by the OpenTelemetry specification.
fn endpoint(text: &str) -> Result<Option<Endpoint>, String> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}
