//! The live read before a refusal, and defects in it.

use crate::bodies::{self, kubevirt, nad, object};
use crate::client::{Sender, review};
use crate::server::{Options, Running};
use crate::wire::{bad, good};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::serve::judge::{Judge, Live, Reread};
use kubevirt_preflight::world::{Inputs, World};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const FAILURES: &str = "kubevirt_preflight_live_read_failures_total";
const IN_FLIGHT: &str = r#"controller_runtime_webhook_requests_in_flight{webhook="/validate"}"#;

/// A KubeVirt that names no network.
fn without_network() -> Value {
    let mut value = kubevirt("mig", 1, 0, 0);
    value["spec"]["configuration"]["migrations"] = json!({});
    value
}

/// A server whose snapshot has these objects.
async fn knowing(objects: &[Value], reread: Reread) -> Running {
    let running = Running::start(Options { reread: Some(reread), ..Options::default() }).await;
    let objects = objects.iter().map(object).collect();
    let declared = Declared::parse(bodies::NETWORKS, "cluster.yaml").unwrap();
    let world = World::of(Inputs { objects, declared, ..Inputs::default() });
    running.judge.send_replace(Some(Arc::new(Judge { world, policy: Policy::default() })));
    running
}

/// The cluster as it is now: `live`, and what was asked for.
fn cluster(live: Vec<Object>) -> (Reread, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let reread: Reread = Box::new(move |names| {
        heard.lock().unwrap().extend(names.iter().map(|name| format!("{} {}", name.kind, name.name)));
        let find = |name| live.iter().find(|object| object.reference().is_same(name)).cloned();
        let found: Live = names.iter().map(|name| (name.clone(), find(name))).collect();
        Box::pin(async { Ok(found) })
    });
    (reread, asked)
}

fn creation(value: Value) -> Vec<u8> {
    bodies::review("CREATE", value, Value::Null)
}

async fn ask(running: &Running, body: Vec<u8>) -> Value {
    let answer = Sender::to(running, "http/1.1").await.post(body).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["response"].clone()
}

#[tokio::test]
async fn a_nad_that_was_mended_meanwhile_refuses_nothing() {
    let (reread, asked) = cluster(vec![object(&nad("192.168.150.0/24"))]);
    let running = knowing(&[nad("10.244.7.0/24")], reread).await;
    let response = ask(&running, creation(kubevirt("mig", 1, 0, 0))).await;
    assert_eq!(response["allowed"], json!(true), "{response}");
    assert_eq!(*asked.lock().unwrap(), ["NetworkAttachmentDefinition mig"]);
    assert_eq!(running.metric(FAILURES), Some(0.0));
}

#[tokio::test]
async fn a_nad_that_is_bad_live_is_refused_after_one_reading() {
    let (reread, asked) = cluster(vec![object(&nad("10.244.7.0/24"))]);
    let running = knowing(&[nad("10.244.7.0/24")], reread).await;
    let response = ask(&running, creation(kubevirt("mig", 1, 0, 0))).await;
    assert_eq!(response["allowed"], json!(false), "{response}");
    assert_eq!(*asked.lock().unwrap(), ["NetworkAttachmentDefinition mig"]);
}

#[tokio::test]
async fn a_nad_that_something_refers_to_meanwhile_is_refused() {
    let (reread, asked) = cluster(vec![object(&kubevirt("mig", 1, 0, 0))]);
    let running = knowing(&[without_network()], reread).await;
    let response = ask(&running, bad()).await;
    assert_eq!(response["allowed"], json!(false), "{response}");
    assert_eq!(*asked.lock().unwrap(), ["KubeVirt kubevirt"]);
    // A good one asks nobody.
    assert_eq!(ask(&running, good()).await["allowed"], json!(true));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_live_read_that_fails_leaves_the_verdict_and_says_so() {
    let failing = || -> Reread { Box::new(|_| Box::pin(async { Err("the API server is away".to_owned()) })) };
    let running = knowing(&[kubevirt("mig", 1, 0, 0)], failing()).await;
    let response = ask(&running, bad()).await;
    assert_eq!(response["allowed"], json!(false), "{response}");
    assert!(response["status"]["message"].as_str().unwrap().contains("the API server is away"), "{response}");
    assert_eq!(running.metric(FAILURES), Some(1.0));
    let running = knowing(&[without_network()], failing()).await;
    let response = ask(&running, bad()).await;
    assert_eq!(response["allowed"], json!(true), "{response}");
    assert!(response["warnings"].to_string().contains("the API server is away"), "{response}");
    assert_eq!(running.metric(FAILURES), Some(1.0));
}

#[tokio::test]
async fn a_live_read_that_takes_too_long_is_given_up() {
    let running = knowing(&[kubevirt("mig", 1, 0, 0)], Box::new(|_| Box::pin(std::future::pending()))).await;
    let mut sender = Sender::to(&running, "http/1.1").await;
    for (query, least, most) in [("timeout=5s", 500, 2_000), ("timeout=300ms", 100, 300)] {
        let began = Instant::now();
        let answer = sender.send(review(bad(), query)).await.unwrap();
        let took = began.elapsed();
        assert_eq!(answer.body["response"]["allowed"], json!(false), "{answer:?}");
        let message = answer.body["response"]["status"]["message"].as_str().unwrap();
        assert!(message.contains("the live read took longer than"), "{message}");
        assert!((Duration::from_millis(least)..Duration::from_millis(most)).contains(&took), "{query}: {took:?}");
    }
    assert_eq!(running.metric(FAILURES), Some(2.0));
}

#[tokio::test]
async fn a_defect_ends_one_request_and_no_more() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let reread: Reread = Box::new(move |_| {
        // Half of them while the future is made, half while it runs.
        let call = counted.fetch_add(1, Ordering::Relaxed);
        assert!(call.is_multiple_of(2), "a defect of the test's making");
        Box::pin(async { panic!("another one") })
    });
    let running = knowing(&[kubevirt("mig", 1, 0, 0)], reread).await;
    // The second is judged on a thread of its own.
    let large = [bad(), vec![b' '; 300 * 1024]].concat();
    for protocol in ["http/1.1", "h2"] {
        let mut sender = Sender::to(&running, protocol).await;
        for body in [bad(), large.clone()] {
            let answer = sender.post(body).await.unwrap();
            assert_eq!((answer.status.as_u16(), &answer.body["reason"]), (500, &json!("InternalError")), "{answer:?}");
            assert!(!answer.headers.contains_key("retry-after"), "{answer:?}");
            assert_eq!(sender.post(good()).await.unwrap().status, 200, "{protocol}");
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 4);
    assert_eq!(running.metric("controller_runtime_webhook_panics_total"), Some(4.0));
    let failed = r#"controller_runtime_webhook_requests_total{webhook="/validate",code="500"}"#;
    assert_eq!(running.metric(failed), Some(4.0));
    running.until(IN_FLIGHT, 0.0).await;
}

#[tokio::test]
async fn a_large_review_is_judged_as_a_small_one() {
    let (reread, asked) = cluster(vec![object(&kubevirt("mig", 1, 0, 0))]);
    let running = knowing(&[without_network()], reread).await;
    let response = ask(&running, [bad(), vec![b' '; 300 * 1024]].concat()).await;
    assert_eq!(response["allowed"], json!(false), "{response}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}
