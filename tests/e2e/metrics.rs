//! What a replica measures.

use std::collections::BTreeMap;
use std::time::Duration;

/// Samples by their name with its labels, as the text has them.
#[derive(Clone, Debug, Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Of the replica at this address; none if it does not answer.
    pub fn of(address: &str) -> Self {
        let request = ureq::get(format!("http://{address}:8080/metrics"));
        let answer = request.config().timeout_global(Some(Duration::from_secs(2))).build().call();
        let text = answer.ok().and_then(|mut answer| answer.body_mut().read_to_string().ok()).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .filter_map(|line| line.rsplit_once(' '))
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        )
    }

    pub fn and(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            *self.0.entry(name).or_default() += value;
        }
        self
    }

    /// The sum of a metric's samples whose labels have all these parts.
    pub fn sum(&self, name: &str, parts: &[&str]) -> f64 {
        let of =
            |sample: &str| sample.split('{').next() == Some(name) && parts.iter().all(|part| sample.contains(part));
        self.0.iter().filter(|(sample, _)| of(sample)).map(|(_, value)| value).sum()
    }

    /// Reviews that were asked for.
    pub fn reviews(&self) -> f64 {
        self.sum("controller_runtime_webhook_requests_total", &[])
    }
}
