//! A probe with its counts.

use super::text;
use serde_json::Value;
use std::time::{Duration, Instant};

/// One of a container's probes; without one of its kind, it passes at once.
pub struct Probe {
    spec: Value,
    due: Instant,
    successes: u64,
    failures: u64,
    /// `None` until a threshold was reached.
    pub verdict: Option<bool>,
}

impl Probe {
    pub fn of(container: &Value, kind: &str) -> Self {
        let spec = container[kind].clone();
        let delay = Duration::from_secs(spec["initialDelaySeconds"].as_u64().unwrap_or(0));
        let verdict = spec.is_null().then_some(true);
        Self { spec, due: Instant::now() + delay, successes: 0, failures: 0, verdict }
    }

    /// Asks if it is time to.
    pub fn tick(&mut self, address: &str, ports: &Value) {
        if self.spec.is_null() || Instant::now() < self.due {
            return;
        }
        let number = |key: &str, default: u64| self.spec[key].as_u64().unwrap_or(default);
        let (period, timeout) = (number("periodSeconds", 10), number("timeoutSeconds", 1));
        let (enough, too_many) = (number("successThreshold", 1), number("failureThreshold", 3));
        self.due = Instant::now() + Duration::from_secs(period);
        if ask(&self.spec["httpGet"], address, ports, Duration::from_secs(timeout)) {
            (self.successes, self.failures) = (self.successes + 1, 0);
        } else {
            (self.successes, self.failures) = (0, self.failures + 1);
        }
        if self.successes >= enough {
            self.verdict = Some(true);
        } else if self.failures >= too_many {
            self.verdict = Some(false);
        }
    }
}

/// GET as the kubelet does: any status from 200 to 399 is a success.
fn ask(get: &Value, address: &str, ports: &Value, timeout: Duration) -> bool {
    let named = || {
        let port = ports.as_array()?.iter().find(|port| port["name"] == get["port"])?;
        port["containerPort"].as_u64()
    };
    let Some(port) = get["port"].as_u64().or_else(named) else { return false };
    let scheme = get["scheme"].as_str().unwrap_or("HTTP").to_lowercase();
    let url = format!("{scheme}://{address}:{port}{}", text(get, "/path"));
    ureq::get(url).config().timeout_global(Some(timeout)).build().call().is_ok()
}
