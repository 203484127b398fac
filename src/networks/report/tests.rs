use super::*;
use crate::networks::declared::Declared;
use crate::sources::Found;

const FILE: &str = "
apiVersion: kubevirt-preflight.io/v1alpha1
kind: ClusterNetworks
pods: [10.244.0.0/16]
services: []
loadBalancers: [{name: lb, prefix: 10.0.0.9-10.0.0.12}]
nodes: [{name: n1, addresses: [192.168.10.11/24]}]
";

fn world() -> (Networks, Classes) {
    let declared = Declared::parse(FILE, "net.yaml").unwrap();
    let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: "n1".into() };
    let mut node = Found::about(object, "nodes");
    node.claim_text(Class::Pod, "10.244.1.0/24 10.1.0.0/24", Confidence::Floor, "spec.podCIDRs[0]");
    let classes = Classes::of(&declared, [&node], |_| false);
    (Networks::of(declared.claims().iter().cloned().chain(node.claims)), classes)
}

#[test]
fn the_table_lists_networks_with_every_origin_then_states_then_what_is_unreadable() {
    let (networks, classes) = world();
    let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: "x\u{1b}".into() };
    let text = Report::of(&networks, &classes).text([(&object, "spec.a", "it is missing")]);
    let expected = "\
CLASS          PREFIX              CONFIDENCE  ORIGIN
pod            10.1.0.0/24         floor       Node n1 (spec.podCIDRs[0])
pod            10.244.0.0/16       declared    ClusterNetworks net.yaml (pods[0])
                                               Node n1 (spec.podCIDRs[0])
node           192.168.10.0/24     declared    ClusterNetworks net.yaml (nodes[0].addresses[0], n1)
load-balancer  10.0.0.9-10.0.0.12  declared    ClusterNetworks net.yaml (loadBalancers[0].prefix, lb)

KNOWN
pod            yes
service        yes
node           yes
cni-internal   no: The CNI's internal ranges are not known: nothing that was read names them all; list them under `internal` in the networks file or the policy's `networks`.
load-balancer  yes
secondary      no: The secondary networks are not known: nothing that was read names them all; list them under `secondary` in the networks file or the policy's `networks`.
other          no: The other networks are not known: nothing that was read names them all; list them under `other` in the networks file or the policy's `networks`.

Could not be read:
  spec.a of Node x\u{fffd}: it is missing.
";
    assert_eq!(text, expected);
}

#[test]
fn json_keeps_the_contract() {
    let (networks, classes) = world();
    let json = Report::of(&networks, &classes).json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(
        value["networks"][1],
        serde_json::json!({"class": "pod", "interval": "10.244.0.0/16", "confidence": "declared", "origins": [
            {"object": {"apiVersion": "kubevirt-preflight.io/v1alpha1", "kind": "ClusterNetworks", "namespace": null, "name": "net.yaml"}, "path": "pods[0]"},
            {"object": {"apiVersion": "v1", "kind": "Node", "namespace": null, "name": "n1"}, "path": "spec.podCIDRs[0]"},
        ]})
    );
    assert_eq!(value["networks"][3]["interval"], "10.0.0.9-10.0.0.12");
    assert_eq!(value["classes"]["pod"], serde_json::json!({"state": "known", "why": null}));
    assert_eq!(value["classes"]["other"]["state"], "unknown");
    assert_eq!(value["classes"].as_object().unwrap().len(), 7);
    let order: Vec<_> = Class::ALL.iter().map(|class| json.find(&format!("\"{class}\": {{")).unwrap()).collect();
    assert!(order.is_sorted());
}

#[test]
fn nothing_is_said_to_be_nothing() {
    let (networks, classes) = (Networks::default(), world().1);
    assert!(
        Report::of(&networks, &classes).text([]).starts_with("CLASS          PREFIX  CONFIDENCE  ORIGIN\n(none)\n")
    );
}

#[test]
fn the_table_shows_a_few_origins_and_counts_the_rest() {
    let node = |name: &str| {
        let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: name.into() };
        let mut found = Found::about(object, "nodes");
        found.claim_text(Class::Node, "10.0.0.1", Confidence::Live, "status.addresses[0].address");
        found.claims
    };
    let networks = Networks::of(["a", "b", "c", "d", "e", "f"].into_iter().flat_map(node));
    let text = Report::of(&networks, &world().1).text([]);
    assert!(text.contains("Node d ") && !text.contains("Node e ") && text.contains("  and 2 more\n"), "{text}");
}

#[test]
fn the_tree_nests_what_lies_inside_and_tells_of_lists() {
    let claims = |text: &str, confidence, name: &str| {
        let object = ObjectRef { api_version: "v1".into(), kind: "Node".into(), namespace: None, name: name.into() };
        let mut found = Found::about(object, "nodes");
        found.claim_text(Class::Pod, text, confidence, "p");
        found.claims
    };
    let mut all = claims("10.0.0.0/8", Confidence::Floor, "a");
    all.extend(claims("10.0.0.0/16 11.0.0.0/8", Confidence::Declared, "b"));
    all.extend(claims("10.0.1.0/24", Confidence::Live, "c"));
    let list = |name: &str, state: &str, objects, why: Option<&str>| List {
        name: name.into(),
        state: state.into(),
        objects,
        why: why.map(str::to_owned),
    };
    let lists = [
        list("nodes", "bad", Some(2), Some("too deep")),
        list("a", "absent", None, None),
        list("services", "forbidden", None, Some("no\u{1b}")),
        list("b", "absent", None, None),
    ];
    let (networks, classes) = (Networks::of(all), world().1);
    let tree = Report::of(&networks, &classes).with_lists(&lists).tree([]);
    let expected = "\
pod
  10.0.0.0/8  floor
    | Node a (p)
    10.0.0.0/16  declared
      | Node b (p)
      10.0.1.0/24  live
        | Node c (p)
  11.0.0.0/8  declared
    | Node b (p)
service
";
    assert!(tree.starts_with(expected), "{tree}");
    let read = "
READ
nodes     bad        2 objects: too deep
services  forbidden  no\u{fffd}
not served: a, b
";
    assert!(tree.ends_with(read), "{tree}");
}
