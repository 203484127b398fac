//! A steady load of writes that need the webhook.

use super::api;
use super::lab::kubevirt;
use super::plane::API;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Writes that go on until the load is ended.
pub struct Load {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    written: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// Begins: a KubeVirt with a network, as a dry run, thirty times a second or so.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || write(&shared)
        });
        Self { shared, thread }
    }

    /// Ends it: how many writes there were, and what those said that failed.
    pub fn end(self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, Relaxed);
        self.thread.join().unwrap();
        (self.shared.written.load(Relaxed), std::mem::take(&mut *self.shared.failures.lock().unwrap()))
    }
}

fn write(shared: &Shared) {
    let object: Value = serde_json::from_str(&kubevirt("load", "reached")).unwrap();
    while !shared.stop.load(Relaxed) {
        let path = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts?dryRun=All";
        if let Err(error) = api::told(&format!("{API}{path}"), &object) {
            shared.failures.lock().unwrap().push(error);
        }
        shared.written.fetch_add(1, Relaxed);
        std::thread::sleep(Duration::from_millis(30));
    }
}
