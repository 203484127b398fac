//! Log lines: what they hold, that nobody can forge them, and that nobody can fill a disk with them.

use crate::bodies::{nad, review};
use crate::client;
use crate::process::{Folder, PATIENCE, Process};
use crate::server::{Options, Running};
use kubevirt_preflight::serve::logs::{self, Format};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;
use tokio::time::timeout;

const SECRET: &str = "never-in-a-log";

/// The review of a NAD whose uid, user and name are these.
fn named(uid: &str, user: &str, name: &str) -> Vec<u8> {
    let mut nad = nad("10.244.7.0/24");
    nad["metadata"]["name"] = json!(name);
    nad["metadata"]["annotations"]["token"] = json!(SECRET);
    let mut body: Value = serde_json::from_slice(&review("CREATE", nad, Value::Null)).unwrap();
    body["request"]["uid"] = json!(uid);
    body["request"]["userInfo"] = json!({"username": user, "extra": {"token": [SECRET]}});
    serde_json::to_vec(&body).unwrap()
}

fn keys(line: &Value) -> BTreeSet<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_decision_is_one_json_line_with_these_keys() {
    let mut process = Folder::new().start(&[], &[]);
    let mut dry: Value = serde_json::from_slice(&named("u-2", "eve", "other")).unwrap();
    dry["request"]["dryRun"] = json!(true);
    process.verdict(named("u-1", "system:serviceaccount:kubevirt:operator", "mig")).await;
    process.verdict(dry.to_string().into_bytes()).await;
    assert!(process.stop().await.success());
    let lines = process.logged("review");
    let wanted = "dryRun kind level message micros object operation rules timestamp uid user verdict";
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        assert_eq!(keys(line), wanted.split(' ').collect());
        assert!(line["micros"].as_u64().unwrap() < 60_000_000);
    }
    let told = |line: &Value| {
        let mut line = line.clone();
        let members = line.as_object_mut().unwrap();
        members.retain(|key, _| !["timestamp", "micros"].contains(&key.as_str()));
        line
    };
    assert_eq!(
        told(&lines[0]),
        json!({"level": "INFO", "message": "review", "uid": "u-1", "user": "system:serviceaccount:kubevirt:operator",
            "kind": "NetworkAttachmentDefinition", "object": "kubevirt/mig", "operation": "CREATE", "dryRun": false,
            "verdict": "denied", "rules": "pod-network-overlap"})
    );
    assert_eq!((&lines[1]["dryRun"], &lines[1]["verdict"]), (&json!(true), &json!("allowed")));
    let all = process.lines().join("\n");
    assert!(!all.contains(SECRET) && !all.contains("10.244.7.0") && !all.contains("macvlan"), "{all}");
}

#[tokio::test]
async fn a_client_cannot_forge_a_line() {
    let folder = Folder::new();
    let command = folder.serve(&["--networks", "@networks.yaml", "--world", "@world.yaml"]);
    let lines = forged(Process::start(command, folder)).await;
    let count = |word: &str| lines.iter().filter(|line| line[27..].trim_start().starts_with(word)).count();
    assert_eq!((count("INFO review uid="), count("WARN no verdict ")), (4, 2), "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("20")), "{lines:#?}");
}

#[tokio::test]
async fn a_client_cannot_forge_a_json_line() {
    let lines = forged(Folder::new().start(&[], &[])).await;
    let values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fields = values.iter().flat_map(|value| value.as_object().unwrap().values()).filter_map(Value::as_str);
    let forged: Vec<_> = fields.filter(|field| field.contains(char::is_control)).collect();
    assert!(forged.is_empty(), "{forged:?}");
}

/// All lines of a server that was sent what deceives a terminal or its reader.
async fn forged(mut process: Process) -> Vec<String> {
    let evil = "x\n2026-11-24T00:00:00Z  INFO review uid=\"f\" verdict=\"allowed\"\r\u{1b}[2J\u{9b}1m\u{202e}\u{2066}\u{200b}\u{2028}\u{7}";
    let long = "l".repeat(100_000);
    for (uid, user, name) in [(evil, "u", "n"), ("u", evil, "n"), ("u", "u", evil), (&long, &long, &long)] {
        process.verdict(named(uid, user, name)).await;
    }
    let bad = json!({"apiVersion": evil, "kind": evil, "request": {"uid": evil, "operation": evil}}).to_string();
    let odd = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": evil, "operation": evil}})
    .to_string();
    for body in [bad, odd] {
        assert_eq!(process.sender().await.post(body).await.unwrap().status, 400);
    }
    assert!(process.stop().await.success());
    let lines = process.lines();
    for line in &lines {
        assert!(line.chars().count() < 1500, "{line}");
        let deceives = |c: char| c.is_control() || "\u{202e}\u{2066}\u{200b}\u{2028}".contains(c);
        assert!(!line.contains(deceives), "{line:?}");
    }
    lines
}

#[tokio::test]
async fn requests_without_a_verdict_are_told_within_a_bound() {
    let mut process = Folder::new().start(&[], &[]);
    let (begun, mut sender, sent) = (Instant::now(), process.sender().await, 300);
    let bad =
        br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-9","operation":"EAT"}}"#;
    for _ in 0..sent {
        assert_eq!(sender.post(&bad[..]).await.unwrap().status, 400);
    }
    let most = 10 * (begun.elapsed().as_secs() + 2);
    let left_out = process.metric("kubevirt_preflight_log_lines_left_out_total").await.unwrap();
    assert!(process.stop().await.success());
    let lines = process.logged("no verdict");
    let wanted = "leftOut level message peer status timestamp uid why";
    assert_eq!(keys(&lines[0]), wanted.split(' ').collect());
    assert_eq!((&lines[0]["uid"], &lines[0]["status"]), (&json!("u-9"), &json!(400)));
    assert!(lines[0]["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{}", lines[0]);
    let count = u32::try_from(lines.len()).unwrap();
    assert!(u64::from(count) <= most && count >= 10, "{count} lines, {most} allowed");
    assert!((f64::from(count) + left_out - f64::from(sent)).abs() < 0.5, "{count} + {left_out}");
}

#[tokio::test]
async fn no_verdict_and_no_end_waits_for_a_standard_error_that_nobody_reads() {
    let folder = Folder::new();
    let command = folder.serve(&["--networks", "@networks.yaml", "--world", "@world.yaml"]);
    let mut process = Process::unheard(command, folder);
    let mut sender = process.sender().await;
    // Several times what a pipe holds.
    for _ in 0..1000 {
        let answer = timeout(PATIENCE, sender.post(named("u-1", "u", "mig"))).await;
        assert_eq!(answer.expect("the verdict waits").unwrap().status, 200);
    }
    assert_eq!(process.get("/livez").await.0, 200);
    process.terminate();
    assert!(process.exit(PATIENCE).await.success());
}

const CHILD: &str = "PREFLIGHT_TEST_PANICS";

/// Not a test by itself: the next one runs it in a process of its own, as the hook and the log are the process's.
#[tokio::test]
async fn child_that_panics() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    logs::start(Format::Json, "info", false).unwrap();
    let reread: kubevirt_preflight::serve::judge::Reread = Box::new(|_| panic!("a defect\nof two lines"));
    let running = Running::start(Options { reread: Some(reread), ..Options::default() }).await;
    for _ in 0..2 {
        // Refused on the snapshot, so the referring CR is read anew.
        let mut sender = client::Sender::to(&running, "http/1.1").await;
        let answer = sender.post(review("CREATE", nad("10.244.7.0/24"), Value::Null)).await.unwrap();
        println!("status {}", answer.status.as_u16());
    }
    assert_eq!(running.metric("controller_runtime_webhook_panics_total"), Some(2.0));
    logs::flush();
}

#[test]
fn a_panic_is_one_line_with_its_place() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command
        .args(["--exact", "logs::child_that_panics", "--nocapture", "--test-threads", "1"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let (told, printed) = (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert!(output.status.success(), "{printed}{told}");
    assert_eq!(printed.matches("status 500").count(), 2, "{printed}{told}");
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let panics: Vec<_> =
        lines.iter().filter(|line| line["why"].as_str().is_some_and(|why| why.contains("a defect"))).collect();
    assert_eq!(panics.len(), 2, "{told}");
    assert!(panics[0]["place"].as_str().unwrap().starts_with("tests/serve/logs.rs:"), "{told}");
    assert_eq!(panics[0]["level"], "ERROR");
}
