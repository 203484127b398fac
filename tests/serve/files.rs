//! Policy, networks and world are read anew when they change, by a process, from real files.

use crate::bodies::{nad, review};
use crate::process::{Folder, Process, get, replace};
use kubevirt_preflight::serve::reload::Watched;
use serde_json::Value;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const HEAD: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\n";

fn networks(pods: &str) -> String {
    format!(
        "{HEAD}kind: ClusterNetworks\npods: [{pods}]\nservices: [10.96.0.0/12]\nnodes: [{{name: n1, addresses: [172.16.0.1/24]}}]\n"
    )
}

fn policy(rest: &str) -> String {
    format!("{HEAD}kind: Policy\n{rest}")
}

fn ask() -> Vec<u8> {
    review("CREATE", nad("192.168.150.0/24"), Value::Null)
}

/// A bad file is told with its place, counted, and forgotten once it is mended.
async fn keeps_the_old_one(process: &Process, what: &str, bad: &str, place: &str, good: &str, after: &str) {
    let path = process.folder.path(&format!("{what}.yaml"));
    let (before, _) = process.verdict(ask()).await;
    replace(&path, bad);
    let line = process.line(" on the bad file", |line| {
        line.contains("not reloaded") && line.contains(&format!("\"what\":\"{what}\""))
    });
    assert!(line.contains(place) && line.contains(r#""level":"ERROR""#), "{line}");
    process.metric_becomes(&format!(r#"kubevirt_preflight_source{{source="{what}",state="bad"}}"#), 1.0).await;
    process.metric_becomes(&format!(r#"kubevirt_preflight_source{{source="{what}",state="ready"}}"#), 0.0).await;
    let errors = process.metric(&format!(r#"kubevirt_preflight_reloads_total{{what="{what}",result="error"}}"#)).await;
    assert!(errors >= Some(1.0), "{errors:?}");
    assert_eq!(process.verdict(ask()).await.0, before);
    assert_eq!(get(process.observe, "/readyz").await.0, 200);
    replace(&path, good);
    process.becomes(&ask(), after).await;
    process.metric_becomes(&format!(r#"kubevirt_preflight_source{{source="{what}",state="bad"}}"#), 0.0).await;
    process.metric_becomes(&format!(r#"kubevirt_preflight_reloads_total{{what="{what}",result="ok"}}"#), 1.0).await;
}

#[tokio::test]
async fn networks_are_taken_up_when_mended() {
    let process = Folder::new().start(&[], &[]);
    let (bad, good) = (networks("10.0.0.0/99"), networks("192.168.0.0/16"));
    keeps_the_old_one(&process, "networks", &bad, "networks.yaml:3", &good, "denied").await;
    assert_eq!(process.logged("reloaded").len(), 1);
}

#[tokio::test]
async fn a_policy_is_taken_up_when_mended() {
    let folder = Folder::new();
    folder.write("networks.yaml", &networks("192.168.0.0/16"));
    folder.write("policy.yaml", &policy(""));
    let process = folder.start(&["--policy", "@policy.yaml"], &[]);
    let (bad, good) = (policy("enforcement: perhaps\n"), policy("enforcement: warn\n"));
    keeps_the_old_one(&process, "policy", &bad, "policy.yaml:3", &good, "warned").await;
}

#[tokio::test]
async fn a_world_is_taken_up_when_mended() {
    let process = Folder::new().start(&[], &[]);
    let pods = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: more}\nspec: {cidrs: [192.168.144.0/20]}\n";
    let good = format!("{}---\n{pods}", crate::process::WORLD);
    keeps_the_old_one(&process, "world", "a: b\n---\nkind: [\n", "world.yaml:", &good, "denied").await;
}

#[tokio::test]
async fn a_file_that_goes_away_keeps_the_old_one() {
    let process = Folder::new().start(&[], &[]);
    std::fs::remove_file(process.folder.path("networks.yaml")).unwrap();
    process.line(" on the lost file", |line| line.contains("not reloaded") && line.contains("networks.yaml"));
    assert_eq!(process.verdict(ask()).await.0, "allowed");
    process.folder.write("networks.yaml", &networks("192.168.0.0/16"));
    process.becomes(&ask(), "denied").await;
}

/// Between the reading at start-up and the first look.
#[tokio::test]
async fn a_file_that_goes_away_at_once_is_missed() {
    let (sender, mut read) = tokio::sync::mpsc::unbounded_channel();
    let folder = tempfile::tempdir().unwrap();
    let watched = Watched {
        what: "networks",
        facts: true,
        paths: vec![folder.path().join("gone.yaml")],
        every: Duration::from_millis(10),
        since: SystemTime::now(),
        metrics: Arc::default(),
    };
    let watching =
        tokio::spawn(watched.follow(move || sender.send(()).map(|()| false).map_err(|error| error.to_string())));
    tokio::time::timeout(crate::process::PATIENCE, read.recv()).await.unwrap().unwrap();
    watching.abort();
}

/// A ConfigMap volume: `networks.yaml` leads to `..data/networks.yaml`, and `..data` to a folder with a date.
#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("mount")).unwrap();
    let version = |name: &str, pods: &str| {
        std::fs::create_dir(folder.path("mount").join(name)).unwrap();
        folder.write(&format!("mount/{name}/networks.yaml"), &networks(pods));
    };
    version("..2026_11_24_1", "10.244.0.0/16");
    version("..2026_11_24_2", "192.168.0.0/16");
    symlink("..2026_11_24_1", folder.path("mount/..data")).unwrap();
    symlink("..data/networks.yaml", folder.path("mount/networks.yaml")).unwrap();
    let mut command =
        folder.serve(&["--networks", "@mount/networks.yaml", "--world", "@world.yaml", "--log-format", "json"]);
    command.env("NO_COLOR", "1");
    let process = Process::start(command, folder);
    assert_eq!(process.verdict(ask()).await.0, "allowed");
    // As the kubelet does it.
    symlink("..2026_11_24_2", process.folder.path("mount/..data_tmp")).unwrap();
    std::fs::rename(process.folder.path("mount/..data_tmp"), process.folder.path("mount/..data")).unwrap();
    process.becomes(&ask(), "denied").await;
}

#[tokio::test]
async fn the_world_grows_old_while_a_source_is_bad() {
    let process = Folder::new().start(&[], &[]);
    replace(&process.folder.path("networks.yaml"), "a: b\n");
    process.metric_becomes(r#"kubevirt_preflight_source{source="networks",state="bad"}"#, 1.0).await;
    // Two looks at the files later it would be young again, if it were good.
    process.metric_becomes("kubevirt_preflight_world_age_seconds", 3.0).await;
}
