//! A verdict over each protocol, and the answers to what is no review.

use crate::bodies::{nad, review as body};
use crate::client::{Sender, review};
use crate::server::{Options, Running};
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn a_verdict_over_each_protocol() {
    let running = Running::start(Options::default()).await;
    for protocol in ["http/1.1", "h2"] {
        let mut sender = Sender::to(&running, protocol).await;
        for (range, allowed) in [("192.168.150.0/24", true), ("10.244.7.0/24", false)] {
            let answer = sender.post(body("CREATE", nad(range), Value::Null)).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK, "{protocol}");
            assert_eq!(answer.body["response"]["allowed"], json!(allowed), "{protocol}: {answer:?}");
        }
    }
    assert_eq!(
        running.metric(r#"controller_runtime_webhook_requests_total{webhook="/validate",code="200"}"#),
        Some(4.0)
    );
}

#[tokio::test]
async fn what_is_no_review_gets_a_status() {
    let running = Running::start(Options::default()).await;
    let good = || body("CREATE", nad("192.168.150.0/24"), Value::Null);
    let request = |change: fn(&mut Request<Full<_>>)| {
        let mut request = review(good(), "");
        change(&mut request);
        request
    };
    let cases = [
        (request(|r| *r.method_mut() = hyper::Method::PUT), 405, "PUT"),
        (request(|r| drop(r.headers_mut().remove("content-type"))), 415, "not given"),
        (request(|r| drop(r.headers_mut().insert("content-type", "text/plain".parse().unwrap()))), 415, "text/plain"),
        (request(|r| drop(r.headers_mut().insert("content-encoding", "gzip".parse().unwrap()))), 415, "gzip"),
        (review(&b"{"[..], ""), 400, "not JSON"),
        (review(vec![b' '; 9 << 20], ""), 413, "larger than 8388608 bytes"),
    ];
    for (request, status, word) in cases {
        let answer = Sender::to(&running, "http/1.1").await.send(request).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        assert!(answer.body["message"].as_str().unwrap().contains(word), "{answer:?}");
        assert_eq!(answer.body["code"], json!(status));
    }
    let answer = Sender::to(&running, "h2").await.post(&br#"{"request":{"uid":"u-7","#[..]).await.unwrap();
    assert_eq!(answer.body["details"]["uid"], json!("u-7"));
}
