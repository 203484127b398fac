//! The life of one Pod.

use super::container::Container;
use super::network::Network;
use super::probe::Probe;
use super::status::Status;
use super::volumes::Volume;
use super::{Seen, Shared, text};
use crate::api;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);
const SYNC: Duration = Duration::from_secs(1);
const BACK_OFF: Duration = Duration::from_secs(1);

/// The folder of a Pod on its node, with its log.
pub fn folder(namespace: &str, name: &str) -> PathBuf {
    PathBuf::from(format!("/run/pods/{namespace}/{name}"))
}

/// Runs it until it is gone from the API server.
pub fn run(shared: &Shared, seen: &Seen) {
    let Some(pod) = seen.lock().unwrap().clone() else { return };
    if pod["spec"]["containers"].as_array().map_or(0, Vec::len) != 1 || pod["spec"].get("initContainers").is_some() {
        shared.fault(format!("only one container is played: {}", text(&pod, "/metadata/name")));
    }
    let folder = folder(&text(&pod, "/metadata/namespace"), &text(&pod, "/metadata/name"));
    std::fs::create_dir_all(&folder).unwrap();
    let mut life = Life {
        shared,
        network: Network::make(),
        volumes: Volume::all(&pod, &folder.join("volumes")),
        synced: None,
        container: None,
        probes: Probes::of(&pod),
        status: Status {
            address: None,
            running: false,
            started: false,
            ready: false,
            restarts: 0,
            last_exit: None,
            ended: None,
        },
        written: None,
        folder,
        not_before: Instant::now(),
    };
    life.live(seen);
}

struct Probes {
    startup: Probe,
    liveness: Probe,
    readiness: Probe,
}

impl Probes {
    fn of(pod: &Value) -> Self {
        let probe = |kind: &str| Probe::of(&pod["spec"]["containers"][0], kind);
        Self { startup: probe("startupProbe"), liveness: probe("livenessProbe"), readiness: probe("readinessProbe") }
    }
}

struct Life<'a> {
    shared: &'a Shared,
    folder: PathBuf,
    network: Network,
    volumes: Vec<Volume>,
    synced: Option<Instant>,
    container: Option<Container>,
    probes: Probes,
    status: Status,
    written: Option<Status>,
    /// A restart waits until then.
    not_before: Instant,
}

impl Life<'_> {
    fn live(&mut self, seen: &Seen) {
        loop {
            let Some(pod) = seen.lock().unwrap().clone() else {
                // Gone without a grace period: deleted by force, or the API server's store is an older one.
                self.kill();
                return;
            };
            if pod.pointer("/metadata/deletionTimestamp").is_some() {
                return self.terminate(&pod);
            }
            self.step(&pod);
            if self.status.ended.is_some() {
                return;
            }
            std::thread::sleep(TICK);
        }
    }

    fn step(&mut self, pod: &Value) {
        let there = self.sync(pod);
        let exit = self.container.as_mut().and_then(Container::exit);
        if let Some(code) = exit {
            self.container = None;
            self.status.last_exit = Some(code);
            self.not_before = Instant::now() + BACK_OFF;
            match text(pod, "/spec/restartPolicy").as_str() {
                "Never" => self.status.ended = Some(code),
                "OnFailure" if code == 0 => self.status.ended = Some(code),
                _ => self.status.restarts += 1,
            }
        }
        if self.container.is_none() && self.status.ended.is_none() && there && Instant::now() >= self.not_before {
            self.container = Some(Container::start(pod, &self.folder, &self.network, &self.volumes, self.shared));
            self.probes = Probes::of(pod);
        }
        self.probe(pod);
        self.tell(pod);
    }

    /// Looks at the volumes once a second; whether all of them are there.
    fn sync(&mut self, pod: &Value) -> bool {
        if self.synced.is_some_and(|at| at.elapsed() < SYNC) {
            return true;
        }
        let shared = self.shared;
        let there = self.volumes.iter_mut().map(|volume| volume.sync(pod, shared)).filter(|there| !there).count() == 0;
        if there || self.container.is_some() {
            self.synced = Some(Instant::now());
        }
        there
    }

    fn probe(&mut self, pod: &Value) {
        self.status.running = self.container.is_some();
        self.status.address = Some(self.network.address.clone());
        if !self.status.running {
            (self.status.started, self.status.ready) = (false, false);
            return;
        }
        let ports = &pod["spec"]["containers"][0]["ports"];
        let address = self.network.address.clone();
        if self.probes.startup.verdict != Some(true) {
            self.probes.startup.tick(&address, ports);
        } else {
            self.probes.liveness.tick(&address, ports);
            self.probes.readiness.tick(&address, ports);
        }
        self.status.started = self.probes.startup.verdict == Some(true);
        self.status.ready = self.status.started && self.probes.readiness.verdict == Some(true);
        if self.probes.startup.verdict == Some(false) || self.probes.liveness.verdict == Some(false) {
            self.shared.fault(format!("a probe of {} failed, so the container was ended", text(pod, "/metadata/name")));
            self.stop(pod);
        }
    }

    fn tell(&mut self, pod: &Value) {
        if self.written.as_ref() != Some(&self.status) && self.status.write(pod) {
            self.written = Some(self.status.clone());
        }
    }

    /// SIGTERM, the grace period with its probes going on, SIGKILL; then the Pod may go.
    fn terminate(&mut self, pod: &Value) {
        self.stop(pod);
        let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}?gracePeriodSeconds=0");
        // The API server may be away just now; a Pod that is gone is none to wait for.
        while api::delete(&path).is_err_and(|error| !error.contains("404")) {
            std::thread::sleep(TICK);
        }
    }

    fn stop(&mut self, pod: &Value) {
        let grace =
            pod.pointer("/metadata/deletionGracePeriodSeconds").or(pod.pointer("/spec/terminationGracePeriodSeconds"));
        let grace = Duration::from_secs(grace.and_then(Value::as_u64).unwrap_or(30));
        let begun = Instant::now();
        if let Some(hook) = pod.pointer("/spec/containers/0/lifecycle/preStop") {
            match hook.pointer("/sleep/seconds").and_then(Value::as_u64) {
                Some(seconds) => std::thread::sleep(Duration::from_secs(seconds)),
                None => self.shared.fault(format!("a hook that is not played: {hook}")),
            }
        }
        if let Some(container) = &self.container {
            container.signal("TERM");
        }
        while self.container.as_mut().is_some_and(|container| container.exit().is_none()) {
            if begun.elapsed() > grace {
                self.shared.fault(format!("{} did not end in its grace period", text(pod, "/metadata/name")));
                break;
            }
            let ports = &pod["spec"]["containers"][0]["ports"];
            self.probes.readiness.tick(&self.network.address, ports);
            self.status.ready = self.status.started && self.probes.readiness.verdict == Some(true);
            self.tell(pod);
            std::thread::sleep(TICK);
        }
        self.kill();
    }

    fn kill(&mut self) {
        if let Some(mut container) = self.container.take() {
            container.kill();
        }
    }
}

impl Drop for Life<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}
