//! What the kubelet tells of a Pod.

use super::text;
use crate::api;
use serde_json::{Value, json};

/// What decides the status.
#[derive(Clone, PartialEq, Eq)]
pub struct Status {
    pub address: Option<String>,
    pub running: bool,
    pub started: bool,
    pub ready: bool,
    pub restarts: u32,
    pub last_exit: Option<i32>,
    /// Ended for good, with this code.
    pub ended: Option<i32>,
}

impl Status {
    /// Writes it; false if the API server did not take it.
    pub fn write(&self, pod: &Value) -> bool {
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
        api::merge(&path, &json!({"metadata": {"uid": pod["metadata"]["uid"]}, "status": self.object(pod)})).is_ok()
    }

    fn object(&self, pod: &Value) -> Value {
        let condition = |kind: &str, is: bool| json!({"type": kind, "status": if is { "True" } else { "False" }});
        let node = text(pod, "/spec/nodeName");
        let host = super::NODES.iter().find(|(name, _)| *name == node).map_or("192.168.66.100", |(_, address)| address);
        let addresses: Vec<_> = self.address.iter().map(|ip| json!({"ip": ip})).collect();
        json!({"phase": self.phase(), "hostIP": host, "podIP": self.address, "podIPs": addresses,
            "conditions": [condition("PodScheduled", true), condition("Initialized", true),
                condition("ContainersReady", self.ready), condition("Ready", self.ready)],
            "containerStatuses": [{"name": pod["spec"]["containers"][0]["name"], "image": pod["spec"]["containers"][0]["image"],
                "imageID": "", "ready": self.ready, "started": self.started, "restartCount": self.restarts,
                "state": self.state(), "lastState": self.last_exit.map(terminated).unwrap_or(json!({}))}]})
    }

    fn phase(&self) -> &str {
        match self.ended {
            Some(0) => "Succeeded",
            Some(_) => "Failed",
            None if self.running || self.restarts > 0 => "Running",
            None => "Pending",
        }
    }

    fn state(&self) -> Value {
        match self.ended {
            Some(code) => terminated(code),
            None if self.running => json!({"running": {}}),
            None if self.restarts > 0 => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            None => json!({"waiting": {"reason": "ContainerCreating"}}),
        }
    }
}

fn terminated(code: i32) -> Value {
    json!({"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }}})
}
