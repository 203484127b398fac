//! Each format of `check`, of the same findings.

use crate::{json, preflight, run};
use serde_sarif::sarif::Sarif;

const BAD: [&str; 4] = ["check", "examples/bad/wrong-namespace", "--networks", "examples/cluster.yaml"];

fn out(format: &str) -> String {
    let (code, out, err) = run(&[&BAD[..], &["-o", format]].concat());
    assert_eq!((code, err.as_str()), (1, ""));
    out
}

#[test]
fn every_format_tells_the_same_findings() {
    let findings = json(&BAD[1..])["findings"].as_array().unwrap().len();
    assert_eq!(findings, 1);
    let sarif: Sarif = serde_json::from_str(&out("sarif")).unwrap();
    assert_eq!(sarif.runs[0].results.as_ref().unwrap().len(), findings);
    assert_eq!(out("github").matches("::error ").count(), findings);
    assert_eq!(out("junit").matches("<failure ").count(), findings);
    assert_eq!(out("text").matches("deny[").count(), findings);
}

#[test]
fn a_place_is_the_key_in_the_file() {
    let report = json(&BAD[1..]);
    let finding = &report["findings"][0];
    let file = finding["file"].as_str().unwrap();
    let text = std::fs::read_to_string(crate::root().join(file)).unwrap();
    let number = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
    let line = text.lines().nth(number("line") - 1).unwrap();
    assert!(line[number("column") - 1..].starts_with("network: migration"), "{line}");
}

#[test]
fn colour_is_never_written_to_a_pipe_unless_asked_for() {
    let with = |color: &str| run(&[&BAD[..], &["--color", color]].concat()).1;
    assert!(!with("auto").contains('\u{1b}') && !with("never").contains('\u{1b}'));
    assert!(with("always").contains('\u{1b}'));
    let always = preflight().args(BAD).args(["--color", "always"]).env("NO_COLOR", "1").output().unwrap();
    assert!(always.stdout.contains(&0x1b), "a flag is stronger than the environment");
}

#[test]
fn quiet_prints_nothing_when_there_is_nothing_to_find() {
    let good = ["check", "examples/good/kubevirt", "--networks", "examples/cluster.yaml", "--quiet"];
    assert_eq!(run(&good), (0, String::new(), String::new()));
}

#[test]
fn output_is_the_same_every_time() {
    for format in ["text", "json", "github", "sarif", "junit"] {
        assert_eq!(out(format), out(format), "{format}");
    }
}
