//! Clients that take their time: none of them holds the server.

use crate::client::{Sender, config, secured};
use crate::raw::{LONG, Raw, head, request};
use crate::server::{NAME, Options, Running};
use crate::wire::good;
use kubevirt_preflight::serve::limits::Limits;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const FIRST: Duration = Duration::from_millis(250);
const IDLE: Duration = Duration::from_millis(1_500);

async fn impatient() -> Running {
    let limits = Limits { handshake: FIRST, first_request: FIRST, idle: IDLE, ..Limits::default() };
    Running::start(Options { limits, ..Options::default() }).await
}

fn ended(reason: &str) -> String {
    format!(r#"kubevirt_preflight_connections_ended_total{{reason="{reason}"}}"#)
}

/// Bytes of a stream, one at a time, until the server ends it.
async fn drip(raw: &mut Raw, text: &str) {
    let began = Instant::now();
    for byte in text.bytes().cycle() {
        assert!(began.elapsed() < LONG, "the connection was not ended");
        if raw.stream.write_all(&[byte]).await.is_err() || !raw.is_open(Duration::from_millis(20)).await {
            return;
        }
    }
}

#[tokio::test]
async fn a_handshake_has_its_time() {
    const SERIES: &str = r#"kubevirt_preflight_handshake_failures_total{reason="timeout"}"#;
    let running = impatient().await;
    let mut silent = TcpStream::connect(running.addresses.bind).await.unwrap();
    let mut stalled = TcpStream::connect(running.addresses.bind).await.unwrap();
    // A record's head that promises a hello of 512 bytes.
    stalled.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    for stream in [&mut silent, &mut stalled] {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.unwrap();
    }
    running.until(SERIES, 2.0).await;
    running.until("kubevirt_preflight_connections", 0.0).await;
}

#[tokio::test]
async fn a_first_request_has_its_time() {
    let running = impatient().await;
    for protocol in ["http/1.1", "h2"] {
        Raw::speaking(&running, protocol).await.is_ended().await;
    }
    running.until(&ended("first-request"), 2.0).await;
    let mut dripping = Raw::to(&running).await;
    drip(&mut dripping, &head("", "content-length: 1\r\n").replace("\r\n", "x")).await;
    running.until(&ended("first-request"), 3.0).await;
    // HTTP/2 with its preface and its settings, and no request.
    let mut sender = Sender::to(&running, "h2").await;
    running.until(&ended("first-request"), 4.0).await;
    assert!(sender.post(good()).await.is_err());
    running.until("kubevirt_preflight_connections", 0.0).await;
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_longer() {
    let running = impatient().await;
    let mut raw = Raw::to(&running).await;
    for _ in 0..2 {
        raw.send(request(&good())).await;
        assert_eq!(raw.hear().await.unwrap().status, 200);
        assert!(raw.is_open(FIRST * 4).await);
    }
    let began = Instant::now();
    raw.is_ended().await;
    assert!(began.elapsed() < IDLE + Duration::from_secs(1), "{:?}", began.elapsed());
    running.until(&ended("idle"), 1.0).await;
    let mut sender = Sender::to(&running, "h2").await;
    assert_eq!(sender.post(good()).await.unwrap().status, 200);
    running.until(&ended("idle"), 2.0).await;
    running.until("kubevirt_preflight_connections", 0.0).await;
}

#[tokio::test]
async fn a_slow_head_of_a_second_request_is_idleness() {
    let running = impatient().await;
    let mut raw = Raw::to(&running).await;
    raw.send(request(&good())).await;
    assert_eq!(raw.hear().await.unwrap().status, 200);
    drip(&mut raw, &head("", "content-length: 1\r\n").replace("\r\n", "x")).await;
    running.until(&ended("idle"), 1.0).await;
}

#[tokio::test]
async fn an_http2_request_without_its_body_has_a_deadline() {
    let running = impatient().await;
    let mut raw = Raw::speaking(&running, "h2").await;
    raw.send(h2_post_without_body("/validate?timeout=1s")).await;
    running.until(r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#, 1.0).await;
    running.until(r#"controller_runtime_webhook_requests_total{webhook="/validate",code="408"}"#, 1.0).await;
    running.until(r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#, 0.0).await;
    // It acknowledges nothing and asks no more.
    raw.is_ended().await;
    running.until("kubevirt_preflight_connections", 0.0).await;
}

/// Preface, empty SETTINGS, and HEADERS of stream 1 that do not end it, in HPACK without a table.
fn h2_post_without_body(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x87];
    for (name, value) in [(":path", path), (":authority", "x"), ("content-type", "application/json")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0, 0, u8::try_from(block.len()).unwrap(), 1, 4, 0, 0, 0, 1]);
    bytes.extend_from_slice(&block);
    bytes
}

const PLACES: usize = 4;

/// A server with four places, all of them taken by clients that `dawdle` made.
async fn crowded<T>(dawdle: impl AsyncFn(&Running) -> T) -> (Running, Vec<T>) {
    let limits = Limits { connections: PLACES, ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let mut clients = Vec::new();
    for count in 1..=PLACES {
        clients.push(dawdle(&running).await);
        running.until("kubevirt_preflight_connections", f64::from(u32::try_from(count).unwrap())).await;
    }
    (running, clients)
}

/// A client that has something to ask is answered all the same.
async fn is_answered(running: &Running, time: Duration) {
    let asking = async { Sender::to(running, "http/1.1").await.post(good()).await.unwrap().status };
    assert_eq!(timeout(time, asking).await.expect("no place was made"), 200);
    running.until(&ended("evicted"), 1.0).await;
}

/// Less than any time-out would take to make room.
const AT_ONCE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn clients_that_only_connect_make_room() {
    let (running, _clients) = crowded(async |running| TcpStream::connect(running.addresses.bind).await.unwrap()).await;
    is_answered(&running, AT_ONCE).await;
}

#[tokio::test]
async fn clients_without_a_request_make_room() {
    let (running, _clients) = crowded(async |running| Raw::to(running).await).await;
    is_answered(&running, AT_ONCE).await;
    let (running, _clients) = crowded(async |running| Raw::speaking(running, "h2").await).await;
    is_answered(&running, AT_ONCE).await;
}

#[tokio::test]
async fn clients_in_the_middle_of_a_head_make_room() {
    let half = async |running: &Running| {
        let mut raw = Raw::to(running).await;
        raw.send("POST /validate HTTP/1.1\r\nhost:").await;
        raw
    };
    let (running, _clients) = crowded(half).await;
    is_answered(&running, AT_ONCE).await;
}

/// A stranger, at one address, opens more connections than there are places, and asks once on each; the API server has
/// long been idle.
#[tokio::test]
async fn a_crowd_from_one_address_pushes_out_nobody_else() {
    let limits = Limits { connections: PLACES, ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let config = || config(running.ca.der(), "http/1.1", None);
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let stream = socket.connect(running.addresses.bind).await.unwrap();
    let mut server = Sender::over(secured(stream, config(), NAME).await.unwrap()).await;
    assert_eq!(server.post(good()).await.unwrap().status, 200);
    let mut crowd = Vec::new();
    for _ in 0..2 * PLACES {
        let mut one = Sender::to(&running, "http/1.1").await;
        assert_eq!(one.post(good()).await.unwrap().status, 200);
        crowd.push(one);
    }
    assert_eq!(server.post(good()).await.unwrap().status, 200);
}

#[tokio::test]
async fn clients_that_do_not_read_make_room() {
    let deaf = async |running: &Running| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(running.addresses.bind).await.unwrap();
        let mut raw = Raw::over(secured(stream, config(running.ca.der(), "http/1.1", None), NAME).await.unwrap());
        // The answers are as long as the questions: when nobody takes them, the server stops reading.
        let many = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(900)).repeat(1_000);
        let _ = timeout(Duration::from_millis(300), raw.stream.write_all(many.as_bytes())).await;
        raw
    };
    let (running, _clients) = crowded(deaf).await;
    is_answered(&running, AT_ONCE).await;
}

#[tokio::test]
async fn clients_in_the_middle_of_a_body_make_room_in_the_end() {
    let half = async |running: &Running| {
        let mut raw = Raw::to(running).await;
        raw.send(head("timeout=30s", "content-length: 100\r\n")).await;
        raw.send("{").await;
        raw
    };
    let (running, _clients) = crowded(half).await;
    is_answered(&running, AT_ONCE * 2).await;
}

#[tokio::test]
async fn a_review_that_is_being_judged_keeps_its_place() {
    let limits = Limits { connections: 1, reread: Duration::from_secs(3), ..Limits::default() };
    let reread: kubevirt_preflight::serve::judge::Reread = Box::new(|_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(Vec::new())
        })
    });
    let running = Running::start(Options { limits, reread: Some(reread), ..Options::default() }).await;
    let mut judged = Raw::to(&running).await;
    judged.send(head("timeout=10s", &format!("content-length: {}\r\n", crate::wire::bad().len()))).await;
    judged.send(crate::wire::bad()).await;
    running.until(r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#, 1.0).await;
    let _newcomer = TcpStream::connect(running.addresses.bind).await.unwrap();
    assert_eq!(judged.hear().await.unwrap().status, 200);
}
