//! Plays scheduler and kubelet: there is neither here. Every Pod of the API server is bound to a node and run from its
//! own specification; nothing of it is written by hand.
//!
//! Played: one container, its program out of the image's files, args, env, ports, user, read-only root; Secrets,
//! ConfigMaps, projected volumes and their `..data` swap; a bound token; startup, liveness and readiness probes; restart
//! on exit; SIGTERM, grace period, SIGKILL. Faster than a real one: volumes are looked at every second and not every
//! minute, a restart waits one second and not ten or more. What a Pod asks for beyond that is an error, never passed over.

mod container;
pub mod network;
mod pod;
mod probe;
mod status;
mod volumes;

pub use pod::folder;
pub use volumes::base64;

use super::api;
use super::image::Image;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Nodes that Pods are spread over in turn.
pub const NODES: [(&str, &str); 2] = [("node1", "192.168.66.101"), ("node2", "192.168.66.102")];

/// What the player and its Pods share.
pub struct Shared {
    pub image: Image,
    /// What a Pod asks for and the player does not know, and other failures of the play itself.
    pub faults: Mutex<Vec<String>>,
    ended: AtomicBool,
}

/// The player; it ends when it is dropped.
pub struct Kubelet {
    pub shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    pub fn start(image: Image) -> Self {
        let shared = Arc::new(Shared { image, faults: Mutex::default(), ended: AtomicBool::new(false) });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || play(&shared)
        });
        Self { shared, thread: Some(thread) }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    pub fn fault(&self, what: String) {
        let mut faults = self.faults.lock().unwrap();
        if !faults.contains(&what) {
            faults.push(what);
        }
    }
}

/// A Pod that runs: what the API server last said of it; `None` once it is gone there.
type Seen = Arc<Mutex<Option<Value>>>;

fn play(shared: &Arc<Shared>) {
    let mut running: BTreeMap<String, (Seen, JoinHandle<()>)> = BTreeMap::new();
    let mut bound = 0;
    while !shared.ended.load(Ordering::Relaxed) {
        // While the API server is away everything goes on as it is.
        if let Ok(list) = api::get("/api/v1/pods") {
            let pods: BTreeMap<String, Value> = list["items"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|pod| (text(pod, "/metadata/uid"), pod.clone()))
                .collect();
            for (uid, (seen, _)) in &running {
                *seen.lock().unwrap() = pods.get(uid).cloned();
            }
            running.retain(|_, (_, thread)| !thread.is_finished());
            for (uid, pod) in pods {
                if running.contains_key(&uid) || ["Succeeded", "Failed"].contains(&text(&pod, "/status/phase").as_str())
                {
                    continue;
                }
                if pod["spec"]["nodeName"].is_null() {
                    bind(&pod, NODES[bound % NODES.len()].0);
                    bound += 1;
                    continue;
                }
                let seen: Seen = Arc::new(Mutex::new(Some(pod)));
                let thread = std::thread::spawn({
                    let (shared, seen) = (Arc::clone(shared), Arc::clone(&seen));
                    move || pod::run(&shared, &seen)
                });
                running.insert(uid, (seen, thread));
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn bind(pod: &Value, node: &str) {
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
    let _ = api::post(&format!("/api/v1/namespaces/{namespace}/pods/{name}/binding"), &binding);
}

/// A string of an object, empty if there is none.
pub fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
