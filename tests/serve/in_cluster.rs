//! The program in a cluster (a stand-in: `api`), by its certificate: self-managed, and by files that others renew.

use crate::api::{Api, CONFIGURATION, Kind, NAMESPACE, SECRET, SERVICE};
use crate::client::{config, connect};
use crate::pki::Ca;
use crate::process::{Folder, Process, serve};
use crate::server::NAME;
use kubevirt_preflight::serve::certificates::pair::Cert;
use serde_json::json;
use std::process::Command;

const TRUSTED: &str = "kubevirt_preflight_certificate_trusted";
const NAMES: [&str; 6] = ["--namespace", NAMESPACE, "--service", SERVICE, "--webhook-configuration", CONFIGURATION];

/// `serve --cluster` with these further arguments.
fn in_cluster(api: &Api, arguments: &[&str]) -> Command {
    let mut command = serve();
    command.args(["--bind", "127.0.0.1:0", "--observe-bind", "127.0.0.1:0", "--drain-delay", "0s"]);
    command.args(["--log-format", "json", "--cluster", "--kubeconfig"]).arg(api.kubeconfig()).args(arguments);
    command
}

async fn until_ready(process: &Process) {
    let begun = std::time::Instant::now();
    loop {
        let (status, body) = process.get("/readyz").await;
        if status == 200 {
            return;
        }
        assert!(begun.elapsed() < crate::process::PATIENCE, "{body}{:#?}", process.lines());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn self_managed_it_is_ready_once_its_ca_is_published() {
    let api = Api::start().await;
    api.state().refused = [(("PATCH", Kind::Configuration), 403)].into();
    let arguments = [&["--self-managed", "--certificate-secret", SECRET], &NAMES[..]].concat();
    let mut process = Process::start(in_cluster(&api, &arguments), Folder::new());
    let line = process.event("the certificate cannot be seen to");
    assert!(line["why"].as_str().unwrap().contains("the test says 403"), "{line}");
    let (status, body) = process.get("/readyz").await;
    assert!(status == 503 && body.contains("There is no certificate yet."), "{body}");
    assert_eq!(process.get("/livez").await.0, 200);
    api.state().refused.clear();
    until_ready(&process).await;
    process.metric_becomes(TRUSTED, 1.0).await;
    process.event("API servers trust the certificate");
    let ca = Cert::parse(&api.bundles()[0]).unwrap();
    connect(process.bind, config(ca.der().clone(), "http/1.1", None), NAME).await.unwrap();
    assert_eq!(process.logged("the certificate cannot be seen to").len(), 1, "told once");
    assert!(!process.lines().join("").contains("PRIVATE KEY"));
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_come_later_are_waited_for_and_held_against_the_configuration() {
    let api = Api::start().await;
    let (folder, ca) = (Folder::new(), Ca::new("issuer"));
    let [cert, key] = ["later/tls.crt", "later/tls.key"].map(|name| folder.path(name).to_str().unwrap().to_owned());
    let arguments = [&["--tls-cert", &cert, "--tls-key", &key], &NAMES[..]].concat();
    let mut process = Process::start(in_cluster(&api, &arguments), folder);
    let line = process.event("there is no certificate yet; the server is not ready until there is one");
    assert!(line["why"].as_str().unwrap().contains("--tls-cert") && line["level"] == "ERROR", "{line}");
    let (status, body) = process.get("/readyz").await;
    assert!(status == 503 && body.contains("There is no certificate yet."), "{body}");
    assert_eq!(process.get("/livez").await.0, 200);
    std::fs::create_dir(process.folder.path("later")).unwrap();
    ca.server(NAME).write(&process.folder.path("later"));
    until_ready(&process).await;
    // The injector has not come yet.
    let empty = process.event("the caBundle is empty: nobody has put the certificate's CA there yet");
    assert_eq!(empty["entries"], "network.kubevirt-preflight.io, attachments.kubevirt-preflight.io");
    process.metric_becomes(TRUSTED, 0.0).await;
    api.set_bundles(&ca.pem());
    process.metric_becomes(TRUSTED, 1.0).await;
    api.set_bundles(&Ca::new("issuer").pem());
    process.metric_becomes(TRUSTED, 0.0).await;
    let line = process.event("API servers do not trust the certificate");
    assert!(line["why"].as_str().unwrap().starts_with("network.kubevirt-preflight.io: "), "{line}");
    api.set_bundles(&ca.pem());
    process.metric_becomes(TRUSTED, 1.0).await;
    api.edit(Kind::Configuration, |one| one["webhooks"][1]["clientConfig"]["service"]["name"] = json!("other"));
    process.metric_becomes(TRUSTED, 0.0).await;
    let told = "attachments.kubevirt-preflight.io: it does not call Service kubevirt/preflight";
    process.line(" of another Service", |line| line.contains(told));
    assert_eq!(api.state().writes, 0, "nothing is written");
    assert_eq!(process.stop().await.code(), Some(0));
}

#[test]
fn what_is_lacking_or_wrong_is_told_at_once() {
    let told = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = serve().args(arguments).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let text = told(&["--cluster", "--self-managed"], &[]);
    for flag in
        ["--namespace NAME or POD_NAMESPACE", "--service NAME", "--webhook-configuration NAME", "--certificate-secret."]
    {
        assert!(text.contains(flag), "{flag}: {text}");
    }
    let wrong =
        ["--service", "a.b", "--webhook-configuration", "A", "--certificate-secret", "s/", "--leaf-lifetime", "5"];
    let wrong = [&["--cluster", "--self-managed", "--ca-lifetime=1mo", "--settle=2d"], &wrong[..]].concat();
    let text = told(&wrong, &[("POD_NAMESPACE", "")]);
    for fault in [
        "--service is `a.b`; write a name without dots",
        "--webhook-configuration is `A`; write the name of an object",
        "--certificate-secret is `s/`; write the name",
        "--leaf-lifetime is `5`; write a time from 10s to 100y",
        "--ca-lifetime is `1mo`; write a time from",
        "--settle is `2d`; write a time of a day at most",
        "POD_NAMESPACE is ``; write the name",
    ] {
        assert_eq!(text.matches(fault).count(), 1, "{fault}: {text}");
    }
    let clocks = ["--cluster", "--self-managed", "--ca-lifetime", "60s", "--leaf-lifetime", "20s"];
    assert!(told(&clocks, &[]).contains("--settle do not go together: a CA is renewed earlier"));
    assert!(told(&["--cluster", "--self-managed", "--tls-cert", "c"], &[]).contains("cannot be used with"));
    assert!(told(&["--self-managed"], &[]).contains("--cluster"));
    assert!(told(&["--cluster"], &[]).contains("--tls-cert"));
}
