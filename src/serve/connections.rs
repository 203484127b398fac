//! The accept loop: TLS, the protocol that ALPN chose, time-outs, and an orderly end.

use super::limits::Limits;
use super::metrics::Metrics;
use super::phase::Phase;
use super::tls::Tls;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// After an error of accept, for example too many open files, which only time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For a client to take an answer, or notice that the connection ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const HEAD: usize = 64 * 1024;
/// Requests at once on an HTTP/2 connection.
const STREAMS: u32 = 128;
/// How often an idle HTTP/2 client is asked whether it is there.
const PING: Duration = Duration::from_secs(20);

/// How connections are made to speak.
#[derive(Clone)]
pub enum Transport {
    /// HTTP/1.1 in the clear.
    Plain,
    /// TLS with the latest certificate; `None` as long as there is none.
    Tls(watch::Receiver<Option<Arc<Tls>>>),
}

/// What all connections of a listener share.
pub struct Listening {
    /// Where they come from.
    pub listener: TcpListener,
    /// What they speak.
    pub transport: Transport,
    /// What answers.
    pub router: Router,
    /// Their bounds.
    pub limits: Limits,
    /// When to end.
    pub phase: watch::Receiver<Phase>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Accepts until the phase is [`Phase::Draining`], then returns when all connections have ended.
pub async fn serve(listening: Listening) {
    let Listening { listener, transport, router, limits, mut phase, metrics } = listening;
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut newcomers = Newcomers::default();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = until(&mut phase, Phase::Draining) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let slot = tokio::select! {
            () = until(&mut phase, Phase::Draining) => break,
            slot = slot(&slots, &mut newcomers) => slot,
        };
        let Some(slot) = slot else { break };
        let activity = Arc::new(Activity::new(limits.clone()));
        newcomers.0.push_back(Arc::downgrade(&activity));
        let connection =
            Connection { peer, activity, router: router.clone(), phase: phase.clone(), metrics: Arc::clone(&metrics) };
        let transport = transport.clone();
        connections.spawn(async move {
            let _slot = slot;
            connection.metrics.connections.inc();
            connection.run(stream, transport).await;
            connection.metrics.connections.dec();
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until the phase is at least this one.
async fn until(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A sender that is gone means the end, too.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

/// Connections that have not sent a request yet, oldest first.
#[derive(Default)]
struct Newcomers(VecDeque<Weak<Activity>>);

impl Newcomers {
    /// Those at the front that have ended or have proven themselves are forgotten; returns the oldest other one.
    fn oldest(&mut self) -> Option<Arc<Activity>> {
        while let Some(first) = self.0.front() {
            match first.upgrade().filter(|activity| !activity.has_asked()) {
                Some(activity) => return Some(activity),
                None => drop(self.0.pop_front()),
            }
        }
        None
    }
}

/// A free slot. If there is none, the connection that has sent no request for the longest makes room: clients that only
/// connect do not keep out those that ask.
async fn slot(slots: &Arc<Semaphore>, newcomers: &mut Newcomers) -> Option<OwnedSemaphorePermit> {
    let oldest = newcomers.oldest();
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return Some(slot);
    }
    if let Some(oldest) = oldest {
        newcomers.0.pop_front();
        oldest.evicted.notify_one();
    }
    Arc::clone(slots).acquire_owned().await.ok()
}

/// When a connection was last of use.
struct Activity {
    limits: Limits,
    opened: Instant,
    asked: AtomicBool,
    in_flight: AtomicUsize,
    last: Mutex<Instant>,
    evicted: Notify,
}

impl Activity {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            limits,
            opened: now,
            asked: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            last: Mutex::new(now),
            evicted: Notify::new(),
        }
    }

    fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn begin(self: &Arc<Self>) -> Asking {
        self.asked.store(true, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Asking(Arc::clone(self))
    }

    /// When the connection will have been idle for too long, and what for.
    fn patience(&self) -> (Instant, &'static str) {
        if !self.has_asked() {
            return (self.opened + self.limits.handshake + self.limits.first_request, "first-request");
        }
        let busy = self.in_flight.load(Ordering::Relaxed) > 0;
        let since = if busy { Instant::now() } else { *self.last.lock().unwrap_or_else(PoisonError::into_inner) };
        (since + self.limits.idle, "idle")
    }
}

/// A request in flight on a connection.
struct Asking(Arc<Activity>);

impl Drop for Asking {
    fn drop(&mut self) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Connection {
    peer: SocketAddr,
    activity: Arc<Activity>,
    router: Router,
    phase: watch::Receiver<Phase>,
    metrics: Arc<Metrics>,
}

impl Connection {
    async fn run(&self, stream: TcpStream, transport: Transport) {
        // An answer is one small write; without it the kernel may hold it back. It fails on a dead connection only.
        let _ = stream.set_nodelay(true);
        let latest = match &transport {
            Transport::Plain => return self.http1(stream).await,
            Transport::Tls(latest) => latest.borrow().clone(),
        };
        let Some(tls) = latest else { return self.metrics.handshake_failed("no-certificate") };
        let handshake = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
        let stream = tokio::select! {
            () = self.activity.evicted.notified() => return self.metrics.connection_ended("evicted"),
            done = timeout(self.activity.limits.handshake, handshake) => match done {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::debug!(peer = %self.peer, %error, "TLS handshake failed");
                    return self.metrics.handshake_failed("refused");
                }
                Err(_) => return self.metrics.handshake_failed("timeout"),
            },
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream).await;
        } else {
            self.http1(stream).await;
        }
    }

    async fn http1(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        // Its time-out for a head would also end idle connections; `drive` tells the two apart.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), self.service());
        self.drive(connection, Phase::Draining).await;
    }

    async fn http2(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .serve_connection(TokioIo::new(stream), self.service());
        // GOAWAY loses no request, so it is sent while there is still time to go elsewhere.
        self.drive(connection, Phase::Leaving).await;
    }

    /// Asks the router, and keeps account of when.
    fn service(
        &self,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + use<> {
        let (router, activity, peer) = (self.router.clone(), Arc::clone(&self.activity), self.peer);
        service_fn(move |request: Request<Incoming>| {
            let (router, asking) = (router.clone(), activity.begin());
            async move {
                let _asking = asking;
                let mut request = request.map(Body::new);
                // For the log line.
                request.extensions_mut().insert(peer);
                router.oneshot(request).await
            }
        })
    }

    /// Runs the connection to its end, whoever brings it about; from `leave` on it takes no new request.
    async fn drive<C: GracefulConnection>(&self, connection: C, leave: Phase)
    where
        C::Error: std::fmt::Display,
    {
        let mut connection = pin!(connection);
        let mut phase = self.phase.clone();
        let reason = loop {
            let (end, reason) = self.activity.patience();
            tokio::select! {
                result = &mut connection => return self.ended(result),
                () = self.activity.evicted.notified() => return self.metrics.connection_ended("evicted"),
                () = until(&mut phase, leave) => break "stopping",
                () = sleep_until(end) => {
                    if self.activity.patience().0 > Instant::now() { continue }
                    if !self.activity.has_asked() { return self.metrics.connection_ended(reason) }
                    break reason;
                }
            }
        };
        self.metrics.connection_ended(reason);
        connection.as_mut().graceful_shutdown();
        // What is in flight has its own deadlines; then the client has a while to take the answer.
        loop {
            tokio::select! {
                result = &mut connection => return self.ended(result),
                () = sleep(FAREWELL) => if self.activity.in_flight.load(Ordering::Relaxed) == 0 { return },
            }
        }
    }

    fn ended<E: std::fmt::Display>(&self, result: Result<(), E>) {
        if let Err(error) = result {
            tracing::debug!(peer = %self.peer, %error, "connection failed");
        }
    }
}
