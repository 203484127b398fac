//! What was learned, for people (a table) and for programs (json, version 1).

use super::classes::{Classes, Known};
use super::{Class, Confidence, Network, Networks, Origin};
use crate::place::ObjectRef;
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Thousands of nodes can say the same; the table shows so many of them, json all.
const SHOWN_ORIGINS: usize = 4;

/// The json contract of `networks`.
#[derive(Clone, Debug, Serialize)]
pub struct Report<'w> {
    version: u8,
    networks: Vec<Row>,
    #[serde(serialize_with = "by_name")]
    classes: &'w Classes,
}

/// One network.
#[derive(Clone, Debug, Serialize)]
struct Row {
    class: Class,
    /// A CIDR where it is one, else `a-b`.
    interval: String,
    confidence: Confidence,
    origins: Vec<Origin>,
}

impl<'w> Report<'w> {
    /// Of these networks and states; sorted by class and address.
    pub fn of(networks: &'w Networks, classes: &'w Classes) -> Self {
        let mut sorted: Vec<_> = networks.iter().collect();
        sorted.sort_by_key(|network| (network.class, network.interval, network.confidence));
        Self { version: 1, networks: sorted.into_iter().map(Row::of).collect(), classes }
    }

    /// As json, one object with a line feed at the end.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// As a table, then the states of the classes, then `bad`: fields that could not be read, with why.
    pub fn text<'b>(&self, bad: impl IntoIterator<Item = (&'b ObjectRef, &'b str, &'b str)>) -> String {
        let mut out = String::new();
        self.write_table(&mut out);
        self.write_states(&mut out);
        for (at, (object, path, why)) in bad.into_iter().enumerate() {
            out.push_str(if at == 0 { "\nCould not be read:\n" } else { "" });
            let _ = writeln!(out, "  {path} of {object}: {why}.");
        }
        printable(&out)
    }

    fn write_table(&self, out: &mut String) {
        let head = ("CLASS", "PREFIX", "CONFIDENCE");
        let wide = self.networks.iter().map(|row| row.interval.len()).chain([head.1.len()]).max().unwrap_or_default();
        let mut line = |class: &str, prefix: &str, confidence: &str, origin: &str| {
            let _ = writeln!(out, "{class:<13}  {prefix:<wide$}  {confidence:<10}  {origin}");
        };
        line(head.0, head.1, head.2, "ORIGIN");
        for row in &self.networks {
            let mut origins = row.origins.iter().take(SHOWN_ORIGINS).map(ToString::to_string);
            line(row.class.name(), &row.interval, row.confidence.name(), &origins.next().unwrap_or_default());
            for further in origins {
                line("", "", "", &further);
            }
            if let Some(more) = row.origins.len().checked_sub(SHOWN_ORIGINS).filter(|more| *more > 0) {
                line("", "", "", &format!("and {more} more"));
            }
        }
        if self.networks.is_empty() {
            out.push_str("(none)\n");
        }
    }

    fn write_states(&self, out: &mut String) {
        out.push_str("\nKNOWN\n");
        for (class, _) in self.classes.iter() {
            let _ = match self.classes.sentence(class) {
                None => writeln!(out, "{class:<13}  yes"),
                Some(why) => writeln!(out, "{class:<13}  no: {why}"),
            };
        }
    }
}

impl Row {
    fn of(network: Network<'_>) -> Self {
        let mut seen = BTreeSet::new();
        let origins =
            network.claims.iter().map(|claim| &claim.origin).filter(|origin| seen.insert(*origin)).cloned().collect();
        Self { class: network.class, interval: network.interval.to_string(), confidence: network.confidence, origins }
    }
}

/// Names of objects and texts of fields must not steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// `{"pod": {"state": "known", "why": null}, ...}` in the order of reports.
fn by_name<S: Serializer>(classes: &Classes, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct State {
        state: &'static str,
        why: Option<String>,
    }
    serializer.collect_map(classes.iter().map(|(class, known)| {
        let state = if *known == Known::Known { "known" } else { "unknown" };
        (class.name(), State { state, why: classes.sentence(class) })
    }))
}

#[cfg(test)]
mod tests;
