//! SARIF 2.1.0 (OASIS), as code scanning services take it.
//!
//! GitHub refuses a result without a file and line; a finding about an object outside the files stands at the first
//! line of the policy, or else of the first file, and its logical location names the object.

use super::{Report, ReportError, told};
use crate::finding::{Finding, Level, Role};
use crate::place::{ObjectRef, Place};
use crate::review::Excepted;
use crate::rules::{Levels, RULES, Rule};
use serde::Serialize;

/// The report as SARIF, with a line feed at the end.
pub fn render(report: &Report) -> Result<String, ReportError> {
    Ok(serde_json::to_string_pretty(&Log::of(report))? + "\n")
}

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'r> {
    tool: Tool,
    column_kind: &'static str,
    invocations: [Invocation<'r>; 1],
    results: Vec<Outcome<'r>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text<&'static str>,
    full_description: Text<String>,
    default_configuration: Configuration,
    help: Help,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text<T> {
    text: T,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'r> {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification<'r>>,
}

/// What was not judged, and notes.
#[derive(Serialize)]
struct Notification<'r> {
    level: &'static str,
    message: Text<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'r> {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text<String>,
    locations: [Location<'r>; 1],
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

/// 1-based; columns count characters, as `columnKind` says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'r> {
    name: &'r str,
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Fingerprints {
    /// Of the finding's identity: the same cause keeps it wherever the text moves.
    #[serde(rename = "kubevirtPreflight/v1")]
    identity: String,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

impl<'r> Log<'r> {
    fn of(report: &'r Report) -> Self {
        let anchor = report.sources.keys().next().map(String::as_str);
        let found = report.review.findings.iter().map(|finding| Outcome::of(finding, anchor));
        let hidden = report.review.excepted.iter().map(|excepted| Outcome::excepted(excepted, anchor));
        let results = found.chain(hidden).collect();
        let driver = Driver {
            name: env!("CARGO_PKG_NAME"),
            semantic_version: env!("CARGO_PKG_VERSION"),
            rules: RULES.iter().map(|rule| Descriptor::of(rule)).collect(),
        };
        let invocation = Invocation { execution_successful: true, tool_execution_notifications: notifications(report) };
        Self {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", invocations: [invocation], results }],
        }
    }
}

fn notifications(report: &Report) -> Vec<Notification<'_>> {
    let skipped = report.not_judged.iter().map(|one| {
        let place = Place { file: one.file.clone(), line: one.line, column: 1 };
        let location = Location {
            physical_location: Some(Physical::at(&place)),
            logical_locations: one.object.iter().map(Logical::of).collect(),
        };
        Notification { level: "warning", message: Text { text: one.reason.clone() }, locations: vec![location] }
    });
    let notes = report.notes.iter().cloned().chain(report.nothing_judged());
    let notes = notes.map(|text| Notification { level: "note", message: Text { text }, locations: Vec::new() });
    skipped.chain(notes).collect()
}

impl Descriptor {
    fn of(rule: &'static Rule) -> Self {
        let level = match rule.levels {
            Levels::Set(recommended, ..) => recommended,
            Levels::Unknown => Level::Warn,
        };
        Self {
            id: rule.id,
            short_description: Text { text: rule.summary },
            full_description: Text { text: first_paragraph(rule) },
            default_configuration: Configuration { level: weight(level) },
            help: Help { text: rule.page, markdown: rule.page },
        }
    }
}

/// The first paragraph of the page that is text, in one line; the summary where the page has none.
fn first_paragraph(rule: &Rule) -> String {
    let text = |part: &&str| !part.is_empty() && !part.starts_with(['#', '`', '|', '-']);
    let paragraph = rule.page.split("\n\n").map(str::trim).find(text);
    paragraph.map_or_else(|| rule.summary.to_owned(), |part| part.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn weight(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Off => "none",
    }
}

impl<'r> Outcome<'r> {
    fn of(finding: &'r Finding, anchor: Option<&str>) -> Self {
        Self {
            rule_id: finding.rule,
            rule_index: RULES.iter().position(|rule| rule.id == finding.rule),
            level: weight(finding.level),
            message: Text { text: told(finding) },
            locations: [Location::of(finding, anchor)],
            partial_fingerprints: Fingerprints { identity: fingerprint(finding) },
            suppressions: Vec::new(),
        }
    }

    fn excepted(excepted: &'r Excepted, anchor: Option<&str>) -> Self {
        let justification = format!("{} (until {})", excepted.reason, excepted.expires);
        let suppression = Suppression { kind: "external", status: "accepted", justification };
        Self { suppressions: vec![suppression], ..Self::of(&excepted.finding, anchor) }
    }
}

impl<'r> Location<'r> {
    fn of(finding: &'r Finding, anchor: Option<&str>) -> Self {
        let policy = (finding.object.kind == "Policy").then_some(finding.object.name.as_str());
        let first_line = |file: &str| Place { file: file.to_owned(), line: 1, column: 1 };
        let place = finding.place.clone().or_else(|| policy.or(anchor).map(first_line));
        Self {
            physical_location: place.as_ref().map(Physical::at),
            logical_locations: vec![Logical::of(&finding.object)],
        }
    }
}

impl Physical {
    fn at(place: &Place) -> Self {
        Self {
            artifact_location: Artifact { uri: uri(&place.file) },
            region: Region { start_line: place.line.max(1), start_column: place.column.max(1) },
        }
    }
}

impl<'r> Logical<'r> {
    fn of(object: &'r ObjectRef) -> Self {
        let ObjectRef { kind, namespace, name, .. } = object;
        let parts = [Some(kind.as_str()), namespace.as_deref(), Some(name.as_str())];
        let fully_qualified_name = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        Self { name, fully_qualified_name, kind: "resource" }
    }
}

/// A path as a URI reference (RFC 3986): relative ones stay relative, to the directory that the command ran in.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path).replace('\\', "/");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escaped = path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") });
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    std::iter::once(scheme.to_owned()).chain(escaped).collect()
}

/// FNV-1a of 128 bits: no key, no dependency, the same on every machine.
fn fingerprint(finding: &Finding) -> String {
    let ObjectRef { kind, namespace, name, .. } = &finding.object;
    let role = match &finding.role {
        Role::Reference(reference) => reference.as_str(),
        Role::Candidate => "candidate",
        Role::None => "",
    };
    let parts = [finding.rule, kind, namespace.as_deref().unwrap_or_default(), name, &finding.subject, role];
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let (basis, prime) = (0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, 0x0000_0000_0100_0000_0000_0000_0000_013b);
    let hash = bytes.fold(basis, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(prime));
    format!("{hash:032x}")
}
