//! The chart, as helm renders it.
//!
//! The cluster's part of it (does the API server take all this, do the conditions let through what they should) is the
//! matter of the end-to-end test.
#![allow(clippy::print_stderr)]

mod entries;
mod image;
mod roles;
mod shape;
mod values;

use crate::root;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Everything that can be switched on, so that every template is rendered.
const EVERYTHING: &str = "
reverse: {enabled: true}
deletionPolicy: {enabled: true, kubevirtNamespaces: [kubevirt, openshift-cnv]}
installNamespaces: [kubevirt]
policy: {profile: strict, rules: {odd-spelling: warn, implicit-master: 'off'}, networks: {pods: [10.244.0.0/16]}}
nodeNetworkState: {enabled: true}
reports: {kind: cluster-policy-report}
networkPolicy: {enabled: true, observeFrom: [{namespaceSelector: {}}]}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
prometheusRule: {enabled: true}
dashboard: {enabled: true}
audit: {enabled: true, extraArgs: [--fail-on=warn]}
imagePullSecrets: [{name: registry}]
commonLabels: {team: network}
podLabels: {tier: control}
podAnnotations: {note: here}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]
extraArgs: [--threads=1]
extraEnv: [{name: NO_COLOR, value: '1'}]
serviceAccount: {annotations: {note: here}}
webhook: {annotations: {note: here}, matchConditions: [{name: not-me, expression: request.userInfo.username != 'me'}]}
certificates: {selfManaged: {caLifetime: 365d, leafLifetime: 30d, settle: 10m}}
";

/// What makes each mode of certificates.
const MODES: [(&str, &str); 4] = [
    ("self-managed", "certificates: {mode: self-managed}"),
    ("cert-manager", "certificates: {mode: cert-manager}"),
    ("service-ca", "certificates: {mode: service-ca}"),
    ("provided", "certificates: {mode: provided, provided: {secretName: own}}"),
];

fn chart() -> PathBuf {
    root().join("charts/kubevirt-preflight")
}

/// A file of the chart.
fn text_of(file: &str) -> String {
    std::fs::read_to_string(chart().join(file)).unwrap()
}

/// Runs helm with `values`, one document over the other, and further arguments; `None` where it was not built.
fn helm(arguments: &[&str], values: &[&str]) -> Option<Output> {
    let program = root().join("target/tools/helm/helm");
    if !program.exists() {
        eprintln!("The chart is not rendered: helm was not built. Run `make tools`, which needs Go.");
        return None;
    }
    let files: Vec<_> = values
        .iter()
        .map(|text| {
            let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        })
        .collect();
    let mut command = Command::new(program);
    command.args(arguments).arg(chart()).env_remove("KUBECONFIG").stdin(Stdio::null());
    for file in &files {
        command.arg("--values").arg(file.path());
    }
    Some(command.output().unwrap())
}

const TEMPLATE: [&str; 4] = ["template", "kubevirt-preflight", "--namespace", "kubevirt-preflight"];

/// The documents of the release `kubevirt-preflight` in the namespace of that name, or what helm says.
fn rendering(values: &[&str]) -> Option<Result<Vec<Value>, String>> {
    let output = helm(&TEMPLATE, values)?;
    if !output.status.success() {
        return Some(Err(String::from_utf8(output.stderr).unwrap()));
    }
    let text = String::from_utf8(output.stdout).unwrap();
    Some(Ok(serde_saphyr::from_multiple::<Value>(&text).unwrap()))
}

/// The documents, of values that must do.
fn rendered(values: &[&str]) -> Option<Vec<Value>> {
    rendering(values).map(|documents| documents.unwrap_or_else(|error| panic!("{values:?}: {error}")))
}

/// The texts at `pointer` of each document that has it.
fn texts<'d>(documents: impl IntoIterator<Item = &'d Value>, pointer: &str) -> Vec<&'d str> {
    documents.into_iter().filter_map(|document| document.pointer(pointer)?.as_str()).collect()
}

/// The documents of this kind.
fn of_kind<'d>(documents: &'d [Value], kind: &str) -> Vec<&'d Value> {
    documents.iter().filter(|document| document["kind"] == kind).collect()
}

/// The one document of this kind and name.
fn one<'d>(documents: &'d [Value], kind: &str, name: &str) -> &'d Value {
    let found: Vec<_> =
        of_kind(documents, kind).into_iter().filter(|document| document["metadata"]["name"] == name).collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}
