//! The webhook as a server: HTTPS in, verdicts out.
//!
//! ```text
//! connections (TLS, time-outs) ─► validate (bounds, deadline) ─► admission::respond on the latest Judge
//! reload (files) ─► Judge, Tls                                   observe (/livez /readyz /metrics)
//! ```

pub mod body;
pub mod connections;
pub mod judge;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod observe;
pub mod phase;
pub mod refusal;
pub mod reload;
pub mod signals;
pub mod telemetry;
pub mod tls;
pub mod validate;

use connections::{Listening, Transport};
use judge::{Judge, Reread};
use limits::Limits;
use metrics::Metrics;
use observe::Observed;
use phase::Phase;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use telemetry::Telemetry;
use tls::Tls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use validate::Shared;

/// A server that is bound and not yet running.
pub struct Server {
    https: TcpListener,
    plain: TcpListener,
    observed: Observed,
    limits: Limits,
    stopping: Stopping,
    phase: watch::Sender<Phase>,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// For reviews, over TLS.
    pub bind: SocketAddr,
    /// For probes and metrics, in the clear.
    pub observe: SocketAddr,
}

/// How a server stops.
#[derive(Clone, Copy, Debug)]
pub struct Stopping {
    /// Between the signal and the end of accepting: what clients need to learn that the server is not ready.
    pub drain_delay: Duration,
    /// From the end of accepting to the end of everything.
    pub grace: Duration,
}

/// What a server judges with.
pub struct Sources {
    /// The latest world and policy.
    pub judge: watch::Receiver<Option<Arc<Judge>>>,
    /// The latest certificate.
    pub tls: watch::Receiver<Option<Arc<Tls>>>,
    /// Reads live what a refusal rests on.
    pub reread: Option<Reread>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where spans go, if anywhere.
    pub telemetry: Option<Telemetry>,
}

/// An address that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {address} cannot be bound: {error}")]
pub struct BindError {
    flag: &'static str,
    address: SocketAddr,
    error: std::io::Error,
}

impl Server {
    /// Binds both addresses.
    pub async fn bind(
        addresses: Addresses,
        sources: Sources,
        limits: Limits,
        stopping: Stopping,
    ) -> Result<Self, BindError> {
        let https = bound("--bind", addresses.bind).await?;
        let plain = bound("--observe-bind", addresses.observe).await?;
        let (phase, receiver) = watch::channel(Phase::Serving);
        let Sources { judge, tls, reread, metrics, telemetry } = sources;
        let shared = Arc::new(Shared::new(judge, receiver, metrics, reread, limits.clone()).with_telemetry(telemetry));
        Ok(Self { https, plain, observed: Observed { shared, tls }, limits, stopping, phase })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> std::io::Result<Addresses> {
        Ok(Addresses { bind: self.https.local_addr()?, observe: self.plain.local_addr()? })
    }

    /// Serves until `stop` is done, then stops in order; `false` if something had to be cut off at the end of the grace
    /// period.
    pub async fn run(self, stop: impl Future<Output = &'static str>) -> bool {
        let Self { https, plain, observed, limits, stopping, phase } = self;
        let metrics = Arc::clone(&observed.shared.metrics);
        let webhook = Listening {
            listener: https,
            transport: Transport::Tls(observed.tls.clone()),
            router: validate::router(Arc::clone(&observed.shared)),
            limits: limits.clone(),
            phase: phase.subscribe(),
            metrics: Arc::clone(&metrics),
        };
        // Probes and metrics are answered to the end.
        let (end, observing) = watch::channel(Phase::Serving);
        let probes = Listening {
            listener: plain,
            transport: Transport::Plain,
            router: observe::router(observed),
            limits,
            phase: observing,
            // Its connections are none of the webhook's.
            metrics: Arc::default(),
        };
        let serving = tokio::spawn(connections::serve(webhook));
        let observing = tokio::spawn(connections::serve(probes));
        let signal = stop.await;
        tracing::info!(signal, delay = ?stopping.drain_delay, "stopping");
        phase.send_replace(Phase::Leaving);
        tokio::time::sleep(stopping.drain_delay).await;
        phase.send_replace(Phase::Draining);
        let drained = tokio::time::timeout(stopping.grace, serving).await.is_ok();
        end.send_replace(Phase::Draining);
        observing.abort();
        if drained {
            tracing::info!("stopped");
        } else {
            tracing::error!(grace = ?stopping.grace, "connections were still open at the end of the grace period");
        }
        drained
    }
}

async fn bound(flag: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError { flag, address, error })
}
