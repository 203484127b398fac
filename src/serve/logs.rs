//! Log lines on standard error.

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// For so long lines are gathered before they are written: to write one costs more than a review.
const GATHERING: Duration = Duration::from_millis(5);
/// As soon as there are so many bytes of them, whoever brings the last one writes them.
const MOST: usize = 64 * 1024;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging; `filter` is a level, or `target=level` pairs with commas between. Only the first call counts.
pub fn start(format: Format, filter: &str, color: bool) -> Result<(), ParseError> {
    let filter: Targets = filter.parse()?;
    let lines = fmt::layer().with_writer(|| Lines).with_target(false);
    let lines = match format {
        Format::Text => lines.with_ansi(color).boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    // A second call in one process is a test's.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Writes what is still to be written: the last thing that a process does.
pub fn flush() {
    write_out(&mut gathered());
}

/// A defect, in the format of all lines.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload().downcast_ref::<&str>().copied();
    let why = text.or(panic.payload().downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)");
    tracing::error!(place, why, "a defect of kubevirt-preflight; please report it");
    flush();
}

/// Lines that were not written yet.
static GATHERED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// Who writes them; `None` if there can be no such thread.
static WRITER: OnceLock<Option<Thread>> = OnceLock::new();

fn gathered() -> MutexGuard<'static, Vec<u8>> {
    GATHERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody can be told that standard error is gone.
fn write_out(gathered: &mut Vec<u8>) {
    let _ = io::stderr().write_all(gathered);
    gathered.clear();
}

fn writer() -> Option<Thread> {
    let write = || loop {
        thread::park();
        thread::sleep(GATHERING);
        flush();
    };
    let builder = thread::Builder::new().name("log".to_owned()).stack_size(64 * 1024);
    builder.spawn(write).ok().map(|handle| handle.thread().clone())
}

/// Takes one line at a time.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let writer = WRITER.get_or_init(writer);
        let mut gathered = gathered();
        let first = gathered.is_empty();
        gathered.extend_from_slice(line);
        match writer {
            Some(writer) if gathered.len() < MOST => {
                if first {
                    writer.unpark();
                }
            }
            _ => write_out(&mut gathered),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
