//! The program as its users run it, and what must hold of the repository.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod api;
mod certs;
mod chart;
mod cli;
mod cluster;
mod docs;
mod examples;
mod formats;
mod generated;
mod purity;

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// The top of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, at the top of the repository, with nothing of the developer's environment that changes its output.
fn preflight() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"));
    command.current_dir(root()).env_remove("NO_COLOR").env_remove("KUBEVIRT_PREFLIGHT_POLICY");
    command
}

/// Exit code, standard output and standard error of `preflight` with these arguments.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = preflight().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The json of `check` with these arguments.
fn json(arguments: &[&str]) -> serde_json::Value {
    let (code, out, err) = run(&[&["check", "-o", "json"], arguments].concat());
    assert!(code < 2, "{err}");
    serde_json::from_str(&out).unwrap()
}

/// `level rule` of each finding, sorted.
fn verdicts(report: &serde_json::Value) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let mut all: Vec<_> = findings.map(|one| format!("{} {}", text(&one["level"]), text(&one["rule"]))).collect();
    all.sort();
    all.dedup();
    all
}

/// The files below `directory`, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
