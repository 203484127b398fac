//! Lines on their way to standard error. They are gathered for a moment, for to write one costs more than a review; and
//! no verdict waits for a standard error that takes nothing.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// For so long lines are gathered before they are written.
const GATHERING: Duration = Duration::from_millis(5);
/// Bytes that wait at most; what comes then is left out, and counted.
const MOST: usize = 1 << 20;
/// For the last lines of a process to be taken.
const LAST: Duration = Duration::from_secs(1);

static GATHERED: Gathered = Gathered { lines: Mutex::new(Lines::NONE), written: Condvar::new() };
/// Who writes; `None` if the system has no thread for it.
static WRITER: OnceLock<Option<Thread>> = OnceLock::new();

struct Gathered {
    lines: Mutex<Lines>,
    /// Told when nothing is left to write.
    written: Condvar,
}

struct Lines {
    waiting: Vec<u8>,
    is_writing: bool,
    left_out: u64,
}

impl Lines {
    const NONE: Self = Self { waiting: Vec::new(), is_writing: false, left_out: 0 };
}

impl Gathered {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody must be told that there is something to write.
    fn add(&self, line: &[u8]) -> bool {
        let mut lines = self.lines();
        let first = lines.waiting.is_empty();
        if lines.waiting.len() + line.len() > MOST {
            lines.left_out += 1;
            return false;
        }
        lines.waiting.extend_from_slice(line);
        first
    }

    /// Writes until nothing is left; how many lines had to be left out meanwhile.
    fn write(&self) -> u64 {
        let mut batch = Vec::new();
        loop {
            let mut lines = self.lines();
            lines.is_writing = !lines.waiting.is_empty();
            if !lines.is_writing {
                let left_out = std::mem::take(&mut lines.left_out);
                self.written.notify_all();
                return left_out;
            }
            batch.clear();
            std::mem::swap(&mut batch, &mut lines.waiting);
            drop(lines);
            // Nobody can be told that standard error is gone.
            let _ = io::stderr().write_all(&batch);
        }
    }
}

fn writer() -> Option<Thread> {
    let write = || loop {
        thread::park();
        thread::sleep(GATHERING);
        let left_out = GATHERED.write();
        if left_out > 0 {
            tracing::error!(leftOut = left_out, "lines were left out: standard error did not take them in time");
        }
    };
    let builder = thread::Builder::new().name("log".to_owned()).stack_size(256 * 1024);
    builder.spawn(write).ok().map(|handle| handle.thread().clone())
}

/// Waits until all lines are written, a second at most: the last thing that a process does.
pub fn flush() {
    if let Some(Some(writer)) = WRITER.get() {
        writer.unpark();
        let busy = |lines: &mut Lines| lines.is_writing || !lines.waiting.is_empty();
        // Whether it was in time or not.
        let _ = GATHERED.written.wait_timeout_while(GATHERED.lines(), LAST, busy);
    }
}

/// Flushes when it is dropped, also by a panic that ends the process.
pub struct AtTheEnd;

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        flush();
    }
}

/// Takes one line at a time.
pub(super) struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match WRITER.get_or_init(writer) {
            Some(writer) => {
                if GATHERED.add(line) {
                    writer.unpark();
                }
            }
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let gathered = Gathered { lines: Mutex::new(Lines::NONE), written: Condvar::new() };
        let line = vec![b'x'; MOST / 4];
        assert!(gathered.add(&line), "the first line wakes the writer");
        assert!((0..3).all(|_| !gathered.add(&line)));
        assert!(!gathered.add(b"y"));
        let lines = gathered.lines();
        assert_eq!((lines.waiting.len(), lines.left_out), (MOST, 1));
    }
}
