//! The API server's part: reviews over HTTP/1.1 and TLS 1.3 on connections that are kept.

use crate::NAME;
use crate::process::{Process, Spent};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What is sent, and what has to come back.
pub struct Post {
    pub name: &'static str,
    pub body: Bytes,
    uid: Value,
    answer: Vec<u8>,
}

impl Post {
    pub fn new(name: &'static str, body: Vec<u8>) -> Self {
        let uid = serde_json::from_slice::<Value>(&body).unwrap()["request"]["uid"].clone();
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"});
        let mut answer = review.to_string();
        answer.truncate(answer.len() - 1);
        let answer = format!(r#"{answer},"response":{{"uid":{uid},"allowed":true}}}}"#).into_bytes();
        Self { name, body: body.into(), uid, answer }
    }

    /// The answer is a review of this uid that allows, and says no more than that.
    pub async fn verify(&self, connection: &mut Connection) {
        let answer: Value = serde_json::from_slice(&connection.send(self).await).unwrap();
        assert_eq!(answer["response"], json!({"uid": self.uid, "allowed": true}), "{answer}");
    }
}

/// Makes connections.
pub struct Client(TlsConnector);

impl Client {
    pub fn new(ca: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// A connection, once the server accepts one.
    pub async fn connect(&self, address: SocketAddr) -> Connection {
        let until = Instant::now() + Duration::from_secs(10);
        let stream = loop {
            match std::net::TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "{address} does not accept: {error}"),
            }
            std::thread::sleep(Duration::from_micros(100));
        };
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = TcpStream::from_std(stream).unwrap();
        let stream = self.0.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Connection { sender, asked: 0 }
    }
}

/// A connection and how many reviews went over it.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    pub asked: u64,
}

impl Connection {
    /// The answer, which may be any.
    pub async fn send(&mut self, post: &Post) -> Bytes {
        self.sender.ready().await.unwrap();
        let request = Request::post("/validate?timeout=10s")
            .header(HOST, NAME)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(post.body.clone()));
        let response = self.sender.send_request(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        self.asked += 1;
        response.into_body().collect().await.unwrap().to_bytes()
    }

    /// A review, whose answer has to be right to the byte.
    pub async fn ask(&mut self, post: &Post) {
        assert_eq!(self.send(post).await, post.answer);
    }

    /// One after the other until it is time; how long each took.
    async fn keep_asking(&mut self, post: &Post, until: Instant) -> Vec<Duration> {
        let mut took = Vec::new();
        let mut now = Instant::now();
        while now < until {
            self.ask(post).await;
            let done = Instant::now();
            took.push(done - now);
            now = done;
        }
        took
    }
}

/// What was seen of one server for a while.
#[derive(Clone, Copy)]
pub struct Slice {
    /// Requests a second.
    pub rate: f64,
    /// Microseconds.
    pub p50: f64,
    /// Microseconds.
    pub p99: f64,
    /// Microseconds of the server's processor time a request.
    pub cpu: f64,
    /// The share of the time for which the server's threads were ready and something else ran.
    pub waited: f64,
}

impl Slice {
    pub async fn measure(process: &Process, connections: &mut [Connection], post: &Post, time: Duration) -> Self {
        let (before, start) = (process.spent(), Instant::now());
        let until = start + time;
        let took = join_all(connections.iter_mut().map(|connection| connection.keep_asking(post, until))).await;
        let (after, wall) = (process.spent(), start.elapsed().as_secs_f64());
        let mut took: Vec<_> = took.into_iter().flatten().collect();
        took.sort_unstable();
        let Spent { running, waiting } = after.since(before);
        #[allow(clippy::cast_precision_loss)]
        let count = took.len() as f64;
        let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_secs_f64() * 1e6;
        Self {
            rate: count / wall,
            p50: at(50),
            p99: at(99),
            cpu: running.as_secs_f64() * 1e6 / count,
            waited: waiting.as_secs_f64() / wall,
        }
    }
}
