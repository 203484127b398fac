//! For programs: the json contract of `check`, version 1. What does not apply is null.

use super::{Report, ReportError};
use crate::finding::{Fact, Finding, Level};
use crate::manifests::NotJudged;
use crate::place::ObjectRef;
use crate::review::Excepted;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;

/// The report as json, with a line feed at the end.
pub fn render(report: &Report) -> Result<String, ReportError> {
    Ok(serde_json::to_string_pretty(&Document::of(report))? + "\n")
}

/// What `check -o json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "kubevirt-preflight check", deny_unknown_fields)]
pub struct Document<'r> {
    /// Of this contract.
    version: Version,
    /// Counts.
    summary: Summary,
    /// Deny before warn, then by rule, object and subject.
    findings: Vec<Entry<'r>>,
    /// Findings that an exception of the policy hides.
    excepted: Vec<ExceptedEntry<'r>>,
    /// Documents that were left unjudged on purpose.
    not_judged: Vec<NotJudgedEntry<'r>>,
}

/// 1; another number is another contract.
#[derive(Clone, Copy, Debug)]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "const": 1 })
    }
}

/// Counts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Summary {
    /// Documents read, of whatever kind.
    documents: usize,
    /// NetworkAttachmentDefinitions judged.
    judged: usize,
    /// Findings of level deny.
    deny: usize,
    /// Findings of level warn.
    warn: usize,
    /// Findings that an exception hides.
    excepted: usize,
}

/// One cause with one remedy.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Entry<'r> {
    /// The rule's id.
    rule: &'r str,
    /// As policy has it.
    level: Weight,
    /// The object to mend.
    object: Object<'r>,
    /// The CR that refers to the object.
    referrer: Option<Object<'r>>,
    /// What of the object; with rule and object it names the cause, whatever the wording.
    subject: &'r str,
    /// Dotted path in the object.
    path: Option<&'r str>,
    /// RFC 6901 pointer into the JSON of spec.config.
    pointer: Option<&'r str>,
    /// The file.
    file: Option<&'r str>,
    /// 1-based.
    line: Option<usize>,
    /// 1-based, in characters.
    column: Option<usize>,
    /// What is wrong and against which fact.
    message: &'r str,
    /// The fact of the cluster.
    fact: Option<FactEntry<'r>>,
    /// What to do.
    help: &'r str,
}

/// A finding that an exception hides.
#[derive(Debug, Serialize, JsonSchema)]
struct ExceptedEntry<'r> {
    /// The finding.
    #[serde(flatten)]
    finding: Entry<'r>,
    /// Why it is accepted.
    reason: &'r str,
    /// The last day, YYYY-MM-DD.
    expires: String,
}

/// The level of a finding.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Weight {
    /// Refused at admission.
    Deny,
    /// Told, never refused.
    Warn,
}

/// The name of an object.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Object<'r> {
    /// group/version, or v1 for the core group.
    api_version: &'r str,
    /// For example NetworkAttachmentDefinition.
    kind: &'r str,
    /// null for an object without one and for a manifest that leaves it out.
    namespace: Option<&'r str>,
    /// metadata.name
    name: &'r str,
}

/// The fact of the cluster that a finding rests on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FactEntry<'r> {
    /// What uses the addresses.
    class: &'r str,
    /// A CIDR where it is one, else a-b.
    interval: String,
    /// Who says so.
    origin: OriginEntry<'r>,
    /// live, declared, floor or stale.
    confidence: &'r str,
}

/// The field that says a range is in use.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OriginEntry<'r> {
    /// The object.
    object: Object<'r>,
    /// Dotted path of the field, or the flag.
    path: &'r str,
}

/// A document that was left unjudged on purpose.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NotJudgedEntry<'r> {
    /// The file.
    file: &'r str,
    /// 1-based.
    line: usize,
    /// The object, if the document could be read.
    object: Option<Object<'r>>,
    /// Why, and what to do.
    reason: &'r str,
}

impl<'r> Document<'r> {
    /// Of this report.
    pub fn of(report: &'r Report) -> Self {
        let (findings, excepted) = (&report.review.findings, &report.review.excepted);
        Self {
            version: Version,
            summary: Summary {
                documents: report.documents,
                judged: report.judged.len(),
                deny: report.count(Level::Deny),
                warn: report.count(Level::Warn),
                excepted: excepted.len(),
            },
            findings: findings.iter().map(Entry::of).collect(),
            excepted: excepted.iter().map(ExceptedEntry::of).collect(),
            not_judged: report.not_judged.iter().map(NotJudgedEntry::of).collect(),
        }
    }
}

impl<'r> Entry<'r> {
    fn of(finding: &'r Finding) -> Self {
        let place = finding.place.as_ref();
        Self {
            rule: finding.rule,
            level: if finding.level == Level::Deny { Weight::Deny } else { Weight::Warn },
            object: Object::of(&finding.object),
            referrer: finding.referrer.as_ref().map(Object::of),
            subject: &finding.subject,
            path: Some(finding.path.as_str()).filter(|path| !path.is_empty()),
            pointer: finding.pointer.as_deref(),
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message: &finding.message,
            fact: finding.fact.as_ref().map(FactEntry::of),
            help: &finding.help,
        }
    }
}

impl<'r> ExceptedEntry<'r> {
    fn of(excepted: &'r Excepted) -> Self {
        let Excepted { finding, reason, expires } = excepted;
        Self { finding: Entry::of(finding), reason, expires: expires.to_string() }
    }
}

impl<'r> Object<'r> {
    pub(super) fn of(object: &'r ObjectRef) -> Self {
        let ObjectRef { api_version, kind, namespace, name } = object;
        Self { api_version, kind, namespace: namespace.as_deref(), name }
    }
}

impl<'r> FactEntry<'r> {
    fn of(fact: &'r Fact) -> Self {
        let (object, path) = (&fact.origin.object, fact.origin.path());
        Self {
            class: fact.class.name(),
            interval: fact.interval.to_string(),
            origin: OriginEntry { object: Object::of(object), path },
            confidence: fact.confidence.name(),
        }
    }
}

impl<'r> NotJudgedEntry<'r> {
    fn of(one: &'r NotJudged) -> Self {
        let NotJudged { file, line, object, reason } = one;
        Self { file, line: *line, object: object.as_ref().map(Object::of), reason }
    }
}
