//! A client as the API server is one: TLS, one connection, POST.

use crate::pki::Pair;
use crate::server::{NAME, Running};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A configuration that trusts `ca` and offers this protocol.
pub fn config(ca: CertificateDer<'static>, protocol: &str, own: Option<&Pair>) -> ClientConfig {
    config_of(rustls::ALL_VERSIONS, ca, &[protocol], own)
}

/// One that speaks only these versions and protocols.
pub fn config_of(
    versions: &[&'static SupportedProtocolVersion],
    ca: CertificateDer<'static>,
    protocols: &[&str],
    own: Option<&Pair>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(ca).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![cert], PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap())
                .unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// A handshake.
pub async fn connect(address: SocketAddr, config: ClientConfig, name: &str) -> io::Result<TlsStream<TcpStream>> {
    secured(TcpStream::connect(address).await?, config, name).await
}

/// A handshake over a connection that is made.
pub async fn secured(stream: TcpStream, config: ClientConfig, name: &str) -> io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

/// A connection that requests can be sent on.
pub enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Sender {
    /// Over a connection whose handshake is done.
    pub async fn over(stream: TlsStream<TcpStream>) -> Self {
        let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        if protocol.as_deref() == Some(b"h2") {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Self::Http1(sender)
        }
    }

    /// To the server, trusting its CA.
    pub async fn to(running: &Running, protocol: &str) -> Self {
        let config = config(running.ca.der(), protocol, None);
        Self::over(connect(running.addresses.bind, config, NAME).await.unwrap()).await
    }

    /// Sends any request.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        let response = match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (head, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// Posts a review as the API server does.
    pub async fn post(&mut self, body: impl Into<Bytes>) -> hyper::Result<Answer> {
        self.send(review(body, "timeout=2s")).await
    }
}

/// The request of a review.
pub fn review(body: impl Into<Bytes>, query: &str) -> Request<Full<Bytes>> {
    let uri = format!("https://{NAME}/validate?{query}");
    Request::post(uri)
        .header("host", NAME)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}
