//! What is wrong is told before anything is bound, all at once; and which setting wins.

use crate::bodies::{nad, review};
use crate::process::{Folder, Process};
use serde_json::{Value, json};
use std::process::Command;

/// What a start-up that fails says on standard error.
fn refused(mut command: Command) -> Vec<String> {
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(!told.contains("serving"), "{told}");
    told.lines().map(str::to_owned).collect()
}

/// Each of `wanted` begins a line of its own, by what it contains.
fn tells(lines: &[String], wanted: &[&str]) {
    for part in wanted {
        assert_eq!(lines.iter().filter(|line| line.contains(part)).count(), 1, "{part}: {lines:#?}");
    }
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let folder = Folder::new();
    folder.write("policy.yaml", "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\nprofile: severe\n");
    folder.write(
        "networks.yaml",
        "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\npods: [10.0.0.0/99]\n",
    );
    folder.write("world.yaml", "kind: [\n");
    folder.write("tls.key", "no key");
    let files = ["--policy", "@policy.yaml", "--networks", "@networks.yaml", "--world", "@world.yaml"];
    let flags = ["--bind=::1", "--idle-timeout=5", "--max-reviews=0", "--threads=999", "--log=a=b=c", "--pod-cidr=x"];
    let more = ["--service-cidr=10.0.0.0/77", "--node=n", "--otlp-endpoint=https://collector"];
    let mut command = folder.serve(&[&files[..], &more, &flags].concat());
    command.env("KUBEVIRT_PREFLIGHT_GRACE", "2 years").env("KUBEVIRT_PREFLIGHT_OBSERVE_BIND", "localhost");
    let lines = refused(command);
    tells(
        &lines,
        &[
            "--bind is `::1`; write an address and a port",
            "KUBEVIRT_PREFLIGHT_OBSERVE_BIND is `localhost`; write an address and a port",
            "KUBEVIRT_PREFLIGHT_GRACE is `2 years`; write a time of a day at most",
            "--idle-timeout is `5`; write a time of a day at most, with its unit",
            "--max-reviews is `0`; write a number from 1 to 65535",
            "--threads is `999`; write a number from 1 to 255",
            "--log is `a=b=c`; write a level",
            "--otlp-endpoint is reached over TLS; name the collector's CA by --otlp-ca",
            "--pod-cidr x:",
            "--service-cidr 10.0.0.0/77:",
            "--node n",
            "policy.yaml:3",
            "networks.yaml:3",
            "world.yaml:",
            "tls.key holds no private key",
        ],
    );
}

#[test]
fn nothing_that_tells_what_the_cluster_uses_is_a_fault() {
    tells(
        &refused(Folder::new().serve(&[])),
        &["Nothing tells what the cluster uses; give --cluster, --networks FILE"],
    );
}

#[test]
fn an_address_in_use_is_told_with_its_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--bind", "--observe-bind"] {
        let folder = Folder::new();
        let command = folder.serve(&["--networks", "@networks.yaml", flag, &address]);
        tells(&refused(command), &[&format!("{flag} {address} cannot be bound: Address already in use")]);
    }
}

#[tokio::test]
async fn a_short_idle_time_is_warned_of() {
    for (time, warned) in [("94s", 1), ("95s", 0)] {
        let process = Folder::new().start(&["--idle-timeout", time], &[]);
        let lines = process.lines().into_iter().filter(|line| line.contains("--idle-timeout is below 95 s"));
        assert_eq!(lines.count(), warned, "{time}");
    }
}

/// docs/serve.md: what its `sh` block starts, in a folder with files of these names.
#[tokio::test]
async fn the_page_starts_a_server() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/serve.md")).unwrap();
    let block = page.split("```sh\n").nth(1).unwrap().split("\n```").next().unwrap();
    let folder = Folder::new();
    std::fs::rename(folder.path("networks.yaml"), folder.path("cluster.yaml")).unwrap();
    folder.write("policy.yaml", "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\n");
    let words: Vec<_> = block.split(' ').collect();
    assert_eq!(words[..2], ["kubevirt-preflight", "serve"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"));
    command
        .args(&words[1..])
        .args(["--bind", "127.0.0.1:0", "--observe-bind", "127.0.0.1:0"])
        .current_dir(folder.dir.path());
    let process = Process::start(command, folder);
    let (verdict, said) = process.verdict(review("CREATE", nad("10.244.7.0/24"), Value::Null)).await;
    assert_eq!(verdict, "denied", "{said}");
}

/// A NAD of which nobody can tell what it does.
fn opaque() -> Value {
    let mut nad = nad("192.168.150.0/24");
    nad["spec"]["config"] = json!(r#"{"cniVersion":"0.3.1","name":"m","type":"of-our-own"}"#);
    nad
}

/// A NAD with a route that the strict profile refuses and the relaxed one does not mention.
fn routed() -> Value {
    let mut nad = nad("192.168.150.0/24");
    nad["spec"]["config"] = json!(
        r#"{"cniVersion":"0.3.1","name":"m","type":"macvlan","master":"eth1","ipam":{"type":"whereabouts",
            "range":"192.168.150.0/24","routes":[{"dst":"172.30.0.0/16","gw":"192.168.150.1"}]}}"#
    );
    nad
}

/// The verdict of a server whose policy file, environment and flag say this of `setting`; empty says nothing.
async fn verdict(setting: &str, [file, variable, flag]: [&str; 3], object: Value) -> &'static str {
    let folder = Folder::new();
    let line = if file.is_empty() { String::new() } else { format!("{setting}: {file}\n") };
    folder.write("policy.yaml", &format!("apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\n{line}"));
    let (name, long) = (format!("KUBEVIRT_PREFLIGHT_{}", setting.to_uppercase()), format!("--{setting}"));
    let variables: Vec<_> = [(name.as_str(), variable)].into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let flags: Vec<_> = [long.as_str(), flag].into_iter().filter(|_| !flag.is_empty()).collect();
    let process: Process = folder.start(&[&["--policy", "@policy.yaml"], &flags[..]].concat(), &variables);
    process.verdict(review("CREATE", object, Value::Null)).await.0
}

#[tokio::test]
async fn a_flag_wins_over_its_variable_and_that_over_the_policy_file() {
    let bad = || nad("10.244.7.0/24");
    let cases: [(&str, [&str; 3], Value, &str); 12] = [
        ("enforcement", ["", "", ""], bad(), "denied"),
        ("enforcement", ["warn", "", ""], bad(), "warned"),
        ("enforcement", ["warn", "deny", ""], bad(), "denied"),
        ("enforcement", ["warn", "deny", "warn"], bad(), "warned"),
        ("unknown", ["", "", ""], opaque(), "warned"),
        ("unknown", ["deny", "", ""], opaque(), "denied"),
        ("unknown", ["deny", "warn", ""], opaque(), "warned"),
        ("unknown", ["deny", "warn", "deny"], opaque(), "denied"),
        ("profile", ["", "", ""], routed(), "warned"),
        ("profile", ["strict", "", ""], routed(), "denied"),
        ("profile", ["strict", "relaxed", ""], routed(), "allowed"),
        ("profile", ["relaxed", "recommended", "strict"], routed(), "denied"),
    ];
    for (setting, values, object, wanted) in cases {
        assert_eq!(verdict(setting, values, object).await, wanted, "{setting} {values:?}");
    }
}
