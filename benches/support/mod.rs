//! Reviews of the size that an API server sends, and worlds of a given size. Shared with the tests.
// Each user takes a part; a fixture that does not read is a bug of the fixture.
#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::needless_pass_by_value)]

use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::networks::{Class, Confidence};
use kubevirt_preflight::objects::{Object, name_of};
use kubevirt_preflight::place::ObjectRef;
use kubevirt_preflight::sources::Found;
use kubevirt_preflight::tree;
use kubevirt_preflight::world::{Inputs, World};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// All classes are known, so that a good object is told nothing.
pub const NETWORKS: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\n\
    pods: [10.244.0.0/16]\nservices: [10.96.0.0/12]\nnodes: [{name: n1, addresses: [172.16.0.1/24]}]\n";

/// The CNI text of the benches: macvlan with whereabouts.
pub const CONFIG: &str = r#"{"cniVersion":"0.3.1","name":"migration-bridge","type":"macvlan","master":"eth1","mode":"bridge","ipam":{"type":"whereabouts","range":"RANGE"}}"#;

/// A NAD `kubevirt/mig` with this range.
pub fn nad(range: &str) -> Value {
    let config = CONFIG.replace("RANGE", range);
    json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {
            "name": "mig", "namespace": "kubevirt", "uid": "7f0c5d5e-3c0b-4f5e-9d55-2b1f2d2a8f11",
            "creationTimestamp": "2026-01-02T03:04:05Z", "generation": 1,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json!({"spec": {"config": config}}).to_string()},
            "managedFields": managed_fields(1, 14)
        },
        "spec": {"config": config}
    })
}

/// A KubeVirt that names `network`, with status and managedFields as on a real cluster.
pub fn kubevirt(network: &str, gates: usize, managers: usize, fields: usize) -> Value {
    let gates: Vec<_> = (0..gates).map(|n| format!("FeatureGateNumber{n}")).collect();
    let versions: String = (0..40).fold(String::new(), |mut text, n| {
        let _ = write!(text, "\"component{n}\":\"registry/virt-component-{n}:v1.7.0\",");
        text
    });
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "KubeVirt",
        "metadata": {"name": "kubevirt", "namespace": "kubevirt", "creationTimestamp": "2026-01-02T03:04:05Z",
            "finalizers": ["foregroundDeleteKubeVirt"], "managedFields": managed_fields(managers, fields)},
        "spec": {"configuration": {"developerConfiguration": {"featureGates": gates},
            "migrations": {"network": network, "parallelMigrationsPerCluster": 5}},
            "customizeComponents": {"patches": [
                {"resourceType": "Deployment", "resourceName": "virt-api", "type": "strategic",
                 "patch": "{\"spec\":{\"template\":{\"spec\":{\"priorityClassName\":\"x\"}}}}"}]},
            "workloadUpdateStrategy": {"workloadUpdateMethods": ["LiveMigrate"]}},
        "status": {"phase": "Deployed", "observedDeploymentConfig": versions.clone(), "targetDeploymentConfig": versions,
            "conditions": [{"type": "Available", "status": "True", "reason": "AllComponentsReady"}]}
    })
}

fn managed_fields(managers: usize, fields: usize) -> Value {
    let entry = |manager: usize| {
        let fields: serde_json::Map<_, _> =
            (0..fields).map(|n| (format!("f:field{n}"), json!({".": {}, "f:inner": {}, "f:other": {}}))).collect();
        json!({"manager": format!("manager-{manager}"), "operation": "Update", "apiVersion": "v1",
            "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}})
    };
    (0..managers).map(entry).collect()
}

/// A review as the API server sends it.
pub fn review(operation: &str, object: Value, old: Value) -> Vec<u8> {
    let named = if object.is_null() { &old } else { &object };
    let (group, version) = named["apiVersion"].as_str().and_then(|v| v.split_once('/')).unwrap_or(("", "v1"));
    let kind = json!({"group": group, "version": version, "kind": named["kind"]});
    let body = json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kind, "resource": {"group": group, "version": version, "resource": "x"},
            "requestKind": kind, "name": named["metadata"]["name"], "namespace": named["metadata"]["namespace"],
            "operation": operation,
            "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"], "extra": {"k": ["v"]}},
            "object": object, "oldObject": old, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl-client-side-apply"}
        }
    });
    serde_json::to_vec(&body).expect("a JSON value")
}

/// The object as the world holds it.
pub fn object(value: &Value) -> Object {
    let text = value.to_string();
    let node = tree::parse(&text).expect("JSON");
    Object::read(&node, name_of(&node).expect("a name"), None).expect("a judged kind")
}

/// A world of `count` networks (three in four a pod block, the rest node addresses) with these objects.
pub fn world(count: usize, objects: Vec<Object>) -> World {
    let blocks = (0..count).map(|n| {
        let (class, text) = if n % 4 == 3 {
            (Class::Node, format!("172.{}.{}.{}/32", 16 + (n >> 16), (n >> 8) & 255, n & 255))
        } else {
            (Class::Pod, format!("10.{}.{}.{}/26", 64 + (n >> 10) % 128, (n >> 2) & 255, (n & 3) * 64))
        };
        let name = format!("node-{n}");
        let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name };
        let mut found = Found::about(object, "nodes");
        found.claim_text(class, &text, Confidence::Live, "spec.podCIDR");
        Object::Found(found.into())
    });
    let declared = Declared::parse(NETWORKS, "cluster.yaml").expect("a networks file");
    World::of(Inputs { objects: objects.into_iter().chain(blocks).collect(), declared, ..Inputs::default() })
}
