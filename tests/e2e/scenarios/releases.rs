use super::{policy, values};
use crate::api;
use crate::lab::{KUBEVIRT, Lab, NAME, kubevirt, nad};
use crate::load::Load;
use serde_json::json;

/// Ends the load; no write may have failed.
pub fn unharmed(lab: &mut Lab, what: &str, load: Load) {
    let (written, failures) = load.end();
    let first: Vec<_> = failures.iter().take(3).collect();
    lab.check(
        &format!("{what}: none of {written} writes fails"),
        failures.is_empty() && written > 0,
        &format!("{} failed: {first:?}", failures.len()),
    );
}

pub fn replicas_restart(lab: &mut Lab) {
    let load = Load::start();
    for replica in lab.replicas() {
        lab.kubectl(&["-n", NAME, "delete", "pod", &replica.name, "--wait=true", "--timeout=60s"]);
        lab.settle();
    }
    unharmed(lab, "replicas end one by one", load);
}

pub fn upgrades(lab: &mut Lab) {
    let bundles = |lab: &Lab| {
        lab.kubectl(&[
            "get",
            "validatingwebhookconfiguration",
            NAME,
            "-o",
            "jsonpath={.webhooks[*].clientConfig.caBundle}",
        ])
        .text
    };
    let before = bundles(lab);
    let load = Load::start();
    let mut strict = values();
    strict["policy"]["profile"] = json!("strict");
    let said = lab.install(&strict);
    lab.check("helm upgrade", said.ok, &said.text);
    let now = bundles(lab);
    lab.check("the CA bundle is kept", !before.is_empty() && now == before, &format!("{before}\n{now}"));
    let probe = lab.dry_run();
    lab.refused("the strict policy is in force", &probe, &["unseen-attachment"]);
    // The load's own writes are refused under it.
    let (_, failures) = load.end();
    let outages: Vec<_> = failures.iter().filter(|failure| !failure.contains("unseen-attachment")).take(3).collect();
    lab.check("no write fails but by the policy", outages.is_empty(), &format!("{outages:?}"));
    let said = lab.helm(&["rollback", NAME, "--wait", "--timeout", "90s"], &json!({}));
    lab.check("helm rollback", said.ok, &said.text);
    lab.settle();
    let probe = lab.dry_run();
    lab.warned("the old policy is in force again", &probe, &["unseen-attachment"]);
    let now = bundles(lab);
    lab.check("the CA bundle is kept by a rollback", now == before, &format!("{before}\n{now}"));
}

/// What the cluster holds of the release.
fn remains(lab: &Lab) -> Vec<String> {
    let kinds = "validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,\
        clusterrolebindings,roles,rolebindings,deployments,services,secrets,configmaps,serviceaccounts,poddisruptionbudgets";
    let said = lab.kubectl(&["get", kinds, "-A", "-l", &format!("app.kubernetes.io/instance={NAME}"), "-o", "name"]);
    said.text.lines().filter(|line| line.contains('/')).map(str::to_owned).collect()
}

pub fn leaves(lab: &mut Lab) {
    for write in [nad("mig", "10.200.5.0/24"), nad("bad", "10.244.5.0/24"), kubevirt("kubevirt", "mig")] {
        assert!(lab.kubectl_with(&["create", "-f", "-"], &write).ok);
    }
    let said = lab.helm(&["uninstall", NAME, "--wait", "--timeout", "90s"], &json!({}));
    lab.check("helm uninstall", said.ok, &said.text);
    lab.eventually("nothing of the release is left", 60, |lab| remains(lab).is_empty());
    let said = lab.kubectl_with(&["apply", "-f", "-"], &kubevirt("kubevirt", "bad"));
    lab.passes("a write that was refused", &said);
    let said = lab.kubectl(&["-n", KUBEVIRT, "delete", "network-attachment-definition", "bad"]);
    lab.passes("a deletion that was refused", &said);
    let said = lab.install(&values());
    lab.check("it is installed again", said.ok, &said.text);
    lab.reset();
}

/// The namespace goes and takes the Pods, but not what stands outside of it.
pub fn namespace_goes(lab: &mut Lab) {
    for write in [nad("mig", "10.200.5.0/24"), nad("next", "10.200.6.0/24"), kubevirt("kubevirt", "mig")] {
        assert!(lab.kubectl_with(&["create", "-f", "-"], &write).ok);
    }
    let said = lab.kubectl(&["delete", "namespace", NAME, "--timeout=90s"]);
    lab.check("kubectl delete ns", said.ok, &said.text);
    let left = remains(lab);
    lab.check(
        "the entries are left",
        left.iter().any(|one| one.contains("validatingwebhookconfiguration")),
        &format!("{left:?}"),
    );
    let said = lab.kubectl_with(&["apply", "-f", "-"], &kubevirt("kubevirt", "next"));
    lab.refused("another network", &said, &["failed calling webhook", &format!("service \"{NAME}\" not found")]);
    let said = lab.kubectl(&[
        "-n",
        KUBEVIRT,
        "patch",
        "kubevirt/kubevirt",
        "--type=merge",
        "-p",
        r#"{"spec":{"configuration":{"migrations":{"network":null}}}}"#,
    ]);
    lab.passes("network: null", &said);
    let said = lab.kubectl(&["delete", "validatingwebhookconfiguration", NAME]);
    lab.check("the way out that NOTES tell", said.ok, &said.text);
    let said = lab.kubectl_with(&["apply", "-f", "-"], &kubevirt("kubevirt", "next"));
    lab.passes("another network after it", &said);
    let said = lab.install(&values());
    lab.check("it is installed over what was left", said.ok, &said.text);
    lab.reset();
    lab.policy(&policy());
    let _ = api::get("/readyz");
}
