//! The webhook as a server: HTTPS in, verdicts out.
//!
//! ```text
//! connections (TLS, time-outs) ─► validate (bounds, deadline) ─► admission::respond on the latest Judge
//! reload (files) ─► Judge, Tls                                   observe (/livez /readyz /metrics)
//! ```

mod activity;
pub mod body;
pub mod certificates;
pub mod connections;
pub mod descriptors;
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

use crate::standing::denials::Denials;
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
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use validate::Shared;

/// Connections of probes and scrapes: a few clients, each with one.
const PROBES: usize = 64;

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
    /// Where refused writes are told, if anywhere.
    pub denials: Option<Denials>,
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
        let Sources { judge, tls, reread, metrics, telemetry, denials } = sources;
        let shared = Shared::new(judge, receiver, metrics, reread, limits.clone());
        let shared = Arc::new(shared.with_telemetry(telemetry).with_denials(denials));
        Ok(Self { https, plain, observed: Observed { shared, tls }, limits, stopping, phase })
    }

    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> std::io::Result<Addresses> {
        Ok(Addresses { bind: self.https.local_addr()?, observe: self.plain.local_addr()? })
    }

    /// Serves until `stop` tells a signal, then stops in order; a second signal ends the drain delay, a third the grace
    /// period. `false` if something had to be cut off.
    pub async fn run(self, mut stop: mpsc::Receiver<&'static str>) -> bool {
        let (stopping, phase) = (self.stopping, self.phase.clone());
        // Probes and metrics are answered to the end.
        let (_end, observing) = watch::channel(Phase::Serving);
        let (webhook, probes) = self.listening(observing);
        let mut serving = tokio::spawn(connections::serve(webhook));
        let observing = tokio::spawn(connections::serve(probes));
        // If there is no more signal to come, this is the end, too.
        let signal = tokio::select! {
            signal = stop.recv() => signal.unwrap_or("the end"),
            _ = &mut serving => return false,
        };
        tracing::info!(signal, delay = ?stopping.drain_delay, "stopping");
        phase.send_replace(Phase::Leaving);
        tokio::select! {
            () = sleep(stopping.drain_delay) => {}
            Some(signal) = stop.recv() => tracing::info!(signal, "the drain delay is cut short"),
        }
        phase.send_replace(Phase::Draining);
        let drained = tokio::select! {
            ended = &mut serving => ended.is_ok(),
            () = sleep(stopping.grace) => false,
            Some(_) = stop.recv() => false,
        };
        serving.abort();
        observing.abort();
        if drained {
            tracing::info!("stopped");
        } else {
            tracing::error!(grace = ?stopping.grace, "connections were cut off at the end of the grace period");
        }
        drained
    }

    /// The webhook's listener and that of the probes.
    fn listening(self, observing: watch::Receiver<Phase>) -> (Listening, Listening) {
        let Self { https, plain, observed, limits, phase, .. } = self;
        let webhook = Listening {
            listener: https,
            transport: Transport::Tls(observed.tls.clone()),
            router: validate::router(Arc::clone(&observed.shared)),
            limits: limits.clone(),
            phase: phase.subscribe(),
            metrics: Arc::clone(&observed.shared.metrics),
        };
        let probes = Listening {
            listener: plain,
            transport: Transport::Plain,
            router: observe::router(observed),
            limits: Limits { connections: PROBES, ..limits },
            phase: observing,
            // Its connections are none of the webhook's.
            metrics: Arc::default(),
        };
        (webhook, probes)
    }
}

async fn bound(flag: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError { flag, address, error })
}
