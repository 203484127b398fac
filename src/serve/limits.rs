//! What a client can take of the server, at most.

use std::time::Duration;

/// Bounds on memory, time and numbers. The defaults suit the API server as the only client.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one body. The API server takes objects of 3 MiB at most, and a review holds two.
    pub body: usize,
    /// Bytes of all bodies that are held at once.
    pub bodies: usize,
    /// Reviews at once.
    pub reviews: usize,
    /// Connections at once. An API server keeps 25 idle ones at most (client-go: transport/cache.go), and the unfinished
    /// head of a request on each takes up to 64 KiB.
    pub connections: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// From the handshake to the head of the first request.
    pub first_request: Duration,
    /// Without a request. The API server keeps an idle connection for 90 s and does not repeat a POST that meets a
    /// connection being closed, so this is longer (client-go: transport/cache.go).
    pub idle: Duration,
    /// For a review that does not say `?timeout=`: the API server's default (admissionregistration/v1).
    pub deadline: Duration,
    /// For the live read before a refusal.
    pub reread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 << 20,
            bodies: 32 << 20,
            reviews: 256,
            connections: 256,
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(5),
            idle: Duration::from_secs(120),
            deadline: Duration::from_secs(10),
            reread: Duration::from_millis(500),
        }
    }
}

/// The longest `timeoutSeconds` that Kubernetes allows.
const LONGEST: Duration = Duration::from_secs(30);
/// What the way back takes: the API server counts from when it sent the review.
const WAY_BACK: u32 = 20;

impl Limits {
    /// How long a review may take here: a twentieth less than `?timeout=` says (a Go duration, for example `2s`).
    pub fn time(&self, query: Option<&str>) -> Duration {
        let pairs = query.into_iter().flat_map(|query| query.split('&'));
        let text = pairs.filter_map(|pair| pair.strip_prefix("timeout=")).next_back();
        let said = text.and_then(|text| text.parse::<jiff::SignedDuration>().ok());
        let said = said.and_then(|said| Duration::try_from(said).ok()).filter(|said| !said.is_zero());
        let time = said.unwrap_or(self.deadline).min(LONGEST);
        time.saturating_sub(time / WAY_BACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(query: &str) -> u128 {
        Limits::default().time(Some(query)).as_millis()
    }

    #[test]
    fn a_review_takes_a_little_less_than_it_may() {
        assert_eq!(time("timeout=2s"), 1_900);
        assert_eq!(time("timeout=1m"), 28_500);
        assert_eq!(time("a=b&timeout=500ms"), 475);
        assert_eq!(time("timeout=1m30s"), 28_500);
        assert_eq!(time("timeout=1.5s"), 1_425);
    }

    #[test]
    fn what_is_no_duration_counts_as_left_out() {
        for query in
            ["", "timeout=", "timeout=0s", "timeout=-1s", "timeout=soon", "timeout=5", "timeout=99999999999999999999h"]
        {
            assert_eq!(time(query), 9_500, "{query}");
        }
        assert_eq!(Limits::default().time(None).as_millis(), 9_500);
    }
}
