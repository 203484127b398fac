//! For people: every finding with an excerpt and a caret, then one line that sums up.

use super::lines::Lines;
use super::{Report, printable};
use crate::finding::{Finding, Level};
use crate::place::Place;
use annotate_snippets::{AnnotationKind, Group, Level as Weight, Origin, Renderer, Snippet};
use std::fmt::{self, Write};

/// How it looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// With the escape sequences of a terminal.
    pub color: bool,
    /// Only the findings.
    pub quiet: bool,
}

/// Writes the whole report.
pub fn write(report: &Report, look: Look, out: &mut dyn Write) -> fmt::Result {
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    let mut lines = Lines::of(&report.sources);
    for finding in &report.review.findings {
        writeln!(out, "{}\n", renderer.render(&[group(finding, &mut lines)]))?;
    }
    if look.quiet { Ok(()) } else { write_rest(report, out) }
}

/// What is not a finding.
fn write_rest(report: &Report, out: &mut dyn Write) -> fmt::Result {
    for excepted in &report.review.excepted {
        let Finding { rule, object, place, .. } = &excepted.finding;
        let told = format!("{rule}, {object}, until {}: {}", excepted.expires, excepted.reason);
        writeln!(out, "excepted: {}{}", prefix(place.as_ref()), printable(&told))?;
    }
    for one in &report.not_judged {
        let object = one.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        // The reason says that it was not judged.
        writeln!(out, "note: {}", printable(&format!("{}:{}: {object}{}", one.file, one.line, one.reason)))?;
    }
    for note in &report.notes {
        writeln!(out, "note: {}", printable(note))?;
    }
    if let Some(line) = report.nothing_judged() {
        writeln!(out, "note: {}", printable(&line))?;
    }
    writeln!(out, "{}", report.summary())
}

fn prefix(place: Option<&Place>) -> String {
    place.map(|place| printable(&format!("{}:{}:{}: ", place.file, place.line, place.column))).unwrap_or_default()
}

/// One finding as the renderer takes it.
fn group<'r>(finding: &'r Finding, lines: &mut Lines<'r>) -> Group<'r> {
    let weight = match finding.level {
        Level::Deny => Weight::ERROR.with_name("deny"),
        Level::Warn | Level::Off => Weight::WARNING.with_name("warn"),
    };
    let group = weight.primary_title(printable(&finding.message)).id(finding.rule);
    let group = match &finding.place {
        Some(place) => shown(Group::with_title(group), place, lines),
        None => Group::with_title(group).element(Weight::NOTE.with_name("where").message(somewhere(finding))),
    };
    if finding.help.is_empty() {
        return group;
    }
    group.element(Weight::HELP.message(printable(&finding.help)))
}

/// With the place, and the line there if the text is at hand.
fn shown<'r>(group: Group<'r>, place: &'r Place, lines: &mut Lines<'r>) -> Group<'r> {
    let Some(excerpt) = lines.excerpt(place) else {
        return group.element(Origin::path(place.file.as_str()).line(place.line).char_column(place.column));
    };
    let caret = AnnotationKind::Primary.span(excerpt.mark);
    group.element(Snippet::source(excerpt.text).path(place.file.as_str()).line_start(place.line).annotation(caret))
}

/// `KubeVirt kubevirt/kubevirt, spec.configuration.migrations.network`
fn somewhere(finding: &Finding) -> String {
    let pointer = finding.pointer.as_deref().filter(|pointer| !pointer.is_empty());
    let pointer = pointer.map(|pointer| format!(" at {pointer}")).unwrap_or_default();
    let path = if finding.path.is_empty() { String::new() } else { format!(", {}", finding.path) };
    printable(&format!("{}{path}{pointer}", finding.object))
}
