//! Few open files: the server makes do, and still answers who asks.

use crate::client::Sender;
use crate::process::{Folder, Process};
use crate::wire::good;
use std::process::Command;
use std::time::Duration;
use tokio::time::timeout;

/// A server that the shell gives so many open files.
fn limited(limit: &str) -> Process {
    let folder = Folder::new();
    let given = folder.serve(&["--networks", "@networks.yaml", "--log-format", "json"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(given.get_program())
        .args(given.get_args());
    command.envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Process::start(command, folder)
}

/// Connections that have asked once and stay open.
async fn idle(process: &Process, count: usize) -> Vec<Sender> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut sender = process.sender().await;
        assert_eq!(timeout(Duration::from_secs(10), sender.post(good())).await.unwrap().unwrap().status, 200);
        all.push(sender);
    }
    all
}

#[tokio::test]
async fn idle_clients_do_not_use_up_the_open_files() {
    let process = limited("-n 64");
    let _idle = idle(&process, 80).await;
    assert_eq!(process.get("/livez").await.0, 200);
    let line = process.line(" about the limit", |line| line.contains("--max-connections"));
    assert!(line.contains(r#""files":64"#) && line.contains(r#""connections":16"#), "{line}");
    // Files are read anew all the same.
    process.folder.write("networks.yaml", "a: b\n");
    process.line(" on the bad file", |line| line.contains("not reloaded") && line.contains("networks.yaml:1"));
}

#[tokio::test]
async fn a_limit_that_may_be_raised_is_raised() {
    let process = limited("-S -n 64");
    let _idle = idle(&process, 100).await;
    assert_eq!(process.metric("kubevirt_preflight_connections").await, Some(100.0));
}
