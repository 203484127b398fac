//! The nodes' interfaces, where the chart's value asks for them.

use super::values;
use crate::lab::{Lab, kubevirt, nad};
use serde_json::json;

const CRD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/node-network-state-crd.yaml");

fn state(node: &str, interface: &str, state: &str) -> String {
    json!({"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkState", "metadata": {"name": node},
        "status": {"currentState": {"interfaces": [
            {"name": "eth0", "type": "ethernet", "state": "up"}, {"name": interface, "type": "ethernet", "state": state}]}}})
    .to_string()
}

pub fn of_nodes(lab: &mut Lab) {
    let mut with = values();
    with["nodeNetworkState"] = json!({"enabled": true});
    let said = lab.kubectl(&["create", "-f", CRD]);
    lab.check("the CRD", said.ok, &said.text);
    // Served before the replicas start, so that they need not look for it again.
    lab.eventually("it is served", 10, |lab| lab.kubectl(&["get", "nodenetworkstates"]).ok);
    for state in [state("node1", "eth1", "up"), state("node2", "ens4", "up")] {
        let said = lab.kubectl_with(&["create", "-f", "-"], &state);
        lab.check("a NodeNetworkState", said.ok, &said.text);
    }
    let said = lab.install(&with);
    lab.check("helm upgrade with nodeNetworkState.enabled", said.ok, &said.text);
    let said = lab.kubectl_with(&["create", "-f", "-"], &nad("mig", "10.200.5.0/24"));
    lab.passes("a NAD that nothing names", &said);
    let write = |lab: &Lab| lab.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &kubevirt("kubevirt", "mig"));
    let said = write(lab);
    lab.refused("a node lacks the interface", &said, &["missing-interface", "node2", "eth1"]);
    let said = lab.kubectl_with(&["replace", "-f", "-"], &state("node2", "eth1", "down"));
    lab.check("node2 gets it", said.ok, &said.text);
    lab.eventually("the replicas know it", 5, |lab| write(lab).ok);
    let said = write(lab);
    lab.warned("its link is down", &said, &["weak-interface", "node2"]);
    lab.kubectl(&["delete", "-f", CRD]);
    let said = lab.install(&values());
    lab.check("helm upgrade back", said.ok, &said.text);
    lab.reset();
}
