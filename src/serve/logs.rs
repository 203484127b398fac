//! Log lines on standard error.

mod gathered;

pub use gathered::{AtTheEnd, flush};

use super::refusal::Refusal;
use crate::admission::Summary;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Longest field that a client decides about, in characters.
const FIELD: usize = 256;
/// For which a bound counts.
const SECOND: Duration = Duration::from_secs(1);
/// Defects told in a second: the request that meets one can be sent again and again.
static DEFECTS: Bound = Bound::new(10);

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
    let lines = fmt::layer().with_writer(|| gathered::Line).with_target(false);
    let lines = match format {
        Format::Text => lines.with_ansi(color).boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    // A second call in one process is a test's.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// A defect, in the format of all lines, and always one line.
fn panicked(panic: &PanicHookInfo<'_>) {
    let Some(left_out) = DEFECTS.pass() else { return };
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload().downcast_ref::<&str>().copied();
    let why = text.or(panic.payload().downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)");
    let why = &*field(why);
    tracing::error!(place, why, leftOut = left_out, "a defect of kubevirt-preflight; please report it");
}

/// A verdict: never more of the object than its name.
pub fn decision(summary: &Summary, took: Duration) {
    let object = match &summary.namespace {
        Some(namespace) => format!("{namespace}/{}", summary.name),
        None => summary.name.clone(),
    };
    tracing::info!(
        uid = &*field(&summary.uid),
        user = &*field(&summary.user),
        kind = &*field(&summary.kind),
        object = &*field(&object),
        operation = &*field(&summary.operation),
        dryRun = summary.dry_run,
        verdict = summary.verdict.word(),
        rules = summary.rules.join(","),
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "review"
    );
}

/// A request that gets no verdict; `left_out` such lines before this one were not written.
pub fn no_verdict(refusal: &Refusal, status: u16, peer: Option<SocketAddr>, left_out: u64) {
    let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
    let uid = match refusal {
        Refusal::NotAReview { uid, .. } => uid.as_deref().unwrap_or_default(),
        _ => "",
    };
    let why = refusal.to_string();
    let (uid, why) = (&*field(uid), &*field(&why));
    tracing::warn!(status, peer, uid, why, leftOut = left_out, "no verdict");
}

/// The first characters of what a client sent, and nothing among them that a terminal obeys or that hides what it is:
/// no control characters, no marks of direction, no invisible ones.
pub fn field(text: &str) -> Cow<'_, str> {
    let end = text.char_indices().nth(FIELD).map_or(text.len(), |(end, _)| end);
    let text = &text[..end];
    if text.contains(is_deceptive) { text.replace(is_deceptive, "\u{fffd}").into() } else { text.into() }
}

/// Controls, line and paragraph separators, and the format characters of Unicode that change how others are shown.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most so many lines a second; what is over is counted.
#[derive(Debug)]
pub struct Bound {
    most: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Option<Instant>,
    passed: u32,
    left_out: u64,
}

impl Bound {
    /// Nothing has passed yet.
    pub const fn new(most: u32) -> Self {
        Self { most, state: Mutex::new(State { since: None, passed: 0, left_out: 0 }) }
    }

    /// Whether one more line may be written, and how many were left out since the last one.
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.duration_since(since) >= SECOND) {
            (state.since, state.passed) = (Some(now), 0);
        }
        if state.passed < self.most {
            state.passed += 1;
            Some(std::mem::take(&mut state.left_out))
        } else {
            state.left_out += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_bound_is_counted() {
        let (bound, start) = (Bound::new(2), Instant::now());
        let at = |millis| bound.pass_at(start + Duration::from_millis(millis));
        assert_eq!([at(0), at(1), at(2), at(999)], [Some(0), Some(0), None, None]);
        assert_eq!([at(1000), at(1001), at(1002)], [Some(2), Some(0), None]);
        assert_eq!(at(9000), Some(1));
    }

    #[test]
    fn a_field_is_cut_and_deceives_nobody() {
        assert_eq!(field("system:admin é 日本"), "system:admin é 日本");
        assert_eq!(
            field("a\nb\u{1b}[31m\u{9b}\u{202e}\u{200b}\u{2028}"),
            "a\u{fffd}b\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(field(&"é".repeat(300)), "é".repeat(256));
    }
}
