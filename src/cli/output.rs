//! Standard output and standard error.

use super::Color;
use anyhow::{Context as _, Result};
use std::io::{ErrorKind, IsTerminal, Write};

/// Prints to standard output. A reader that has gone away (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("The output cannot be written."),
        _ => Ok(()),
    }
}

/// An error and its causes as text.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    // Some errors say themselves what their cause says.
    let mut text = error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        told if told.contains(&cause) => text,
        told => format!("{told} {cause}"),
    });
    if !text.ends_with('.') {
        text.push('.');
    }
    text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

/// Prints why there was no review. If nobody listens there is nobody to tell.
pub(super) fn complain(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr().lock(), "error: {}", sentence(error));
}

/// Prints remarks beside the output, each a sentence. If nobody listens there is nobody to tell.
pub(super) fn remark(remarks: &[String]) {
    for text in remarks {
        let clean = text.replace(char::is_control, "\u{fffd}");
        let _ = writeln!(std::io::stderr().lock(), "note: {clean}");
    }
}

/// Whether to colour standard output.
pub(super) fn colored(color: Color) -> bool {
    colored_on(color, std::io::stdout().is_terminal())
}

/// Whether to colour standard error.
pub(super) fn colored_errors(color: Color) -> bool {
    colored_on(color, std::io::stderr().is_terminal())
}

fn colored_on(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: set and not empty.
        Color::Auto => std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && terminal,
    }
}
