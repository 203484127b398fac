//! What was set, fitted to what the system allows.

use kubevirt_preflight::serve::descriptors;
use kubevirt_preflight::serve::limits::Limits;
use std::time::Duration;

/// The API server keeps an idle connection for 90 s; a little more, so that it is never the server that closes it.
const IDLE: Duration = Duration::from_secs(95);

/// Fits the limits to the system; warns of that, and of what loses reviews.
pub(super) fn adjust(limits: &mut Limits) {
    if limits.idle < IDLE {
        let idle = format!("{:?}", limits.idle);
        tracing::warn!(
            idle,
            "--idle-timeout is below 95 s: the API server uses a connection for 90 s, and loses a review"
        );
    }
    let files = descriptors::raised();
    let fitting = descriptors::fitting(limits.connections, files);
    if fitting < limits.connections {
        tracing::warn!(
            files,
            connections = fitting,
            "fewer connections than --max-connections: the system allows too few open files; raise the limit (ulimit -n)"
        );
        limits.connections = fitting;
    }
}

/// A review takes microseconds: two threads answer more than an API server asks.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2))
}
