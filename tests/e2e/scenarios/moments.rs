use crate::api;
use crate::lab::{KUBEVIRT, Lab, kubevirt, nad};
use serde_json::{Value, json};

const NADS: &str = "/apis/k8s.cni.cncf.io/v1/namespaces/kubevirt/network-attachment-definitions";
const KUBEVIRTS: &str = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts";

/// Two writes of one kubectl are a few milliseconds apart: what replicas know from their watches is older.
pub fn fixed_and_referenced(lab: &mut Lab) {
    let (good, bad) = (nad("mig", "10.200.5.0/24"), nad("mig", "10.244.5.0/24"));
    let cr = kubevirt("kubevirt", "mig");
    let both = |nad: &str| json!({"apiVersion": "v1", "kind": "List", "items": [parsed(nad), parsed(&cr)]}).to_string();
    for round in 1..=3 {
        let said = lab.kubectl_with(&["apply", "-f", "-"], &bad);
        lab.passes("a bad NAD that nothing names", &said);
        let is_known = |lab: &Lab| !lab.kubectl_with(&["apply", "--dry-run=server", "-f", "-"], &cr).ok;
        lab.eventually("the replicas know it", 5, is_known);
        let said = lab.kubectl_with(&["apply", "-f", "-"], &both(&good));
        lab.passes(&format!("round {round}: fixed, then named"), &said);
        lab.reset();
    }
    for round in 1..=3 {
        let said = lab.kubectl_with(&["apply", "-f", "-"], &good);
        lab.passes("a good NAD that nothing names", &said);
        let is_known =
            |lab: &Lab| lab.kubectl_with(&["apply", "--dry-run=server", "-f", "-"], &cr).findings().is_empty();
        lab.eventually("the replicas know it", 5, is_known);
        let said = lab.kubectl_with(&["apply", "-f", "-"], &both(&bad));
        lab.refused(&format!("round {round}: broken, then named"), &said, &["pod-network-overlap"]);
        lab.reset();
    }
    let said = lab.kubectl_with(&["apply", "-f", "-"], &both(&bad));
    lab.refused("made and named", &said, &["pod-network-overlap"]);
    lab.reset();
}

pub fn freed_and_deleted(lab: &mut Lab) {
    for round in 1..=3 {
        let network = |network: Value| json!({"spec": {"configuration": {"migrations": {"network": network}}}});
        let writes = [
            api::post(NADS, &parsed(&nad("mig", "10.200.5.0/24"))),
            api::post(KUBEVIRTS, &parsed(&kubevirt("kubevirt", "mig"))),
        ];
        lab.check("a NAD in use", writes.iter().all(Result::is_ok), &format!("{writes:?}"));
        let delete = ["-n", KUBEVIRT, "delete", "--dry-run=server", "network-attachment-definition", "mig"];
        lab.known("the KubeVirt", |lab| lab.kubectl(&delete).text.contains("attachment-in-use"));
        let freed = api::merge(&format!("{KUBEVIRTS}/kubevirt"), &network(Value::Null));
        let deleted = api::delete(&format!("{NADS}/mig"));
        lab.check(
            &format!("round {round}: freed, then deleted"),
            freed.is_ok() && deleted.is_ok(),
            &format!("{freed:?} {deleted:?}"),
        );
        lab.reset();
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
