//! What the background audit and refused writes leave in the cluster.

use crate::api::{Api, KUBEVIRTS, NADS, Says, kubevirt, nad, until};
use kubevirt_preflight::admission;
use kubevirt_preflight::finding::Finding;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::serve::judge::{Judge, today};
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::standing::denials::{self, Denials, Denied};
use kubevirt_preflight::standing::follow::Audit;
use kubevirt_preflight::standing::report::ReportKind;
use kubevirt_preflight::standing::write::Writer;
use kubevirt_preflight::watch::resource::JUDGED;
use kubevirt_preflight::watch::wire;
use kubevirt_preflight::world::{Inputs, World};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// A world whose KubeVirt names the NAD `mig`, which has no address.
fn judge(nads: &[Value]) -> Arc<Judge> {
    let read = |(at, value): (usize, &Value)| {
        wire::read(&value.to_string(), &JUDGED[at], JUDGED[at].reads.versions[0]).unwrap().1.unwrap()
    };
    let kubevirt = kubevirt("mig");
    let objects = std::iter::once((0, &kubevirt)).chain(nads.iter().map(|nad| (2, nad))).map(read).collect();
    Arc::new(Judge { world: World::of(Inputs { objects, ..Inputs::default() }), policy: Policy::default() })
}

fn good() -> Value {
    let mut nad = nad("mig", 9);
    nad["spec"]["config"] = json!(
        "{\"cniVersion\":\"0.3.1\",\"type\":\"macvlan\",\"master\":\"eth1\",\"ipam\":{\"type\":\"whereabouts\",\"range\":\"192.168.150.0/24\"}}"
    );
    nad
}

async fn api() -> Api {
    Api::with(&[(KUBEVIRTS, Says::Objects(1, vec![kubevirt("mig")])), (NADS, Says::Objects(1, vec![nad("mig", 4)]))])
        .await
}

fn events(api: &Api) -> Vec<Value> {
    let script = api.script();
    script.written.iter().filter(|(path, _)| path.contains("/events/")).map(|(_, body)| body.clone()).collect()
}

fn of<'e>(events: &'e [Value], reason: &str, kind: &str) -> Option<&'e Value> {
    events.iter().find(|event| event["reason"] == reason && event["involvedObject"]["kind"] == kind)
}

#[tokio::test]
async fn what_stands_is_told_on_each_object_and_taken_back() {
    let (api, metrics) = (api().await, Arc::new(Metrics::default()));
    let (sender, receiver) = watch::channel(Some(judge(&[nad("mig", 4)])));
    let writer = Writer::new(api.client.clone());
    let report = Some((ReportKind::ClusterPolicyReport, writer.clone()));
    tokio::spawn(Audit { judge: receiver, metrics: Arc::clone(&metrics), events: Some(writer), report }.follow());
    until("Events", || {
        let told = events(&api);
        ["KubeVirt", "NetworkAttachmentDefinition"].iter().all(|kind| of(&told, "NoAddress", kind).is_some())
    })
    .await;
    let told = events(&api);
    let on_nad = of(&told, "NoAddress", "NetworkAttachmentDefinition").unwrap();
    assert_eq!(on_nad["type"], "Warning");
    assert_eq!(on_nad["involvedObject"]["uid"], "uid-mig", "kubectl describe asks for it");
    assert_eq!(on_nad["metadata"]["namespace"], "kubevirt");
    assert_eq!(of(&told, "NoAddress", "KubeVirt").unwrap()["related"]["name"], "mig");
    let series = r#"kubevirt_preflight_findings{rule="no-address",level="deny",kind="NetworkAttachmentDefinition",namespace="kubevirt"} 1"#;
    assert!(metrics.text().contains(series), "{}", metrics.text());
    let reports = || {
        let script = api.script();
        let of = script.written.iter().filter(|(path, _)| path.ends_with("/clusterpolicyreports/kubevirt-preflight"));
        of.map(|(_, body)| body.clone()).collect::<Vec<_>>()
    };
    until("a report", || reports().iter().any(|report| report["summary"]["fail"] == 1)).await;
    sender.send_replace(Some(judge(&[good()])));
    until("a report without it", || reports().last().is_some_and(|report| report["summary"]["fail"] == 0)).await;
    // The script has no Events to read, so there is nothing to take back.
    assert!(!metrics.text().contains(series));
}

#[tokio::test]
async fn a_refused_write_is_told_on_the_cr_once_a_minute() {
    let (api, metrics) = (api().await, Arc::new(Metrics::default()));
    let world = &judge(&[good()]).world;
    let written = |operation: &str, name: &str| {
        let mut bad = nad(name, 5);
        bad["apiVersion"] = json!("k8s.cni.cncf.io/v1");
        bad["kind"] = json!("NetworkAttachmentDefinition");
        let mut old = good();
        old["apiVersion"] = bad["apiVersion"].clone();
        old["kind"] = bad["kind"].clone();
        let kind = json!({"group": "k8s.cni.cncf.io", "version": "v1", "kind": "NetworkAttachmentDefinition"});
        let request = json!({"uid": "u", "kind": kind, "namespace": "kubevirt", "name": name, "operation": operation,
            "object": bad, "oldObject": old, "userInfo": {"username": "someone"}});
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
        let answer = admission::respond(review.to_string().as_bytes(), world, &Policy::default(), today()).unwrap();
        Denied { write: answer.summary, findings: answer.denied }
    };
    let (denials, receiver) = Denials::channel(&metrics);
    tokio::spawn(denials::follow(receiver, Writer::new(api.client.clone()), Arc::clone(&metrics)));
    for _ in 0..3 {
        let denied = written("UPDATE", "mig");
        assert!(!denied.findings.is_empty());
        denials.tell(denied);
    }
    let dropped = |count| format!("kubevirt_preflight_events_total{{result=\"dropped\"}} {count}\n");
    until("what is dropped", || metrics.text().contains(&dropped(4))).await;
    let told = events(&api);
    assert_eq!(told.len(), 2, "{told:?}");
    let on_cr = of(&told, "NoAddress", "KubeVirt").unwrap();
    let text = on_cr["message"].as_str().unwrap();
    assert!(text.starts_with("UPDATE of NetworkAttachmentDefinition kubevirt/mig was refused: "), "{text}");
    assert!(!text.contains("someone"), "{text}");
}

#[tokio::test]
async fn a_flood_of_refusals_never_waits_and_is_counted() {
    let (api, metrics) = (api().await, Arc::new(Metrics::default()));
    api.says(KUBEVIRTS, Says::Silent);
    let (denials, _receiver) = Denials::channel(&metrics);
    let answer = admission::respond(
        br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE"}}"#,
        &World::of(Inputs::default()),
        &Policy::default(),
        today(),
    );
    let write = answer.unwrap().summary;
    let object = write.object();
    for _ in 0..100 {
        denials.tell(Denied { write: write.clone(), findings: vec![Finding::new("no-address", &object, "")] });
    }
    assert!(metrics.text().contains("kubevirt_preflight_events_total{result=\"dropped\"} 36\n"), "{}", metrics.text());
}
