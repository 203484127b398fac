//! What goes over the wire: bodies and heads in every shape, and the answers to what is out of bounds.

use crate::bodies::{nad, review as body};
use crate::client::{Sender, review};
use crate::raw::{LONG, Raw, head, request};
use crate::server::{Options, Running, judge};
use hyper::Method;
use hyper::body::Bytes;
use kubevirt_preflight::serve::judge::Reread;
use kubevirt_preflight::serve::limits::Limits;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub fn good() -> Vec<u8> {
    body("CREATE", nad("192.168.150.0/24"), Value::Null)
}

pub fn bad() -> Vec<u8> {
    body("CREATE", nad("10.244.7.0/24"), Value::Null)
}

fn limited(limits: Limits) -> Options {
    Options { limits, ..Options::default() }
}

#[tokio::test]
async fn a_chunked_body() {
    let running = Running::start(Options::default()).await;
    let mut raw = Raw::to(&running).await;
    let body = bad();
    raw.send(head("", "transfer-encoding: chunked\r\n")).await;
    for piece in body.chunks(body.len() / 3 + 1) {
        raw.send(format!("{:x}\r\n", piece.len())).await;
        raw.send(piece).await;
        raw.send("\r\n").await;
    }
    raw.send("0\r\ntrailer: x\r\n\r\n").await;
    let heard = raw.hear().await.unwrap();
    assert_eq!((heard.status, &heard.body["response"]["allowed"]), (200, &json!(false)), "{heard:?}");
    raw.send(request(&good())).await;
    assert_eq!(raw.hear().await.unwrap().body["response"]["allowed"], json!(true));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let running = Running::start(Options::default()).await;
    let mut raw = Raw::to(&running).await;
    raw.send([request(&good()), request(&bad()), request(&good())].concat()).await;
    for allowed in [true, false, true] {
        assert_eq!(raw.hear().await.unwrap().body["response"]["allowed"], json!(allowed));
    }
}

#[tokio::test]
async fn leave_to_send_is_given_to_those_who_may() {
    let running = Running::start(Options::default()).await;
    let lines = |body: &[u8]| format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    let mut raw = Raw::to(&running).await;
    raw.send(head("", &lines(&good()))).await;
    assert_eq!(raw.hear().await.unwrap().status, 100);
    raw.send(good()).await;
    assert_eq!(raw.hear().await.unwrap().status, 200);
    // Too large, and known to be: nothing need be sent.
    raw.send(head("", "expect: 100-continue\r\ncontent-length: 9000000\r\n")).await;
    let heard = raw.hear().await.unwrap();
    assert!(heard.status == 413 && heard.has("connection: close"), "{heard:?}");
    raw.is_ended().await;
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let running = Running::start(Options::default()).await;
    let mut sender = Sender::to(&running, "http/1.1").await;
    for _ in 0..300 {
        let answer = sender.post(good()).await.unwrap();
        assert!(answer.status == 200 && !answer.headers.contains_key("connection"), "{answer:?}");
    }
    assert_eq!(running.metric("kubevirt_preflight_connections"), Some(1.0));
    drop(sender);
    running.until("kubevirt_preflight_connections", 0.0).await;
}

/// Holds every live read until the gate has a permit for it.
fn held(gate: &Arc<Semaphore>) -> Reread {
    let gate = Arc::clone(gate);
    Box::new(move |_| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            Ok(Vec::new())
        })
    })
}

#[tokio::test]
async fn an_http2_connection_carries_128_requests_at_once() {
    const STREAMS: usize = 128;
    const IN_FLIGHT: &str = r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#;
    let gate = Arc::new(Semaphore::new(0));
    let limits = Limits { reread: LONG, ..Limits::default() };
    let running = Running::start(Options { limits, reread: Some(held(&gate)), ..Options::default() }).await;
    let Sender::Http2(sender) = Sender::to(&running, "h2").await else { panic!("not HTTP/2") };
    let ask = |sender: &hyper::client::conn::http2::SendRequest<_>| {
        let mut sender = Sender::Http2(sender.clone());
        tokio::spawn(async move { sender.send(review(bad(), "timeout=30s")).await.unwrap() })
    };
    let asked: Vec<_> = (0..STREAMS).map(|_| ask(&sender)).collect();
    running.until(IN_FLIGHT, 128.0).await;
    gate.add_permits(STREAMS);
    for answer in asked {
        assert_eq!(answer.await.unwrap().body["response"]["allowed"], json!(false));
    }
    running.until(IN_FLIGHT, 0.0).await;
    assert_eq!(running.metric("kubevirt_preflight_connections"), Some(1.0));
}

#[tokio::test]
async fn a_body_that_is_too_large_gets_an_answer_that_is_seen() {
    let running = Running::start(Options::default()).await;
    let body = vec![b' '; 12 << 20];
    // This client listens only when all is sent.
    let mut raw = Raw::to(&running).await;
    raw.send(head("", &format!("content-length: {}\r\n", body.len()))).await;
    raw.send(&body).await;
    let heard = raw.hear().await.unwrap();
    assert_eq!((heard.status, &heard.body["reason"]), (413, &json!("RequestEntityTooLarge")));
    // All of it was read: the connection can go on.
    raw.send(request(&good())).await;
    assert_eq!(raw.hear().await.unwrap().status, 200);
    raw.send(head("", "transfer-encoding: chunked\r\n")).await;
    for piece in body.chunks(1 << 20) {
        raw.send(format!("{:x}\r\n", piece.len())).await;
        raw.send(piece).await;
        raw.send("\r\n").await;
    }
    raw.send("0\r\n\r\n").await;
    assert_eq!(raw.hear().await.unwrap().status, 413);
    let answer = Sender::to(&running, "h2").await.post(body).await.unwrap();
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_review() {
    let running = Running::start(Options::default()).await;
    let mut raw = Raw::to(&running).await;
    raw.send(head("", "content-length: 1000\r\n")).await;
    raw.send(&good()[..100]).await;
    raw.stream.shutdown().await.unwrap();
    if let Some(heard) = raw.hear().await {
        assert_eq!(heard.status, 400, "{heard:?}");
    }
    raw.is_ended().await;
    running.until(r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#, 0.0).await;
    assert_eq!(Sender::to(&running, "http/1.1").await.post(good()).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_refusal_says_what_would_be_right() {
    let running = Running::start(Options::default()).await;
    for protocol in ["http/1.1", "h2"] {
        let mut sender = Sender::to(&running, protocol).await;
        let other = |change: fn(&mut hyper::Request<_>)| {
            let mut request = review(good(), "");
            change(&mut request);
            request
        };
        let put = other(|request| *request.method_mut() = Method::PUT);
        let path = other(|request| *request.uri_mut() = "https://preflight.kubevirt.svc/validate/x".parse().unwrap());
        let kind = other(|r| drop(r.headers_mut().insert("content-type", "application/yaml".parse().unwrap())));
        for (request, status) in [(put, 405), (path, 404), (kind, 415), (review(&b"{"[..], ""), 400)] {
            let answer = sender.send(request).await.unwrap();
            assert_eq!(answer.status, status, "{answer:?}");
            assert_eq!(answer.body["kind"], json!("Status"), "{answer:?}");
            assert_eq!(answer.headers.get("allow").is_some_and(|allow| allow == "POST"), status == 405, "{answer:?}");
            assert!(!answer.headers.contains_key("connection"), "{protocol} {answer:?}");
            assert!(!answer.headers.contains_key("retry-after"), "{answer:?}");
        }
        assert_eq!(sender.post(good()).await.unwrap().status, 200, "{protocol}");
    }
}

#[tokio::test]
async fn what_the_client_sent_is_not_sent_back_whole() {
    let running = Running::start(Options::default()).await;
    let long = "x".repeat(1 << 20);
    let mut sender = Sender::to(&running, "http/1.1").await;
    for body in [
        json!({"apiVersion": long, "kind": "A"}),
        json!({"apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview", "request": {"uid": long, "operation": "X"}}),
    ] {
        let answer = sender.post(body.to_string()).await.unwrap();
        assert_eq!(answer.status, 400);
        assert!(answer.body.to_string().len() < 2_000, "{}", answer.body.to_string().len());
    }
}

#[tokio::test]
async fn a_head_has_a_bound() {
    let running = Running::start(Options::default()).await;
    let mut raw = Raw::to(&running).await;
    let long = format!("x-long: {}\r\n", "x".repeat(300 * 1024));
    // It may be cut off while it still sends.
    let _ = raw.stream.write_all(head("", &long).as_bytes()).await;
    if let Some(heard) = raw.hear().await {
        assert_eq!(heard.status, 431, "{heard:?}");
    }
    raw.is_ended().await;
    let mut large = review(good(), "");
    large.headers_mut().insert("x-long", "x".repeat(300 * 1024).parse().unwrap());
    let answer = Sender::to(&running, "h2").await.send(large).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 431));
    assert_eq!(running.metric(r#"controller_runtime_webhook_requests_total{webhook="/validate",code="200"}"#), None);
}

#[tokio::test]
async fn a_slow_body_is_given_up_just_before_the_deadline() {
    let running = Running::start(Options::default()).await;
    let mut raw = Raw::to(&running).await;
    let began = Instant::now();
    raw.send(head("timeout=600ms", "content-length: 1000\r\n")).await;
    raw.send("{").await;
    let heard = raw.hear().await.unwrap();
    let took = began.elapsed();
    assert!(heard.status == 408 && heard.has("connection: close"), "{heard:?}");
    assert!(took >= Duration::from_millis(550), "{took:?}");
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    raw.is_ended().await;
}

#[tokio::test]
async fn bodies_have_a_budget() {
    let running = Running::start(limited(Limits { bodies: 64 * 1024, ..Limits::default() })).await;
    let large = |n: usize| [good(), vec![b' '; n * 1024]].concat();
    let (mut slow, half) = (Raw::to(&running).await, large(50));
    slow.send(head("timeout=20s", &format!("content-length: {}\r\n", half.len()))).await;
    let (first, last) = half.split_at(half.len() - 1);
    slow.send(first).await;
    let mut sender = Sender::to(&running, "http/1.1").await;
    // The other half may still be on its way.
    let shed = async {
        loop {
            let answer = sender.post(large(30)).await.unwrap();
            if answer.status != 200 {
                break answer;
            }
        }
    };
    let shed = timeout(LONG, shed).await.unwrap();
    assert_eq!((shed.status.as_u16(), shed.headers["retry-after"].as_bytes()), (429, &b"1"[..]), "{shed:?}");
    assert_eq!(running.metric(r#"kubevirt_preflight_shed_total{reason="bytes"}"#), Some(1.0));
    slow.send(last).await;
    assert_eq!(slow.hear().await.unwrap().status, 200);
    assert_eq!(sender.post(large(30)).await.unwrap().status, 200);
}

#[tokio::test]
async fn reviews_have_a_bound() {
    let running = Running::start(limited(Limits { reviews: 1, ..Limits::default() })).await;
    let mut slow = Raw::to(&running).await;
    slow.send(head("timeout=20s", &format!("content-length: {}\r\n", good().len()))).await;
    running.until(r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#, 1.0).await;
    for protocol in ["http/1.1", "h2"] {
        let mut sender = Sender::to(&running, protocol).await;
        let answer = sender.post(good()).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].as_bytes()), (429, &b"1"[..]), "{answer:?}");
        // Its body was read, so that it can ask again on the same connection.
        assert!(!answer.headers.contains_key("connection"), "{answer:?}");
        assert_eq!(sender.post(good()).await.unwrap().status, 429);
    }
    slow.send(good()).await;
    assert_eq!(slow.hear().await.unwrap().status, 200);
    assert_eq!(Sender::to(&running, "h2").await.post(good()).await.unwrap().status, 200);
}

#[tokio::test]
async fn before_the_first_sync_clients_are_told_to_come_again() {
    let running = Running::start(Options { synced: false, ..Options::default() }).await;
    let mut senders = [Sender::to(&running, "http/1.1").await, Sender::to(&running, "h2").await];
    for sender in &mut senders {
        // Larger than what one read brings: all of it is taken from the client before the answer.
        let answer = sender.post(Bytes::from([good(), vec![b' '; 3 << 20]].concat())).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].as_bytes()), (503, &b"1"[..]), "{answer:?}");
        assert!(!answer.headers.contains_key("connection"), "{answer:?}");
    }
    running.judge.send_replace(Some(judge()));
    for sender in &mut senders {
        assert_eq!(sender.post(good()).await.unwrap().status, 200);
    }
}
