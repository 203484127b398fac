//! Log lines on standard error.

use std::panic::PanicHookInfo;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

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
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match format {
        Format::Text => lines.with_ansi(color).boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    // A second call in one process is a test's.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// A defect, in the format of all lines.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload().downcast_ref::<&str>().copied();
    let why = text.or(panic.payload().downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)");
    tracing::error!(place, why, "a defect of kubevirt-preflight; please report it");
}
