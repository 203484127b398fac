use crate::lab::{KUBEVIRT, Lab, NAME, kubevirt, nad};

const KV: [&str; 4] = ["-n", KUBEVIRT, "patch", "kubevirt/kubevirt"];

fn patch(lab: &Lab, arguments: &[&str], patch: &str) -> crate::said::Said {
    lab.kubectl(&[arguments, &["--type=merge", "-p", patch]].concat())
}

pub fn no_replica(lab: &mut Lab) {
    for write in [nad("mig", "10.200.5.0/24"), nad("next", "10.200.6.0/24"), kubevirt("kubevirt", "mig")] {
        assert!(lab.kubectl_with(&["create", "-f", "-"], &write).ok);
    }
    let scale = |lab: &Lab, count: &str| lab.kubectl(&["-n", NAME, "scale", "deployment", NAME, "--replicas", count]);
    assert!(scale(lab, "0").ok);
    lab.eventually("no replica is left", 60, |lab| lab.replicas().is_empty());
    let said = patch(lab, &KV, r#"{"spec":{"configuration":{"migrations":{"network":"next"}}}}"#);
    lab.refused("another network", &said, &["failed calling webhook \"network.kubevirt-preflight.io\""]);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "network-attachment-definition", "mig"]);
    lab.refused("the deletion of the NAD in use, by the policy", &said, &["ValidatingAdmissionPolicy", "attachment-in-use"]);
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
}
