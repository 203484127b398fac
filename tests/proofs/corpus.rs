//! tests/corpus: inputs picked by hand because they once broke some reader. Each is read by everything that reads bytes.
#![allow(clippy::format_collect)] // texts of a test, made once

use crate::bytes::read_everywhere;
use crate::support::kubevirt;
use crate::targets::{nad_of, respond_to};
use crate::worlds::{Scene, today};
use kubevirt_preflight::admission::respond;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::review;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 15, "{}", files.len());
    files
}

/// `NAME.refused.json` is no review, for which there is an error; every other one is answered.
#[test]
fn reviews_are_answered_or_refused_with_a_reason() {
    let world = Scene::of(vec![kubevirt("mig", 1, 0, 0)]).world();
    for file in files("reviews") {
        let bytes = std::fs::read(&file).unwrap();
        read_everywhere(&bytes);
        let refused = file.to_string_lossy().contains(".refused.");
        let answer = respond(&bytes, &world, &Policy::default(), today());
        assert_eq!(answer.is_err(), refused, "{}: {answer:?}", file.display());
    }
}

/// As the config of a NAD in use: what cannot be read is refused, and `NAME.fine.json` only looks bad.
#[test]
fn configs_are_judged() {
    for file in files("nads") {
        let bytes = std::fs::read(&file).unwrap();
        read_everywhere(&bytes);
        let nad = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "mig", "namespace": "kubevirt"}, "spec": {"config": String::from_utf8_lossy(&bytes)}});
        let found = Scene::of(vec![nad.clone(), kubevirt("mig", 1, 0, 0)]).review().findings;
        let fine = file.to_string_lossy().contains(".fine.");
        let denied = found.iter().any(|finding| finding.level == kubevirt_preflight::finding::Level::Deny);
        assert_eq!(denied, !fine, "{}: {found:?}", file.display());
        let body = crate::support::review("CREATE", nad, Value::Null);
        let world = Scene::of(vec![kubevirt("mig", 1, 0, 0)]).world();
        let answer: Value =
            serde_json::from_slice(&respond(&body, &world, &Policy::default(), today()).unwrap().bytes).unwrap();
        assert_eq!(answer["response"]["allowed"], json!(fine), "{}", file.display());
        assert!(review(&world, &Policy::default(), today()).findings.len() < 100);
    }
}

/// What `make fuzz` runs on bytes of its own.
#[test]
fn the_fuzz_targets_hold_for_the_corpus() {
    for file in files("reviews").into_iter().chain(files("nads")) {
        let bytes = std::fs::read(&file).unwrap();
        println!("{}", file.display());
        respond_to(&bytes);
        nad_of(&bytes);
    }
}

/// What is too long for a file of the corpus: as config, as body, and as file.
fn grown() -> Vec<(&'static str, String)> {
    let ipam = r#""ipam":{"type":"whereabouts","range":"192.168.150.0/24"}"#;
    let config = |more: &str| format!(r#"{{"cniVersion":"0.3.1","type":"macvlan","master":"eth1",{more}}}"#);
    let list = |entry: &str, count: usize| vec![entry; count].join(",");
    let routes: Vec<_> = (0..9_000).map(|n| format!(r#"{{"dst":"20.{}.{}.0/24"}}"#, n >> 8, n & 255)).collect();
    let ranges: Vec<_> = (0..6_000).map(|n| format!(r#"{{"range":"20.{}.{}.0/24"}}"#, n >> 8, n & 255)).collect();
    let keys: String = (0..20_000).map(|n| format!(r#""k{n}":0,"#)).collect();
    vec![
        ("deep", "[".repeat(1_000_000)),
        ("deep and closed", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("deep object", r#"{"a":"#.repeat(100_000)),
        ("deep yaml", "- ".repeat(50_000)),
        ("indented yaml", (0..2_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect()),
        ("aliases", format!("a: &a [x]\n{}", (0..30).map(|_| "b: &a [*a, *a, *a, *a]\n").collect::<String>())),
        ("256 KiB and one", config(&format!(r#""x":"{}",{ipam}"#, "y".repeat(256 * 1024)))),
        ("just short of 256 KiB", config(&format!(r#""x":"{}",{ipam}"#, "y".repeat(256 * 1024 - 200)))),
        ("many keys", config(&format!("{keys}{ipam}"))),
        (
            "many routes",
            config(&format!(
                r#""ipam":{{"type":"static","addresses":[{{"address":"192.168.150.2/24"}}],"routes":[{}]}}"#,
                routes.join(",")
            )),
        ),
        ("many ranges", config(&format!(r#""ipam":{{"type":"whereabouts","ipRanges":[{}]}}"#, ranges.join(",")))),
        (
            "many exclusions",
            config(&format!(
                r#""ipam":{{"type":"whereabouts","range":"192.0.0.0/8","exclude":[{}]}}"#,
                list(r#""192.1.0.0/16""#, 9_000)
            )),
        ),
        (
            "many plugins",
            format!(r#"{{"cniVersion":"1.0.0","name":"n","plugins":[{}]}}"#, list(r#"{"type":"macvlan"}"#, 10_000)),
        ),
        ("long number", config(&format!(r#""mtu":{},{ipam}"#, "9".repeat(100_000)))),
        ("documents", "---\na: b\n".repeat(20_000)),
        ("quotes", "\"\\".repeat(60_000)),
    ]
}

/// Nothing takes long: what is quadratic in an input of 256 KiB would take minutes in a debug build.
#[test]
fn grown_inputs_are_read_in_time() {
    let world = Scene::of(vec![kubevirt("mig", 1, 0, 0)]).world();
    for (name, text) in grown() {
        let begun = Instant::now();
        read_everywhere(text.as_bytes());
        let nad = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "mig", "namespace": "kubevirt"}, "spec": {"config": text}});
        let body = crate::support::review("CREATE", nad, Value::Null);
        let answer = respond(&body, &world, &Policy::default(), today()).unwrap();
        assert!(answer.bytes.len() < 3 * 1024 * 1024, "{name}: {}", answer.bytes.len());
        println!("{name}: {:?}, {:?}", begun.elapsed(), answer.summary.rules);
        assert!(begun.elapsed() < Duration::from_secs(10), "{name}: {:?}", begun.elapsed());
    }
}
