//! `audit`, `networks` and `snapshot` on a cluster.

use crate::api::{Api, Fault};
use crate::{run, verdicts};
use kubevirt_preflight::policy::Policy;
use serde_json::{Value, json};

const SECRET: &str = "hunter2";

/// A cluster whose migration network lies among its pods, and much that is nobody's business.
fn objects() -> Vec<Value> {
    let noise = |version: &str, name: &str| {
        json!({"name": name, "uid": format!("u-{version}"), "resourceVersion": version,
            "managedFields": [{"manager": SECRET}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}})
    };
    let within = |version: &str, namespace: &str, name: &str| {
        let mut metadata = noise(version, name);
        metadata["namespace"] = namespace.into();
        metadata
    };
    let install = format!(
        "pullSecret: {SECRET}\nsshKey: ssh-rsa {SECRET}\nnetworking:\n  machineNetwork:\n  - cidr: 192.168.66.0/24\n"
    );
    let kubeadm = format!(
        "apiServer: {{extraArgs: {{x: {SECRET}}}}}\nnetworking: {{podSubnet: 10.244.0.0/16, dnsDomain: {SECRET}}}\n"
    );
    let patch = format!(r#"{{"spec":{{"env":"{SECRET}"}}}}"#);
    let node = |at: u8| {
        json!({"apiVersion": "v1", "kind": "Node", "metadata": noise("9", &format!("n{at:03}")),
            "spec": {"podCIDRs": [format!("10.244.{at}.0/24")], "providerID": SECRET},
            "status": {"addresses": [{"type": "Hostname", "address": format!("n{at:03}")},
                {"type": "InternalIP", "address": format!("192.168.66.{at}")}], "images": [{"names": [SECRET]}]}})
    };
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "the-cluster"}}),
        json!({"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": within("1", "kubevirt", "kubevirt"),
            "spec": {"configuration": {"migrations": {"network": "migration"}}, "imagePullSecrets": [SECRET],
                "customizeComponents": {"patches": [{"resourceType": "Deployment", "resourceName": "virt-api",
                    "type": "strategic", "patch": patch}]}},
            "status": {"observedKubeVirtVersion": SECRET}}),
        json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": within("2", "kubevirt", "migration"),
            "spec": {"config": "{\n  \"cniVersion\": \"0.3.1\", \"type\": \"macvlan\", \"master\": \"eth1\",\n  \
                \"ipam\": {\"type\": \"whereabouts\", \"range\": \"10.244.7.0/24\"}\n}\n"}}),
        json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": noise("3", "default"),
            "spec": {"cidr": "10.244.0.0/16", "nodeSelector": SECRET}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": noise("4", "kubernetes"),
            "spec": {"cidrs": ["10.96.0.0/12"]}, "status": {"conditions": [{"reason": SECRET}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": within("5", "kube-system", "cluster-config-v1"),
            "data": {"install-config": install}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": within("6", "kube-system", "kubeadm-config"),
            "data": {"ClusterConfiguration": kubeadm, "other": SECRET}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": within("6", "kube-system", "cilium-config"),
            "data": {"ipam": "kubernetes", "kvstore-opt": SECRET}}),
    ];
    // More than a page.
    objects.extend((1..=130).map(node));
    objects
}

fn on(api: &Api, arguments: &[&str]) -> (i32, String, String) {
    let config = api.kubeconfig();
    run(&[arguments, &["--kubeconfig", &config]].concat())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_audit_tells_what_is_wrong_with_what_exists() {
    let api = Api::of(objects(), &[]);
    let (code, out, err) = on(&api, &["audit"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.contains("deny[pod-network-overlap]") && out.contains("IPPool default (spec.cidr)"), "{out}");
    assert!(out.ends_with("137 objects, 1 network judged: 1 denied, 0 warnings, 0 excepted.\n"), "{out}");
    let (_, out, _) = on(&api, &["audit", "-o", "json"]);
    let json = parsed(&out);
    assert_eq!(verdicts(&json), ["deny pod-network-overlap"]);
    assert_eq!(json["findings"][0]["file"], Value::Null);
    for format in ["sarif", "junit", "github"] {
        assert!(on(&api, &["audit", "-o", format]).1.contains("pod-network-overlap"), "{format}");
    }
    let mut missing = objects();
    missing.retain(|object| object["kind"] != "NetworkAttachmentDefinition");
    let (_, out, _) = on(&Api::of(missing, &[]), &["audit", "-o", "json"]);
    assert_eq!(verdicts(&parsed(&out)), ["deny missing-attachment"], "the list is whole and at rest");
}

#[test]
fn a_baseline_covers_what_the_audit_finds_and_nothing_else() {
    let api = Api::of(objects(), &[]);
    let policy = api.file("policy.yaml");
    let write = ["audit", "--as-exceptions", "--expires", "2999-12-31", "--reason", "as found: \"old\" # lab"];
    let (code, text, err) = on(&api, &write);
    assert_eq!((code, err.as_str()), (0, ""));
    let read = Policy::parse(&text, "policy").unwrap();
    assert_eq!(read.file.exceptions.len(), 1, "{text}");
    assert_eq!(read.file.exceptions[0].reason, "as found: \"old\" # lab");
    std::fs::write(&policy, &text).unwrap();
    let with = ["audit", "-o", "json", "--policy", policy.to_str().unwrap()];
    let (code, out, _) = on(&api, &with);
    let (findings, excepted) = (parsed(&out)["findings"].clone(), parsed(&out)["excepted"].clone());
    assert_eq!((code, findings.as_array().unwrap().len(), excepted.as_array().unwrap().len()), (0, 0, 1));
    let mut more = objects();
    more[2]["spec"]["config"] = more[2]["spec"]["config"].as_str().unwrap().replace("10.244.7", "10.96.7").into();
    assert_eq!(on(&Api::of(more, &[]), &with).0, 1, "another cause is no part of it");
    let (_, added, _) = on(&api, &[&write[..], &["--policy", policy.to_str().unwrap()]].concat());
    assert!(added.starts_with("# To be added") && added.contains("exceptions: []"), "{added}");
    let (code, out, err) = on(&api, &["audit", "--as-exceptions", "--expires", "2020-01-31"]);
    assert!((code, out.as_str()) == (2, "") && err.contains("2020-01-31 is over"), "{err}");
}

#[test]
fn lists_that_cannot_be_read_are_told() {
    let forbidden = |name| [(name, Fault::Status(403))];
    for name in ["kubevirts", "network-attachment-definitions"] {
        let (code, out, err) = on(&Api::of(objects(), &forbidden(name)), &["audit"]);
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{err}");
        assert!(err.contains("grant the verb `list` on") && err.contains(name), "{err}");
    }
    let faults = [
        (Fault::Status(403), "forbidden", "grant the verb `list`"),
        (Fault::Status(500), "bad", "answers with 500"),
        (Fault::Half, "bad", "could not be read"),
        (Fault::Silence, "bad", "could not be read"),
    ];
    for (fault, state, word) in faults {
        let api = Api::of(objects(), &[("ippools", fault)]);
        let (code, out, err) = on(&api, &["audit", "-o", "json", "--request-timeout", "700ms"]);
        assert!(code < 2 && err.starts_with("note: ippools.crd.projectcalico.org: ") && err.contains(word), "{err}");
        assert!(!out.contains("IPPool") && out.contains("kubeadm-config"), "what else says so counts: {fault:?} {out}");
        let (code, out, _) = on(&api, &["networks", "--request-timeout", "700ms"]);
        let line = out.lines().find(|line| line.starts_with("ippools.crd.projectcalico.org ")).unwrap();
        assert!(code == 0 && line.contains(state), "{line}");
    }
}

#[test]
fn a_cluster_without_kubevirt_or_without_an_answer() {
    let (code, out, _) = on(&Api::of(Vec::new(), &[("kubevirts", Fault::Status(404))]), &["audit"]);
    assert!(code == 0 && out.contains("has no KubeVirt") && out.contains("No network was judged"), "{out}");
    let api = Api::of(objects()[..3].to_vec(), &[("kubevirts", Fault::Status(404))]);
    let (_, out, _) = on(&api, &["audit"]);
    assert!(out.contains("--all-nads would judge 1 NetworkAttachmentDefinition (kubevirt/migration)"), "{out}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = Api::at(nobody);
    for command in ["audit", "networks", "snapshot"] {
        let (code, out, err) = on(&silent, &[command]);
        assert!((code, out.as_str(), err.lines().count()) == (2, "", 1) && err.contains("refused"), "{err}");
    }
    let (code, _, err) = run(&["audit", "--kubeconfig", "no-such-file"]);
    assert!(code == 2 && err.contains("--kubeconfig"), "{err}");
}

#[test]
fn networks_of_a_cluster_in_each_format() {
    let api = Api::of(objects(), &[("nodes", Fault::Status(403))]);
    let (code, table, _) = on(&api, &["networks"]);
    assert!(code == 0 && table.contains("IPPool default (spec.cidr)") && table.contains("\nREAD\n"), "{table}");
    assert!(table.contains("not served: hyperconvergeds.hco.kubevirt.io"), "{table}");
    let (_, tree, _) = on(&api, &["networks", "-o", "tree", "--cluster", "--service-cidr", "10.96.128.0/17"]);
    assert!(tree.contains("pod\n  10.244.0.0/16  live\n    | IPPool default (spec.cidr)\n"), "{tree}");
    assert!(tree.contains("flag --service-cidr"), "{tree}");
    let (_, json, err) = on(&api, &["networks", "-o", "json"]);
    assert_eq!(parsed(&json)["classes"]["pod"]["state"], "known");
    assert!(err.contains("nodes: it could not be read: "), "{err}");
}

#[test]
fn a_snapshot_is_the_same_world() {
    let api = Api::of(objects(), &[]);
    let file = api.file("world.yaml");
    let path = file.to_str().unwrap();
    assert_eq!(on(&api, &["snapshot", "-o", path]), (0, String::new(), String::new()));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    assert!(text.contains("cluster: the-cluster\n"), "{text}");
    let (_, live, _) = on(&api, &["networks", "-o", "json"]);
    let (_, kept, _) = run(&["networks", "-o", "json", "--world", path]);
    assert_eq!(kept, live);
    let (_, shown, _) = run(&["networks", "--world", path]);
    assert!(shown.contains("kubevirts.kubevirt.io ") && shown.contains("not served: "), "{shown}");

    let manifest = api.file("unrelated.yaml");
    std::fs::write(&manifest, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n").unwrap();
    let check = ["check", manifest.to_str().unwrap(), "--world", path, "--absolute", "-o", "json"];
    let (code, checked, err) = run(&[&check[..], &["--expect-cluster", "the-cluster"]].concat());
    let (_, audited, _) = on(&api, &["audit", "-o", "json"]);
    assert_eq!((code, &parsed(&checked)["findings"]), (1, &parsed(&audited)["findings"]), "{err}");
}

#[test]
fn snapshots_of_an_unchanged_cluster_differ_in_nothing() {
    let mut later = objects();
    for object in &mut later {
        object["metadata"]["resourceVersion"] = "99".into();
        object["metadata"]["generation"] = 3.into();
        if object["kind"] == "Node" {
            object["status"]["conditions"] = json!([{"lastHeartbeatTime": "2026-01-01T00:00:00Z"}]);
        }
    }
    later.reverse();
    let [first, second] = [objects(), later].map(|objects| on(&Api::of(objects, &[]), &["snapshot"]).1);
    let dated = |text: &str| text.lines().filter(|line| !line.starts_with("taken: ")).collect::<Vec<_>>().join("\n");
    assert_eq!(dated(&first), dated(&second));
}

#[test]
fn a_snapshot_says_what_it_lacks() {
    let api = Api::of(objects(), &[("nodes", Fault::Status(403)), ("kube-system", Fault::Status(403))]);
    let (code, text, err) = on(&api, &["snapshot"]);
    assert!(code == 0 && err.contains("note: nodes: ") && err.contains("--expect-cluster"), "{err}");
    assert!(text.contains("state: forbidden") && !text.contains("cluster: "), "{text}");
    let file = api.file("world.yaml");
    std::fs::write(&file, text).unwrap();
    let (_, out, _) = run(&["check", "examples/good/kubevirt", "--world", file.to_str().unwrap()]);
    assert!(out.contains("note: nodes: it could not be read"), "{out}");
}
