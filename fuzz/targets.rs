//! What must hold for any bytes. The fuzzer calls this with bytes of its own, `make test` with those of tests/corpus.
// Each target takes one of the two. A fixture that does not read is a bug of the fixture.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use kubevirt_preflight::admission::{Verdict, respond};
use kubevirt_preflight::cni::preview::{AttachmentPreview, Preview};
use kubevirt_preflight::cni::{Pools, Setting, read};
use kubevirt_preflight::finding::Level;
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::{Object, name_of};
use kubevirt_preflight::place::ObjectRef;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::review;
use kubevirt_preflight::world::{Inputs, Lists, World};
use kubevirt_preflight::{report, tree};
use serde_json::{Value, json};
use std::sync::LazyLock;

const NETWORKS: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\n\
    pods: [10.244.0.0/16, 'fd00:244::/56']\nservices: [10.96.0.0/12]\n\
    nodes: [{name: n1, addresses: [172.16.0.1/24]}]\nsecondary: [{name: s, prefix: 192.168.160.0/24}]\n";
const CONFIG: &str = r#"{"cniVersion":"0.3.1","type":"macvlan","master":"eth1","ipam":{"type":"whereabouts","range":"192.168.150.0/24"}}"#;

/// A cluster whose KubeVirt names the NAD `kubevirt/mig`, which does not exist; two others do.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let kubevirt = json!({"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": {"name": "kubevirt", "namespace": "kubevirt"},
        "spec": {"configuration": {"migrations": {"network": "mig"}}}});
    let objects = [kubevirt, nad("kubevirt", "other", CONFIG), nad("default", "mig", CONFIG)];
    World::of(Inputs {
        objects: objects.iter().filter_map(|value| held(value, None)).collect(),
        declared: Declared::parse(NETWORKS, "cluster.yaml").expect("a networks file"),
        lists: Lists { nads: true, ..Lists::default() },
        ..Inputs::default()
    })
});

fn today() -> jiff::civil::Date {
    jiff::civil::date(2026, 11, 24)
}

fn nad(namespace: &str, name: &str, config: &str) -> Value {
    json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"config": config}})
}

/// The object as a world holds it.
fn held(value: &Value, namespace: Option<&str>) -> Option<Object> {
    let text = value.to_string();
    let node = tree::parse(&text).ok()?;
    let mut name = name_of(&node)?;
    name.namespace = name.namespace.or_else(|| namespace.map(str::to_owned));
    Object::read(&node, name, None)
}

/// Bytes to response: an answer is JSON with the uid of the request, and what it allows is nothing that a review of the
/// world with the object refuses.
pub fn respond_to(bytes: &[u8]) {
    let Ok(answer) = respond(bytes, &WORLD, &Policy::default(), today()) else { return };
    let response: Value = serde_json::from_slice(&answer.bytes).expect("an answer is JSON");
    let response = &response["response"];
    assert_eq!(response["uid"], json!(answer.summary.uid));
    assert_eq!(response["allowed"], json!(answer.summary.verdict != Verdict::Denied));
    // Another reader's view of the same bytes; some of what ours takes is none of its matter.
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    let request = &body["request"];
    assert_eq!(response["uid"], request["uid"]);
    if answer.summary.verdict == Verdict::Denied {
        return;
    }
    let Some((name, object)) = created_nad(request) else { return };
    let after = WORLD.with(&name, Some(object));
    let hidden = review(&after, &Policy::default(), today()).findings.into_iter();
    let hidden: Vec<_> = hidden.filter(|one| one.level == Level::Deny && one.object.is_same(&name)).collect();
    assert!(hidden.is_empty(), "allowed, although: {hidden:?}");
}

/// The NAD of the request, if it creates one that stays.
fn created_nad(request: &Value) -> Option<(ObjectRef, Object)> {
    let kind = (&request["kind"]["group"], &request["kind"]["version"], &request["kind"]["kind"]);
    let is_nad = kind == (&json!("k8s.cni.cncf.io"), &json!("v1"), &json!("NetworkAttachmentDefinition"));
    let whole = matches!(&request["subResource"], Value::Null) || request["subResource"] == "";
    let namespace = request["namespace"].as_str().filter(|namespace| !namespace.is_empty());
    let object = held(&request["object"], namespace).filter(|object| !object.is_deleting());
    let object = object.filter(|object| matches!(object, Object::Nad(_)));
    let creates = request["operation"] == "CREATE" && is_nad && whole;
    object.filter(|_| creates).map(|object| (object.reference().clone(), object))
}

/// The text of a NAD to its attachment and preview, and as the migration network of a cluster.
pub fn nad_of(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let pools = Pools::new();
    for pods_have_v6 in [None, Some(false), Some(true)] {
        let attachment = read(&text, Setting { namespace: Some("kubevirt"), name: "mig", pools: &pools, pods_have_v6 });
        let preview = AttachmentPreview::of(&attachment, None);
        assert!(preview.fails.is_none() || preview.addresses.is_empty() && preview.routes.is_empty());
        let preview = Preview::of(vec![preview]);
        let mut printed = String::new();
        report::preview::write(&preview, &mut printed).expect("text");
        serde_json::to_string(&preview).expect("JSON");
    }
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "operation": "CREATE",
        "kind": {"group": "k8s.cni.cncf.io", "version": "v1", "kind": "NetworkAttachmentDefinition"},
        "namespace": "kubevirt", "name": "mig", "object": nad("kubevirt", "mig", &text)}});
    respond_to(body.to_string().as_bytes());
}
