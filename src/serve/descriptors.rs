//! Open files: each connection is one, and a process may only have so many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For all that is no connection to the webhook: probes, files that are read anew, the collector.
const OTHERS: usize = 128;

/// Raises the limit as far as this process may; what it is then. Runtimes start containers with 1024, and let them have more.
pub fn raised() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it may not, the limit is what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX))
}

/// As many of so many connections as there are open files for.
pub fn fitting(connections: usize, files: usize) -> usize {
    connections.min(files.saturating_sub(OTHERS).max(files / 4)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        let fitting = |files| fitting(1024, files);
        assert_eq!([0, 64, 256, 1024, 2048, usize::MAX].map(fitting), [1, 16, 128, 896, 1024, 1024]);
    }
}
