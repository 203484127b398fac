//! The policy file: profile, levels of rules, enforcement, what it says about the cluster, and exceptions.
//!
//! One file serves `serve`, `check` and `audit`. Exceptions live in it and never in an annotation, which the author of
//! the object that is judged could write.

use crate::finding::{Finding, Level, ObjectRef};
use crate::networks::declared::{API_VERSION, Declared};
use crate::networks::file_error::FileError;
use crate::networks::lists::{ApiVersion, Lists};
use crate::rules::{Levels, RULES, Rule};
use crate::world::Settings;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

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
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<String> for RuleId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        let near = || {
            let likeness = |rule: &&&Rule| rule.id.split('-').filter(|word| id.split('-').any(|w| w == *word)).count();
            RULES.iter().max_by_key(likeness).map_or("", |rule| rule.id)
        };
        crate::rules::rule(&id).map(|rule| Self(rule.id)).ok_or_else(|| {
            format!("there is no rule `{id}`; did you mean `{}`? `kubevirt-preflight rules` lists them", near())
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
    pub reason: String,
    /// The last day on which it applies, UTC.
    pub expires: Day,
}

/// Which objects an exception covers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptedObject {
    /// Kind.
    pub kind: String,
    /// Namespace; left out for objects without one.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Name; a trailing `*` stands for any rest.
    pub name: String,
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
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\n";

    fn parse(rest: &str) -> Result<Policy, FileError> {
        Policy::parse(&format!("{HEAD}{rest}"), "p.yaml")
    }

    #[test]
    fn levels_come_from_profile_then_unknown_then_rules() {
        let level = |text: &str, id: &str| parse(text).unwrap().level(crate::rules::rule(id).unwrap());
        assert_eq!(level("", "odd-spelling"), Level::Warn);
        assert_eq!(level("profile: strict", "odd-spelling"), Level::Deny);
        assert_eq!(level("profile: relaxed", "odd-spelling"), Level::Off);
        assert_eq!(level("profile: strict", "opaque-config"), Level::Warn);
        assert_eq!(level("unknown: deny", "opaque-config"), Level::Deny);
        assert_eq!(level("unknown: deny\nrules: {opaque-config: off}", "opaque-config"), Level::Off);
        assert_eq!(level("profile: relaxed\nrules: {odd-spelling: deny}", "odd-spelling"), Level::Deny);
    }

    #[test]
    fn a_bad_policy_is_refused_with_its_line() {
        for (text, line, word) in [
            ("rulez: {}", 3, "rulez"),
            ("rules:\n  pod-network-overlaps: warn", 4, "pod-network-overlap"),
            ("rules: {default-route: maybe}", 3, "maybe"),
            (
                "exceptions:\n- rule: default-route\n  object: {kind: KubeVirt, name: a}\n  reason: r\n  expires: 2026-13-01",
                7,
                "YYYY-MM-DD",
            ),
            (
                "exceptions:\n- rule: default-route\n  object: {kind: KubeVirt, name: a}\n  expires: 2026-12-01",
                6,
                "reason",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.why.contains(word), "{text}: {error}");
        }
        assert!(Policy::parse("kind: Policy", "p").is_err());
    }

    #[test]
    fn an_exception_covers_by_rule_object_wildcard_and_subject() {
        let policy = parse(
            "exceptions:\n- {rule: default-route, object: {kind: NAD, namespace: a, name: 'mig*'}, subject: IPv4, \
             reason: r, expires: 2026-12-01}",
        )
        .unwrap();
        let object = |name: &str| ObjectRef {
            api_version: "v1".into(),
            kind: "NAD".into(),
            namespace: Some("a".into()),
            name: name.into(),
        };
        let day = |text: &str| text.parse::<Date>().unwrap();
        let found = |name: &str, subject: &str, today: &str| {
            policy.exception(&Finding::new("default-route", &object(name), subject), day(today)).is_some()
        };
        assert!(found("migration", "IPv4", "2026-12-01"));
        assert!(!found("migration", "IPv4", "2026-12-02"));
        assert!(!found("migration", "IPv6", "2026-12-01"));
        assert!(!found("other", "IPv4", "2026-12-01"));
        assert!(policy.exception(&Finding::new("dhcp-routes", &object("mig"), "IPv4"), day("2026-01-01")).is_none());
    }
}
