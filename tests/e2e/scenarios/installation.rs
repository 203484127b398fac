use super::values;
use crate::api;
use crate::lab::{Lab, NAME};
use serde_json::json;

pub fn installs(lab: &mut Lab) {
    let said = lab.install(&values());
    assert!(said.ok, "{}\n{}", said.text, lab.tell());
    let replicas = lab.replicas();
    lab.check("two replicas", replicas.len() == 2, &format!("{replicas:?}"));
    let path = format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{NAME}");
    let entries = api::get(&path).unwrap_or_default()["webhooks"].clone();
    let trusted =
        entries.as_array().is_some_and(|all| all.iter().all(|one| one["clientConfig"]["caBundle"].is_string()));
    lab.check("every entry has a caBundle", trusted, &entries.to_string());
    let probe = lab.dry_run();
    lab.warned("a KubeVirt that names what is not there", &probe, &["unseen-attachment"]);
    let test = lab.helm(&["test", NAME, "--timeout", "60s"], &json!({}));
    let log = lab.log(&format!("{NAME}-test"));
    lab.check("helm test", test.ok, &format!("{}\n{log}", test.text));
}
