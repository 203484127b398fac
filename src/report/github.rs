//! Workflow commands that GitHub Actions shows as annotations on the lines of a pull request.
//!
//! GitHub shows at most ten errors and ten warnings of a step; `sarif` has no such limit.
//! Source of the escapes: actions/toolkit `packages/core/src/command.ts`.

use super::{Report, told};
use crate::finding::{Finding, Level};
use crate::place::Place;
use std::fmt::{self, Write};

/// Writes one command for each finding, notices for the rest, and the line that sums up.
pub fn write(report: &Report, out: &mut dyn Write) -> fmt::Result {
    for finding in &report.review.findings {
        let command = if finding.level == Level::Deny { "error" } else { "warning" };
        line(out, command, finding.place.as_ref(), finding.rule, &text(finding))?;
    }
    for excepted in &report.review.excepted {
        let Finding { rule, object, place, .. } = &excepted.finding;
        let text = format!("{object} is excepted until {}: {}", excepted.expires, excepted.reason);
        line(out, "notice", place.as_ref(), rule, &text)?;
    }
    for one in &report.not_judged {
        let place = Place { file: one.file.clone(), line: one.line, column: 1 };
        line(out, "notice", Some(&place), "not judged", &one.reason)?;
    }
    for note in report.notes.iter().cloned().chain(report.nothing_judged()) {
        line(out, "notice", None, "kubevirt-preflight", &note)?;
    }
    writeln!(out, "{}", report.summary())
}

/// A finding outside the files names its object, for no line does.
fn text(finding: &Finding) -> String {
    match finding.place {
        Some(_) => told(finding),
        None => format!("{}: {}", finding.object, told(finding)),
    }
}

fn line(out: &mut dyn Write, command: &str, place: Option<&Place>, title: &str, text: &str) -> fmt::Result {
    write!(out, "::{command} ")?;
    if let Some(Place { file, line, column }) = place {
        write!(out, "file={},line={line},col={column},", property(file))?;
    }
    writeln!(out, "title={}::{}", property(title), data(text))
}

/// Other control characters would reach the terminal of who reads the log.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    escaped.replace(char::is_control, "\u{fffd}")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
