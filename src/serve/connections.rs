//! The accept loop: TLS, the protocol that ALPN chose, time-outs, and an orderly end.

use super::activity::{Activity, Places};
use super::limits::Limits;
use super::metrics::{Counted, Metrics};
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
use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// After an error of accept, for example too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For a client to take an answer, or notice that the connection ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// For a connection that was opened just before the end to send its request.
const NEWCOMER: Duration = Duration::from_secs(1);
/// Connections that the system has accepted and we have not, at the end.
const BACKLOG: usize = 128;
/// Bytes of a request's head; for HTTP/1.1 of the part that one read leaves unfinished, so that up to twice as much may
/// pass.
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
    let mut phase = listening.phase.clone();
    let mut accepting = Accepting::new(listening);
    loop {
        let accepted = tokio::select! {
            biased;
            () = until(&mut phase, Phase::Draining) => break,
            Some(_) = accepting.connections.join_next() => continue,
            accepted = accepting.listener.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => tokio::select! {
                () = until(&mut phase, Phase::Draining) => break,
                () = accepting.admit(accepted) => {}
            },
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // If there are too many open files, a connection that is of no use is one of them.
                accepting.places.evict();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    accepting.finish().await;
}

/// Waits until the phase is at least this one.
async fn until(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A sender that is gone means the end, too.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}

/// A listener and the connections that it brought.
struct Accepting {
    listener: TcpListener,
    transport: Transport,
    router: Router,
    limits: Limits,
    phase: watch::Receiver<Phase>,
    metrics: Arc<Metrics>,
    places: Places,
    connections: JoinSet<()>,
}

impl Accepting {
    fn new(listening: Listening) -> Self {
        let Listening { listener, transport, router, limits, phase, metrics } = listening;
        let places = Places::new(limits.connections);
        Self { listener, transport, router, limits, phase, metrics, places, connections: JoinSet::new() }
    }

    /// Waits for a place if there is none.
    async fn admit(&mut self, (stream, peer): (TcpStream, SocketAddr)) {
        let (place, activity) = self.places.take(&self.limits, peer.ip()).await;
        let (router, phase, metrics) = (self.router.clone(), self.phase.clone(), Arc::clone(&self.metrics));
        let connection = Connection { peer, activity, router, phase, metrics };
        let transport = self.transport.clone();
        self.connections.spawn(async move {
            let _place = place;
            let _open = Counted::one(&connection.metrics.connections);
            connection.run(stream, transport).await;
        });
    }

    /// Takes in who has connected already, closes the door, and waits until the last has left.
    async fn finish(mut self) {
        for _ in 0..BACKLOG {
            tokio::select! {
                biased;
                Ok(accepted) = self.listener.accept() => self.admit(accepted).await,
                () = ready(()) => break,
            }
        }
        drop(self.listener);
        while self.connections.join_next().await.is_some() {}
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
            () = self.activity.evicted() => return self.metrics.connection_ended("evicted"),
            done = timeout(self.activity.handshake(), handshake) => match done {
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
            let router = router.clone();
            let (head, body) = request.into_parts();
            let (asking, body) = activity.begin(body);
            async move {
                let _asking = asking;
                let mut request = Request::from_parts(head, Body::new(body));
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
        let mut leaving = pin!(self.leaving(leave));
        let reason = loop {
            let (end, reason) = self.activity.patience();
            tokio::select! {
                result = &mut connection => return self.ended(result),
                () = self.activity.evicted() => return self.metrics.connection_ended("evicted"),
                () = &mut leaving => break "stopping",
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
                () = self.activity.evicted() => return,
                () = sleep(FAREWELL) => if !self.activity.is_busy() { return },
            }
        }
    }

    /// Waits for the phase; then a connection that was opened a moment ago may still send what it was opened for.
    async fn leaving(&self, leave: Phase) {
        until(&mut self.phase.clone(), leave).await;
        // Whether it came or not.
        let _ = timeout(NEWCOMER, self.activity.asked()).await;
    }

    fn ended<E: std::fmt::Display>(&self, result: Result<(), E>) {
        if let Err(error) = result {
            tracing::debug!(peer = %self.peer, %error, "connection failed");
        }
    }
}
