//! What was learned, for people (a table) and for programs (json, version 1).

use super::classes::{Classes, Known};
use super::{Class, Confidence, Network, Networks, Origin};
use crate::net::Interval;
use crate::place::ObjectRef;
use crate::words::counted;
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
    #[serde(skip)]
    lists: &'w [List],
}

/// How far a list of the cluster could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct List {
    /// `nodes`, `ippools.crd.projectcalico.org`, `configmaps kube-system/kubeadm-config`
    pub name: String,
    /// `ready`, `absent`, `forbidden` or `bad`.
    pub state: String,
    /// How many objects it holds, if it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<usize>,
    /// Why it was not read, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One network.
#[derive(Clone, Debug, Serialize)]
struct Row {
    class: Class,
    #[serde(skip)]
    network: Interval,
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
        Self {
            version: 1,
            networks: sorted.into_iter().map(|network| Row::of(&network)).collect(),
            classes,
            lists: &[],
        }
    }

    /// With the states of the lists that were read; json has no place for them.
    #[must_use]
    pub fn with_lists(self, lists: &'w [List]) -> Self {
        Self { lists, ..self }
    }

    /// As json, one object with a line feed at the end.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// As a table, then the states of classes and lists, then `bad`: fields that could not be read, with why.
    pub fn text<'b>(&self, bad: impl IntoIterator<Item = (&'b ObjectRef, &'b str, &'b str)>) -> String {
        let mut out = String::new();
        self.write_table(&mut out);
        self.write_states(&mut out);
        self.ended(out, bad)
    }

    /// As a tree: classes with their states, their networks by containment, who says so; then as [`Self::text`].
    pub fn tree<'b>(&self, bad: impl IntoIterator<Item = (&'b ObjectRef, &'b str, &'b str)>) -> String {
        let mut out = String::new();
        for (class, _) in self.classes.iter() {
            let state = self.classes.sentence(class).map_or_else(String::new, |why| format!(": {why}"));
            let _ = writeln!(out, "{class}{state}");
            self.write_branch(class, &mut out);
        }
        self.ended(out, bad)
    }

    /// The networks of a class; they are sorted, so what holds others comes before them, unless both begin at once.
    fn write_branch(&self, class: Class, out: &mut String) {
        let mut rows: Vec<_> = self.networks.iter().filter(|row| row.class == class).collect();
        rows.sort_by_key(|row| (row.network.first(), std::cmp::Reverse(row.network.last())));
        let mut holding: Vec<Interval> = Vec::new();
        for row in rows {
            holding.retain(|outer| outer.holds(row.network));
            let margin = "  ".repeat(holding.len() + 1);
            let _ = writeln!(out, "{margin}{}  {}", row.interval, row.confidence);
            for line in row.shown_origins() {
                let _ = writeln!(out, "{margin}  | {line}");
            }
            holding.push(row.network);
        }
    }

    fn ended<'b>(&self, mut out: String, bad: impl IntoIterator<Item = (&'b ObjectRef, &'b str, &'b str)>) -> String {
        self.write_lists(&mut out);
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
            let mut origins = row.shown_origins();
            line(row.class.name(), &row.interval, row.confidence.name(), &origins.next().unwrap_or_default());
            for further in origins {
                line("", "", "", &further);
            }
        }
        if self.networks.is_empty() {
            out.push_str("(none)\n");
        }
    }

    /// Each list on a line with how many objects it holds or why it was not read; what is not served in one line.
    fn write_lists(&self, out: &mut String) {
        if self.lists.is_empty() {
            return;
        }
        out.push_str("\nREAD\n");
        let (absent, served): (Vec<_>, Vec<_>) = self.lists.iter().partition(|list| list.state == "absent");
        let wide = served.iter().map(|list| list.name.len()).max().unwrap_or_default();
        for list in served {
            let objects = list.objects.map(|many| counted(many, "object"));
            let told: Vec<_> = objects.iter().map(String::as_str).chain(list.why.as_deref()).collect();
            let _ = writeln!(out, "{:<wide$}  {:<9}  {}", list.name, list.state, told.join(": "));
        }
        if !absent.is_empty() {
            let names: Vec<_> = absent.iter().map(|list| list.name.as_str()).collect();
            let _ = writeln!(out, "not served: {}", names.join(", "));
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
    fn of(network: &Network<'_>) -> Self {
        let mut seen = BTreeSet::new();
        let origins = network.claims.iter().map(|claim| &claim.origin);
        let origins = origins.filter(|origin| seen.insert(*origin)).cloned().collect();
        let interval = network.interval.to_string();
        Self { class: network.class, network: network.interval, interval, confidence: network.confidence, origins }
    }

    /// A few of its origins, and how many more there are.
    fn shown_origins(&self) -> impl Iterator<Item = String> {
        let more = self.origins.len().checked_sub(SHOWN_ORIGINS).filter(|more| *more > 0);
        let shown = self.origins.iter().take(SHOWN_ORIGINS).map(ToString::to_string);
        shown.chain(more.map(|more| format!("and {more} more")))
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
