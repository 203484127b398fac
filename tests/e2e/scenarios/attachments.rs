use crate::lab::{Lab, kubevirt, nad, nad_of};

/// CREATE of the CR, then UPDATE and DELETE of its NAD.
pub fn in_use(lab: &mut Lab) {
    let said = lab.kubectl_with(&["create", "-f", "-"], &nad("mig", "10.200.5.0/24"));
    lab.passes("a NAD that nothing names", &said);
    let said = lab.kubectl_with(&["create", "-f", "-"], &kubevirt("kubevirt", "mig"));
    lab.passes("a KubeVirt that names it", &said);
    lab.known("the KubeVirt", |lab| {
        !lab.kubectl(&["-n", "kubevirt", "delete", "--dry-run=server", "network-attachment-definition", "mig"]).ok
    });
    let text = r#"{"spec":{"config":"{\"cniVersion\":\"0.3.1\",\"type\":\"macvlan\",\"master\":\"eth1\",\"ipam\":{\"type\":\"whereabouts\",\"range\":\"10.244.5.0/24\"}}"}}"#;
    let patch = ["-n", "kubevirt", "patch", "network-attachment-definition", "mig", "--type=merge", "-p"];
    let said = lab.kubectl(&[&patch[..], &[text]].concat());
    lab.refused(
        "its range moved into the pods'",
        &said,
        &["pod-network-overlap", "10.244.5.0/24", "kubevirt-preflight explain"],
    );
    let said = lab.kubectl(&[&patch[..], &[&text.replace("10.244.5", "10.200.6")]].concat());
    lab.warned("its range moved elsewhere", &said, &["edit-in-use"]);
    let said = lab.kubectl(&["-n", "kubevirt", "delete", "network-attachment-definition", "mig"]);
    lab.refused("its deletion", &said, &["attachment-in-use"]);
    let said = lab.kubectl(&[
        "-n",
        "kubevirt",
        "patch",
        "kubevirt",
        "kubevirt",
        "--type=merge",
        "-p",
        r#"{"spec":{"configuration":{"migrations":{"network":null}}}}"#,
    ]);
    lab.passes("network: null", &said);
    let said = lab.kubectl(&["-n", "kubevirt", "delete", "network-attachment-definition", "mig"]);
    lab.passes("the deletion of what nothing names", &said);
    lab.reset();
}

pub fn dry_runs(lab: &mut Lab) {
    let bad = nad_of(
        "mig",
        r#"{"cniVersion":"0.3.1","type":"macvlan","master":"eth1","ipam":{"type":"host-local","subnet":"10.200.5.0/24","routes":[{"dst":"0.0.0.0/0"}]}}"#,
    );
    assert!(lab.kubectl_with(&["create", "-f", "-"], &bad).ok);
    let write = kubevirt("kubevirt", "mig");
    let dry = lab.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &write);
    let real = lab.kubectl_with(&["create", "-f", "-"], &write);
    lab.refused("a default route and node-local addresses", &real, &["default-route", "node-local-ipam"]);
    lab.check("the same words in the dry run", dry.text == real.text, &format!("{}\n{}", dry.text, real.text));
    let strict = lab.kubectl_with(
        &["create", "--dry-run=server", "--warnings-as-errors", "-f", "-"],
        &kubevirt("kubevirt", "absent"),
    );
    lab.refused("a warning as an error", &strict, &["unseen-attachment"]);
    lab.reset();
}
