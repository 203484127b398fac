use super::{policy, values};
use crate::lab::{KUBEVIRT, Lab, kubevirt, nad};
use crate::process;
use serde_json::{Value, json};
use std::process::Command;

fn exception(expires: &str) -> Value {
    let mut policy = policy();
    policy["exceptions"] = json!([{"rule": "pod-network-overlap", "reason": "The range moves in spring.", "expires": expires,
        "object": {"kind": "NetworkAttachmentDefinition", "namespace": KUBEVIRT, "name": "mig*"}}]);
    policy
}

pub fn exceptions(lab: &mut Lab) {
    let said = lab.kubectl_with(&["create", "-f", "-"], &nad("mig", "10.244.5.0/24"));
    lab.passes("a bad NAD that nothing names", &said);
    let write = |lab: &Lab| lab.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &kubevirt("kubevirt", "mig"));
    let said = write(lab);
    lab.refused("no exception", &said, &["pod-network-overlap"]);
    lab.policy(&exception("2099-12-31"));
    let said = write(lab);
    lab.check("an exception that holds", said.ok && said.findings().is_empty(), &said.text);
    lab.policy(&exception("2020-12-31"));
    let said = write(lab);
    lab.refused("an exception that has expired", &said, &["pod-network-overlap"]);
    let mut warn = policy();
    warn["enforcement"] = json!("warn");
    lab.policy(&warn);
    let said = write(lab);
    lab.warned("enforcement: warn", &said, &["pod-network-overlap"]);
    lab.policy(&policy());
    let said = write(lab);
    lab.refused("no exception again", &said, &["pod-network-overlap"]);
    lab.reset();
}

/// What there was before us goes into the policy, and is then no finding any more.
pub fn baseline(lab: &mut Lab) {
    let mut warn = policy();
    warn["enforcement"] = json!("warn");
    lab.policy(&warn);
    for write in [nad("mig", "10.244.5.0/24"), kubevirt("kubevirt", "mig")] {
        assert!(lab.kubectl_with(&["create", "-f", "-"], &write).ok);
    }
    lab.policy(&policy());
    let own = lab.plane.path("policy.yaml");
    std::fs::write(&own, super::super::lab::policy_file(&policy())).unwrap();
    let audit = |lab: &Lab, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"));
        command.env("KUBECONFIG", lab.plane.path("kubeconfig")).args(["audit", "--policy"]).arg(&own).args(arguments);
        process::said::<crate::said::Said>(&mut command, "")
    };
    let said = audit(lab, &[]);
    lab.refused("audit", &said, &["pod-network-overlap"]);
    let said = audit(lab, &["--as-exceptions", "--expires", "2099-12-31", "--reason", "It was there before."]);
    let yaml: String =
        said.text.lines().filter(|line| !line.starts_with("Warning")).map(|line| format!("{line}\n")).collect();
    let read: Result<Value, _> = serde_saphyr::from_str(&yaml);
    lab.check("the baseline is YAML", read.is_ok(), &said.text);
    let exceptions = read.map(|read| read.get("exceptions").cloned().unwrap_or(read)).unwrap_or_default();
    assert!(exceptions.is_array(), "{exceptions}");
    let mut with = policy();
    with["exceptions"] = exceptions;
    lab.policy(&with);
    std::fs::write(&own, super::super::lab::policy_file(&with)).unwrap();
    let said = audit(lab, &[]);
    lab.check("audit with the baseline", said.ok, &said.text);
    lab.policy(&policy());
    lab.reset();
}

pub fn reverse(lab: &mut Lab) {
    let mut with = values();
    with["reverse"] = json!({"enabled": true});
    let said = lab.install(&with);
    lab.check("helm upgrade with reverse.enabled", said.ok, &said.text);
    for write in [nad("mig", "172.30.5.0/24"), kubevirt("kubevirt", "mig")] {
        let said = lab.kubectl_with(&["create", "-f", "-"], &write);
        lab.check("a migration network", said.ok, &said.text);
    }
    let cidr = |name: &str, cidr: &str| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name}, "spec": {"cidrs": [cidr]}})
            .to_string()
    };
    let known =
        |lab: &Lab| lab.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &cidr("over", "172.30.0.0/16"));
    lab.eventually("the replicas know it", 5, |lab| !known(lab).ok);
    let said = lab.kubectl_with(&["create", "-f", "-"], &cidr("over", "172.30.0.0/16"));
    lab.refused("a ServiceCIDR over the migration network", &said, &["service-network-overlap", "172.30.0.0/16"]);
    let said = lab.kubectl_with(&["create", "-f", "-"], &cidr("beside", "172.31.0.0/16"));
    lab.passes("a ServiceCIDR beside it", &said);
    lab.kubectl(&["delete", "servicecidr", "beside", "--wait=false"]);
    let said = lab.install(&values());
    lab.check("helm upgrade back", said.ok, &said.text);
    lab.reset();
}
