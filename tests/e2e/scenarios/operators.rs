use super::policy;
use crate::lab::{KUBEVIRT, Lab, hyperconverged, kubevirt, nad};
use serde_json::json;

const KV: [&str; 4] = ["-n", KUBEVIRT, "patch", "kubevirt/kubevirt"];
const HCO: [&str; 4] = ["-n", KUBEVIRT, "patch", "hyperconverged/kubevirt-hyperconverged"];

fn create(lab: &mut Lab, writes: &[String]) {
    for write in writes {
        let said = lab.kubectl_with(&["create", "-f", "-"], write);
        assert!(said.ok, "{}", said.text);
    }
}

pub fn own_writes(lab: &mut Lab) {
    create(lab, &[nad("mig", "10.200.5.0/24"), hyperconverged("mig"), kubevirt("kubevirt", "mig")]);
    let before = lab.metrics().reviews();
    let writes: [(&str, &[&str], &str); 8] = [
        (
            "KubeVirt's status",
            &[&KV[..], &["--subresource=status"]].concat(),
            r#"{"status":{"phase":"Deployed","conditions":[{"type":"Available","status":"True"}]}}"#,
        ),
        ("KubeVirt's finalizers", &KV, r#"{"metadata":{"finalizers":["foregroundDeleteKubeVirt"]}}"#),
        ("KubeVirt's labels", &KV, r#"{"metadata":{"labels":{"kubevirt.io/seen":"1"}}}"#),
        (
            "KubeVirt's other settings",
            &KV,
            r#"{"spec":{"configuration":{"developerConfiguration":{"logVerbosity":{"virtHandler":3}}}}}"#,
        ),
        (
            "HyperConverged's status",
            &[&HCO[..], &["--subresource=status"]].concat(),
            r#"{"status":{"phase":"Deployed"}}"#,
        ),
        ("HyperConverged's finalizers", &HCO, r#"{"metadata":{"finalizers":["kubevirt.io/hyperconverged"]}}"#),
        ("HyperConverged's labels", &HCO, r#"{"metadata":{"labels":{"seen":"1"}}}"#),
        (
            "a NAD's labels",
            &["-n", KUBEVIRT, "patch", "network-attachment-definition/mig"],
            r#"{"metadata":{"labels":{"seen":"1"}}}"#,
        ),
    ];
    for (what, arguments, patch) in writes {
        let said = lab.kubectl(&[arguments, &["--type=merge", "-p", patch]].concat());
        lab.passes(what, &said);
    }
    let after = lab.metrics().reviews();
    lab.check(
        "none of them was sent to us",
        after.total_cmp(&before).is_eq(),
        &format!("{before} before, {after} after"),
    );
    for patch in [KV, HCO] {
        lab.kubectl(&[&patch[..], &["--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]].concat());
    }
    lab.reset();
}

/// HyperConverged names a network that is refused today; the operator writes KubeVirt from it.
pub fn copies(lab: &mut Lab) {
    let mut warn = policy();
    warn["enforcement"] = json!("warn");
    lab.policy(&warn);
    create(lab, &[nad("mig", "10.244.5.0/24"), hyperconverged("mig")]);
    lab.policy(&policy());
    let said = lab.kubectl_with(&["create", "-f", "-"], &kubevirt("kubevirt", "mig"));
    lab.warned("the operator's copy", &said, &["pod-network-overlap"]);
    let said = lab.kubectl(
        &[&KV[..], &["--type=merge", "-p", r#"{"spec":{"configuration":{"migrations":{"network":null}}}}"#]].concat(),
    );
    lab.passes("its network taken away", &said);
    let said = lab
        .kubectl(&[&HCO[..], &["--type=merge", "-p", r#"{"spec":{"liveMigrationConfig":{"network":null}}}"#]].concat());
    lab.passes("HyperConverged's network taken away", &said);
    let refused =
        |lab: &Lab| !lab.kubectl_with(&["apply", "--dry-run=server", "-f", "-"], &kubevirt("kubevirt", "mig")).ok;
    lab.eventually("without HyperConverged's it is refused", 5, refused);
    lab.reset();
}

pub fn going(lab: &mut Lab) {
    create(lab, &[nad("mig", "10.200.5.0/24"), nad("bad", "10.244.5.0/24"), kubevirt("kubevirt", "mig")]);
    lab.kubectl(
        &[&KV[..], &["--type=merge", "-p", r#"{"metadata":{"finalizers":["foregroundDeleteKubeVirt"]}}"#]].concat(),
    );
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "kubevirt", "kubevirt", "--wait=false"]);
    lab.passes("the deletion of KubeVirt", &said);
    let said = lab.kubectl(
        &[&KV[..], &["--type=merge", "-p", r#"{"spec":{"configuration":{"migrations":{"network":"bad"}}}}"#]].concat(),
    );
    lab.passes("a patch of what is going", &said);
    lab.eventually("its NAD may go with it", 5, |lab| {
        lab.kubectl(&["-n", KUBEVIRT, "delete", "network-attachment-definition", "mig"]).ok
    });
    let said = lab.kubectl(&[&KV[..], &["--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]].concat());
    lab.passes("the end of its finalizer", &said);
    lab.eventually("KubeVirt is gone", 5, |lab| !lab.kubectl(&["-n", KUBEVIRT, "get", "kubevirt", "kubevirt"]).ok);
    create(lab, &[nad("mig", "10.200.5.0/24"), kubevirt("kubevirt", "mig")]);
    let said = lab.kubectl(&["delete", "namespace", KUBEVIRT, "--wait=false"]);
    lab.passes("the deletion of the namespace", &said);
    lab.eventually("the namespace is gone", 60, |lab| !lab.kubectl(&["get", "namespace", KUBEVIRT]).ok);
    let said = lab.kubectl(&["create", "namespace", KUBEVIRT]);
    lab.passes("the namespace again", &said);
    another_namespace(lab);
}

/// A namespace that goes takes a NAD along that a KubeVirt elsewhere names; a user may not delete it alone.
fn another_namespace(lab: &mut Lab) {
    let said = lab.kubectl(&["create", "namespace", "nets"]);
    lab.passes("a namespace of networks", &said);
    create(lab, &[nad("mig", "10.200.5.0/24").replace(KUBEVIRT, "nets"), kubevirt("kubevirt", "nets/mig")]);
    let delete = ["-n", "nets", "delete", "network-attachment-definition", "mig", "--dry-run=server"];
    lab.known("a user's deletion of the NAD is refused", |lab| !lab.kubectl(&delete).ok);
    let said = lab.kubectl(&["delete", "namespace", "nets", "--wait=false"]);
    lab.passes("the deletion of the namespace", &said);
    lab.eventually("it is gone", 60, |lab| !lab.kubectl(&["get", "namespace", "nets"]).ok);
    lab.reset();
}
