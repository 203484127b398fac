//! The policy file: profile, levels of rules, enforcement, what it says about the cluster, and exceptions.
//!
//! One file serves `serve`, `check` and `audit`. Exceptions live in it and never in an annotation, which the author of
//! the object that is judged could write.

use crate::finding::{Finding, Level};
use crate::networks::declared::{API_VERSION, Declared};
use crate::networks::file_error::FileError;
use crate::networks::lists::{ApiVersion, Lists};
use crate::place::ObjectRef;
use crate::rules::{Levels, RULES, Rule};
use crate::words;
use crate::world::Settings;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::Error as _;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The settings under which a world is reviewed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// How its own findings name it.
    pub name: String,
    /// What it says.
    pub file: PolicyFile,
}

/// The policy file as written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "kubevirt-preflight policy")]
pub struct PolicyFile {
    /// `kubevirt-preflight.io/v1alpha1`
    pub api_version: ApiVersion,
    /// `Policy`
    pub kind: PolicyKind,
    /// The column of levels to start from.
    #[serde(default)]
    pub profile: Profile,
    /// The level of what cannot be known: opaque-config and unchecked-networks.
    #[serde(default)]
    pub unknown: Option<UnknownLevel>,
    /// Levels of single rules; they win over profile and unknown.
    #[serde(default)]
    pub rules: BTreeMap<RuleId, RuleLevel>,
    /// `warn` never refuses at admission.
    #[serde(default)]
    pub enforcement: Enforcement,
    /// Namespaces that KubeVirt is installed in although no CR says so.
    #[serde(default)]
    pub install_namespaces: Vec<String>,
    /// Whether Multus runs with namespaceIsolation; left out, the cluster's objects tell.
    #[serde(default)]
    pub namespace_isolation: Option<bool>,
    /// Multus's globalNamespaces; replaces the default list.
    #[serde(default)]
    pub global_namespaces: Option<Vec<String>>,
    /// Networks of the cluster, as in the networks file.
    #[serde(default)]
    pub networks: Option<Lists>,
    /// What is excepted, why and until when.
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

/// `Policy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PolicyKind {
    /// The only kind.
    #[default]
    Policy,
}

/// A column of the table of levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Denies what breaks migration.
    #[default]
    Recommended,
    /// Denies what is doubtful, too.
    Strict,
    /// Denies only what breaks virt-handler for certain.
    Relaxed,
}

/// `warn` or `deny`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownLevel {
    /// Told.
    Warn,
    /// Refused.
    Deny,
}

/// `deny`, `warn` or `off`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleLevel {
    /// Refused.
    Deny,
    /// Told.
    Warn,
    /// Not reported.
    Off,
}

/// Whether admission refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// It refuses.
    #[default]
    Deny,
    /// It only warns.
    Warn,
}

/// The id of a rule that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleId(pub &'static str);

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl TryFrom<String> for RuleId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        let meant = || words::nearest(&id, RULES.iter().map(|rule| rule.id));
        crate::rules::rule(&id).map(|rule| Self(rule.id)).ok_or_else(|| {
            let meant = meant().map_or_else(|| ".".to_owned(), |meant| format!("; did you mean `{meant}`?"));
            format!("There is no rule `{id}`{meant} `kubevirt-preflight rules` lists them")
        })
    }
}

impl JsonSchema for RuleId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RuleId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let ids: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
        schemars::json_schema!({ "type": "string", "enum": ids })
    }
}

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Date);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = text.parse().ok().filter(|_| plain);
        day.map(Self).ok_or_else(|| format!("`{text}` is not a day; write it as YYYY-MM-DD"))
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

/// Findings that are accepted for a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Findings of this rule.
    pub rule: RuleId,
    /// About these objects.
    pub object: ExceptedObject,
    /// Only with this subject; left out, with any.
    #[serde(default)]
    pub subject: Option<String>,
    /// Why.
    #[serde(deserialize_with = "reason")]
    #[schemars(regex(pattern = r"\S"))]
    pub reason: String,
    /// The last day on which it applies, UTC.
    pub expires: Day,
}

/// Which objects an exception covers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptedObject {
    /// Kind, as the manifest has it.
    #[serde(deserialize_with = "kind")]
    pub kind: String,
    /// Namespace; left out for objects without one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Name; a trailing `*` stands for any rest.
    #[serde(deserialize_with = "pattern")]
    #[schemars(regex(pattern = r"^[^*]*\*?$"))]
    pub name: String,
}

/// A reason in words.
fn reason<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let blank = text.trim().is_empty();
    if blank { Err(D::Error::custom("Write why the finding is accepted; the reason is empty")) } else { Ok(text) }
}

/// A kind in full: messages shorten NetworkAttachmentDefinition to NAD, and an exception from that would hide nothing.
fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let meant = EXCEPTED_KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(&text));
    match meant.or((text == "NAD").then_some(EXCEPTED_KINDS[0])) {
        Some(meant) if meant != text => Err(D::Error::custom(format!("Write the kind as `{meant}`, not `{text}`"))),
        _ => Ok(text),
    }
}

const EXCEPTED_KINDS: [&str; 3] = ["NetworkAttachmentDefinition", "KubeVirt", "HyperConverged"];

/// A name, or the beginning of one with a `*` behind it.
fn pattern<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let inside = text.strip_suffix('*').unwrap_or(&text).contains('*');
    if inside { Err(D::Error::custom("A `*` can stand only at the end of the name")) } else { Ok(text) }
}

/// `NetworkAttachmentDefinition kubevirt/mig*`
impl fmt::Display for ExceptedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl Policy {
    /// Reads a policy file; `name` is how messages call it.
    pub fn parse(text: &str, name: &str) -> Result<Self, FileError> {
        let file = serde_saphyr::from_str(text).map_err(|error| FileError::of(name, &error))?;
        Ok(Self { name: name.to_owned(), file })
    }

    /// The level of a rule before exceptions.
    pub fn level(&self, rule: &Rule) -> Level {
        let profiled = match (rule.levels, self.file.profile, self.file.unknown) {
            (Levels::Unknown, _, Some(UnknownLevel::Deny)) => Level::Deny,
            (Levels::Unknown, ..) => Level::Warn,
            (Levels::Set(level, ..), Profile::Recommended, _)
            | (Levels::Set(_, level, _), Profile::Strict, _)
            | (Levels::Set(_, _, level), Profile::Relaxed, _) => level,
        };
        self.file.rules.get(&RuleId(rule.id)).map_or(profiled, |level| match level {
            RuleLevel::Deny => Level::Deny,
            RuleLevel::Warn => Level::Warn,
            RuleLevel::Off => Level::Off,
        })
    }

    /// The first exception that covers the finding and still applies.
    pub fn exception(&self, finding: &Finding, today: Date) -> Option<&Exception> {
        self.file.exceptions.iter().find(|exception| !exception.has_expired(today) && exception.covers(finding))
    }

    /// What it says about the world.
    pub fn settings(&self) -> Settings {
        Settings {
            install_namespaces: self.file.install_namespaces.clone(),
            namespace_isolation: self.file.namespace_isolation,
            global_namespaces: self.file.global_namespaces.clone(),
            ..Settings::default()
        }
    }

    /// The networks that it declares.
    pub fn declared(&self) -> Declared {
        self.file
            .networks
            .as_ref()
            .map_or_else(Declared::default, |lists| Declared::of(lists, &self.object(), "networks."))
    }

    /// Whether admission refuses.
    pub fn refuses(&self) -> bool {
        self.file.enforcement == Enforcement::Deny
    }

    /// The policy as an object, for findings about itself.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { api_version: API_VERSION.into(), kind: "Policy".into(), namespace: None, name: self.name.clone() }
    }
}

impl Exception {
    /// Whether its last day is over.
    pub fn has_expired(&self, today: Date) -> bool {
        today > self.expires.0
    }

    /// Whether it is about the finding.
    pub fn covers(&self, finding: &Finding) -> bool {
        let ExceptedObject { kind, namespace, name } = &self.object;
        let named = match name.strip_suffix('*') {
            Some(start) => finding.object.name.starts_with(start),
            None => finding.object.name == *name,
        };
        self.rule.0 == finding.rule
            && *kind == finding.object.kind
            && *namespace == finding.object.namespace
            && named
            && self.subject.as_ref().is_none_or(|subject| *subject == finding.subject)
    }
}

#[cfg(test)]
mod tests;
