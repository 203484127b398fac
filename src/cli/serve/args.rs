//! Flags and environment.

use super::super::Cluster;
use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use kubevirt_preflight::policy::{Enforcement, Profile, UnknownLevel};
use kubevirt_preflight::serve::limits::Limits;
use kubevirt_preflight::serve::logs::Format;
use kubevirt_preflight::serve::tls::{Client, Files};
use kubevirt_preflight::serve::{Addresses, Stopping};
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 stopped in order, 1 connections were cut off, 2 could not start.\n\
    A flag wins over its environment variable, and both over the policy file.")]
pub(in crate::cli) struct ServeArgs {
    /// Where to answer reviews, over TLS.
    #[arg(long, value_name = "ADDRESS:PORT", env = "KUBEVIRT_PREFLIGHT_BIND", default_value = "0.0.0.0:9443")]
    bind: SocketAddr,
    /// Where to answer /livez, /readyz and /metrics, in the clear.
    #[arg(long, value_name = "ADDRESS:PORT", env = "KUBEVIRT_PREFLIGHT_OBSERVE_BIND", default_value = "0.0.0.0:8080")]
    observe_bind: SocketAddr,
    /// Certificate, and what is between it and its CA, in PEM; read anew when it changes.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_TLS_CERT")]
    tls_cert: PathBuf,
    /// Its key, in PEM.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_TLS_KEY")]
    tls_key: PathBuf,
    /// Only clients with a certificate of this CA may call, in PEM.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_CLIENT_CA")]
    client_ca: Option<PathBuf>,
    /// Only clients whose certificate has this common name or DNS name; can be repeated.
    #[arg(
        long,
        value_name = "NAME",
        env = "KUBEVIRT_PREFLIGHT_CLIENT_NAME",
        requires = "client_ca",
        value_delimiter = ',',
        // An empty name would be that of a certificate without one.
        value_parser = NonEmptyStringValueParser::new()
    )]
    client_name: Vec<String>,
    /// Between SIGTERM and the end of accepting; clients learn in it that the server is not ready.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_DRAIN_DELAY", value_parser = time, default_value = "5s")]
    drain_delay: Duration,
    /// After the drain delay, for what is in flight.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_GRACE", value_parser = time, default_value = "20s")]
    grace: Duration,
    /// Most connections at once.
    #[arg(long, value_name = "NUMBER", env = "KUBEVIRT_PREFLIGHT_MAX_CONNECTIONS", value_parser = count, default_value = "1024")]
    max_connections: usize,
    /// Most reviews at once; more are told to come again.
    #[arg(long, value_name = "NUMBER", env = "KUBEVIRT_PREFLIGHT_MAX_REVIEWS", value_parser = count, default_value = "256")]
    max_reviews: usize,
    /// For a client to finish the TLS handshake, and again to send its first request.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_FIRST_REQUEST_TIMEOUT", value_parser = time, default_value = "5s")]
    first_request_timeout: Duration,
    /// For a connection without a request. The API server keeps one for 90 s: stay above 95 s.
    #[arg(long, value_name = "TIME", env = "KUBEVIRT_PREFLIGHT_IDLE_TIMEOUT", value_parser = time, default_value = "120s")]
    idle_timeout: Duration,
    /// Threads that answer; as many as there are cores, two at most, if left out.
    #[arg(long, value_name = "NUMBER", env = "KUBEVIRT_PREFLIGHT_THREADS")]
    pub(super) threads: Option<NonZeroU8>,
    /// How log lines look.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_LOG_FORMAT", default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
    /// Which log lines are written: error, warn, info, debug or trace.
    #[arg(long, env = "KUBEVIRT_PREFLIGHT_LOG", default_value = "info", value_name = "LEVEL")]
    pub(super) log: String,
    /// The column of levels to start from, whatever the policy says.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_PROFILE", value_name = "PROFILE")]
    profile: Option<ProfileArg>,
    /// The level of what cannot be known, whatever the policy says.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_UNKNOWN", value_name = "LEVEL")]
    unknown: Option<LevelArg>,
    /// Whether to refuse, whatever the policy says: warn refuses nothing.
    #[arg(long, value_enum, env = "KUBEVIRT_PREFLIGHT_ENFORCEMENT", value_name = "LEVEL")]
    enforcement: Option<LevelArg>,
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

impl ServeArgs {
    pub(super) fn addresses(&self) -> Addresses {
        Addresses { bind: self.bind, observe: self.observe_bind }
    }

    pub(super) fn files(&self) -> Files {
        let names = self.client_name.clone();
        let client = self.client_ca.clone().map(|ca| Client { ca, names });
        Files { cert: self.tls_cert.clone(), key: self.tls_key.clone(), client }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            reviews: self.max_reviews,
            handshake: self.first_request_timeout,
            first_request: self.first_request_timeout,
            idle: self.idle_timeout,
            ..Limits::default()
        }
    }

    pub(super) fn stopping(&self) -> Stopping {
        Stopping { drain_delay: self.drain_delay, grace: self.grace }
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

/// `5s`, `1m 30s`, `500ms`
fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    let time = time.filter(|time| *time <= Duration::from_secs(24 * 3600));
    time.ok_or_else(|| "write a time of a day at most, with its unit, for example 5s or 500ms".to_owned())
}

/// 1 to 65535
fn count(text: &str) -> Result<usize, String> {
    let count = text.parse::<u16>().ok().filter(|count| *count > 0);
    count.map(usize::from).ok_or_else(|| "write a number from 1 to 65535".to_owned())
}
