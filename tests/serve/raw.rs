//! A client that decides for itself what goes over the wire and when.

use crate::client::{config, connect};
use crate::server::{NAME, Running};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// Longer than any test waits for something that does come.
pub const LONG: Duration = Duration::from_secs(20);

/// An HTTP/1.1 connection.
pub struct Raw {
    pub stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub struct Heard {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Value,
}

impl Heard {
    pub fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }
}

impl Raw {
    pub async fn to(running: &Running) -> Self {
        Self::speaking(running, "http/1.1").await
    }

    pub async fn speaking(running: &Running, protocol: &str) -> Self {
        let config = config(running.ca.der(), protocol, None);
        Self::over(connect(running.addresses.bind, config, NAME).await.unwrap())
    }

    pub fn over(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// More bytes; `false` at the end of the connection.
    async fn more(&mut self) -> bool {
        let reading = timeout(LONG, self.stream.read_buf(&mut self.read)).await;
        reading.expect("nothing came and the connection stayed open").is_ok_and(|read| read > 0)
    }

    /// The next response, informational ones included; `None` if the connection ends without one.
    pub async fn hear(&mut self) -> Option<Heard> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None if self.more().await => {}
                None => return None,
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length && self.more().await {}
        let body: Vec<u8> = self.read.drain(..length).collect();
        Some(Heard { status, head, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// Waits until the server has ended the connection; what it still says is dropped.
    pub async fn is_ended(&mut self) {
        while self.more().await {}
    }

    /// Whether the connection is open, as far as can be seen for this long.
    pub async fn is_open(&mut self, time: Duration) -> bool {
        let mut piece = [0; 1];
        timeout(time, self.stream.read(&mut piece)).await.is_err()
    }
}

/// The head of a review with this query and these further lines, each ended by CRLF.
pub fn head(query: &str, lines: &str) -> String {
    format!("POST /validate?{query} HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/json\r\n{lines}\r\n")
}

/// A whole request.
pub fn request(body: &[u8]) -> Vec<u8> {
    let mut bytes = head("timeout=5s", &format!("content-length: {}\r\n", body.len())).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The status of a GET in the clear; `None` if nothing answers.
pub async fn get(address: SocketAddr, path: &str) -> Option<u16> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        text.split(' ').nth(1)?.parse().ok()
    };
    timeout(LONG, asking).await.ok()?
}
