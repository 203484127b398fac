use crate::lab::{Lab, kubevirt, nad};
use std::fs;

pub fn folders(lab: &mut Lab) {
    let folder = lab.plane.path("manifests");
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.to_string_lossy().into_owned();
    let write = |first: &str, second: &str| {
        fs::write(format!("{folder}/10.json"), first).unwrap();
        fs::write(format!("{folder}/20.json"), second).unwrap();
    };
    let (good, bad, cr) = (nad("mig", "10.200.5.0/24"), nad("mig", "10.244.5.0/24"), kubevirt("kubevirt", "mig"));
    write(&good, &cr);
    let said = lab.kubectl(&["apply", "--dry-run=server", "-f", &folder]);
    lab.warned("a dry run of all of it on an empty cluster", &said, &["unseen-attachment"]);
    let said = lab.kubectl(&["apply", "-f", &folder]);
    lab.passes("the folder", &said);
    let said = lab.kubectl(&["apply", "-f", &folder]);
    lab.passes("the folder again", &said);
    lab.reset();
    write(&bad, &cr);
    let said = lab.kubectl(&["apply", "-f", &folder]);
    lab.refused("a folder whose NAD is bad", &said, &["pod-network-overlap"]);
    lab.reset();
    write(&cr, &good);
    let said = lab.kubectl(&["apply", "-f", &folder]);
    lab.warned("the CR before its NAD", &said, &["unseen-attachment"]);
    let there = lab.kubectl(&["-n", "kubevirt", "get", "network-attachment-definition/mig", "kubevirt/kubevirt"]);
    lab.check("both are there", there.ok, &there.text);
    lab.reset();
    write(&cr, &bad);
    let said = lab.kubectl(&["apply", "-f", &folder]);
    // The CR of a moment ago may not be known yet; then the audit in the background tells.
    let refused = !said.ok && said.text.contains("pod-network-overlap");
    let told = |lab: &Lab| lab.metrics().sum("kubevirt_preflight_findings", &["pod-network-overlap"]) > 0.0;
    lab.eventually("the CR before a bad NAD: refused, or told by the audit", 10, |lab| refused || told(lab));
    lab.reset();
}

/// As Argo CD does with pruning first: the NAD that is no longer in the repository goes before the CR is changed.
pub fn deletion_first(lab: &mut Lab) {
    for (write, what) in [
        (nad("mig", "10.200.5.0/24"), "a NAD"),
        (kubevirt("kubevirt", "mig"), "its CR"),
        (nad("mig2", "10.200.6.0/24"), "the next NAD"),
    ] {
        let said = lab.kubectl_with(&["create", "-f", "-"], &write);
        lab.passes(what, &said);
    }
    let delete = ["-n", "kubevirt", "delete", "network-attachment-definition", "mig"];
    lab.known("the CR", |lab| !lab.kubectl(&[&delete[..], &["--dry-run=server"]].concat()).ok);
    let said = lab.kubectl(&delete);
    lab.refused("the deletion before the update", &said, &["attachment-in-use", "then delete"]);
    let said = lab.kubectl_with(&["apply", "-f", "-"], &kubevirt("kubevirt", "mig2"));
    lab.check("the update", said.ok, &said.text);
    let said = lab.kubectl(&delete);
    lab.passes("the deletion after it", &said);
    lab.reset();
}
