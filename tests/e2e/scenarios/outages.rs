use super::values;
use crate::kubelet::network;
use crate::lab::{KUBEVIRT, Lab, NAME, Replica, kubevirt, nad};
use serde_json::json;

const KV: [&str; 4] = ["-n", KUBEVIRT, "patch", "kubevirt/kubevirt"];

fn patch(lab: &Lab, arguments: &[&str], patch: &str) -> crate::said::Said {
    lab.kubectl(&[arguments, &["--type=merge", "-p", patch]].concat())
}

pub fn no_replica(lab: &mut Lab) {
    let mut with = values();
    with["deletionPolicy"] = json!({"enabled": true});
    let said = lab.install(&with);
    lab.check("helm upgrade with deletionPolicy.enabled", said.ok, &said.text);
    for write in [nad("mig", "10.200.5.0/24"), nad("next", "10.200.6.0/24"), kubevirt("kubevirt", "mig")] {
        assert!(lab.kubectl_with(&["create", "-f", "-"], &write).ok);
    }
    let scale = |lab: &Lab, count: &str| lab.kubectl(&["-n", NAME, "scale", "deployment", NAME, "--replicas", count]);
    assert!(scale(lab, "0").ok);
    lab.eventually("no replica is left", 60, |lab| lab.replicas().is_empty());
    let said = patch(lab, &KV, r#"{"spec":{"configuration":{"migrations":{"network":"next"}}}}"#);
    lab.refused("another network", &said, &["failed calling webhook \"network.kubevirt-preflight.io\""]);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "network-attachment-definition", "mig"]);
    lab.refused(
        "the deletion of the NAD in use, by the policy",
        &said,
        &["ValidatingAdmissionPolicy", "attachment-in-use"],
    );
    let said = patch(lab, &KV, r#"{"metadata":{"labels":{"a":"b"}}}"#);
    lab.passes("a label", &said);
    let said = patch(lab, &KV, r#"{"spec":{"configuration":{"migrations":{"disableTLS":true}}}}"#);
    lab.passes("another setting", &said);
    let said = lab.kubectl_with(&["create", "-f", "-"], &nad("bad", "10.244.5.0/24"));
    lab.passes("a NAD", &said);
    let said = patch(lab, &KV, r#"{"spec":{"configuration":{"migrations":{"network":null}}}}"#);
    lab.passes("network: null", &said);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "network-attachment-definition", "mig"]);
    lab.passes("the deletion of a NAD that nothing names", &said);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "kubevirt", "kubevirt"]);
    lab.passes("the deletion of KubeVirt", &said);
    assert!(scale(lab, "2").ok);
    lab.settle();
    lab.reset();
    let said = lab.install(&values());
    lab.check("helm upgrade back", said.ok, &said.text);
}

/// A good network in use; a write that must be refused, and one that must pass.
fn in_use(lab: &mut Lab) {
    for write in [nad("mig", "10.200.5.0/24"), nad("next", "10.200.6.0/24"), kubevirt("kubevirt", "mig")] {
        let said = lab.kubectl_with(&["create", "-f", "-"], &write);
        assert!(said.ok, "{}", said.text);
    }
}

fn right(lab: &mut Lab, when: &str) {
    lab.eventually(&format!("{when}: the API server reaches a replica"), 60, |lab| {
        !lab.dry_run().text.contains("failed calling")
    });
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "--dry-run=server", "network-attachment-definition", "mig"]);
    lab.refused(&format!("{when}: the deletion of the NAD in use"), &said, &["attachment-in-use"]);
    let said = lab.kubectl_with(&["apply", "--dry-run=server", "-f", "-"], &kubevirt("kubevirt", "next"));
    lab.check(&format!("{when}: another good network"), said.ok && said.findings().is_empty(), &said.text);
    let age = lab.metrics().sum("kubevirt_preflight_world_age_seconds", &[]);
    lab.check(&format!("{when}: the age of what is known shows"), age > 0.0 && age < 300.0, &age.to_string());
}

pub fn api_restarts(lab: &mut Lab) {
    in_use(lab);
    let before = lab.replicas();
    lab.plane.restart_api();
    right(lab, "after a restart of the API server");
    let after: Vec<_> = lab.replicas().into_iter().map(|replica| replica.name).collect();
    lab.check(
        "the replicas are the same",
        before.iter().all(|replica| after.contains(&replica.name)),
        &format!("{before:?} {after:?}"),
    );
    lab.reset();
}

pub fn etcd_stalls(lab: &mut Lab) {
    in_use(lab);
    let replicas: Vec<_> = lab.replicas().into_iter().map(|replica| replica.name).collect();
    lab.plane.stall_etcd(true);
    let said = lab.kubectl(&["-n", KUBEVIRT, "label", "kubevirt", "kubevirt", "a=b", "--request-timeout=3s"]);
    lab.check("nothing is written while etcd stands still", !said.ok, &said.text);
    lab.plane.stall_etcd(false);
    lab.eventually("writes go on", 60, |lab| {
        lab.kubectl(&["-n", KUBEVIRT, "label", "kubevirt", "kubevirt", "a=b", "--overwrite"]).ok
    });
    right(lab, "after etcd stood still");
    let ready = lab.replicas().iter().all(|replica| replica.ready && replicas.contains(&replica.name));
    lab.check("the replicas stayed", ready, &lab.tell());
    lab.reset();
}

/// The store of a moment ago: objects that came since are gone, those that went are back.
pub fn etcd_is_restored(lab: &mut Lab) {
    in_use(lab);
    lab.plane.snapshot();
    lab.settle();
    let said = patch(lab, &KV, r#"{"spec":{"configuration":{"migrations":{"network":"next"}}}}"#);
    lab.check("another network since", said.ok, &said.text);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "network-attachment-definition", "mig"]);
    lab.check("its NAD deleted since", said.ok, &said.text);
    lab.plane.restore();
    lab.settle();
    right(lab, "after an older store came back");
    let free = |lab: &Lab| {
        lab.kubectl(&["-n", KUBEVIRT, "delete", "--dry-run=server", "network-attachment-definition", "next"]).ok
    };
    lab.eventually("what was in use only since then is free", 30, free);
    lab.reset();
}

/// Nothing reaches a replica for a while, and nothing of it arrives: the watches hang without an end.
pub fn replica_is_cut_off(lab: &mut Lab) {
    in_use(lab);
    let link = |link: &str, state: &str| crate::private::run("ip", &["link", "set", link, state]);
    let cut = lab.replicas()[0].clone();
    let name = network::link_of(&cut.address);
    link(&name, "down");
    lab.eventually("the replica is found not ready", 30, |lab| {
        lab.replicas().iter().any(|one| *one == Replica { ready: false, ..cut.clone() })
    });
    // The API server still has a connection to the one that is cut off: a write on it fails when its time is over.
    lab.eventually("the other one answers", 20, |lab| {
        lab.kubectl_with(&["apply", "-f", "-"], &kubevirt("kubevirt", "next")).ok
    });
    link(&name, "up");
    lab.settle();
    // The other one ends: what is asked now is asked of the one that was cut off.
    let other = lab.replicas().into_iter().find(|one| one.name != cut.name).unwrap();
    lab.kubectl(&["-n", NAME, "delete", "pod", &other.name, "--wait=true", "--timeout=60s"]);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "--dry-run=server", "network-attachment-definition", "next"]);
    lab.refused("what changed meanwhile is known", &said, &["attachment-in-use"]);
    lab.settle();
    lab.reset();
}
