//! What a review finds: one [`Finding`] for each cause, with its object, its fact and its remedy.

use crate::net::Interval;
use crate::networks::{Class, Confidence, Origin};
use crate::place::{ObjectRef, Place};
use serde::Serialize;
use std::fmt;

/// How much a finding weighs; ordered from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not reported.
    Off,
    /// Told, never refused.
    Warn,
    /// Refused at admission; exit code 1 of `check`.
    Deny,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Deny => "deny",
        })
    }
}

/// As what an object was judged; part of a finding's identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// As what an active reference names, `namespace/name`.
    Reference(String),
    /// As a migration network to be: labelled, or named by a flag.
    Candidate,
    /// The finding is about a document, a CR or a policy, not about an attachment.
    None,
}

/// The cluster's fact that a finding rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What uses the addresses.
    pub class: Class,
    /// Which addresses.
    pub interval: Interval,
    /// Who says so.
    pub origin: Origin,
    /// How far that is to be believed.
    pub confidence: Confidence,
}

/// One cause with one remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// As policy has it; rules leave it at `Deny`, the review sets it.
    pub level: Level,
    /// The object to mend.
    pub object: ObjectRef,
    /// Which of the documents given holds the object.
    pub document: Option<usize>,
    /// The CR that refers to the object.
    pub referrer: Option<ObjectRef>,
    /// As what the object was judged.
    pub role: Role,
    /// What of the object: a prefix, a pointer, a reference; the rule's page says which.
    pub subject: String,
    /// Dotted path in the object, for example `spec.config`.
    pub path: String,
    /// RFC 6901 pointer into the JSON of `spec.config`.
    pub pointer: Option<String>,
    /// Where it stands, when it was read from a file; set for documents at once, for objects when reported.
    pub place: Option<Place>,
    /// What is wrong and against which fact, one sentence or two.
    pub message: String,
    /// The fact of the cluster.
    pub fact: Option<Fact>,
    /// What to do.
    pub help: String,
}

/// What `−` compares: rule, object, subject and role, never place or wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity<'f> {
    rule: &'static str,
    kind: &'f str,
    namespace: Option<&'f str>,
    name: &'f str,
    subject: &'f str,
    role: &'f Role,
}

impl Identity<'_> {
    /// Whether both are one cause, as whatever the object was judged.
    pub fn is_but_for_role(&self, other: &Self) -> bool {
        (self.rule, self.kind, self.namespace, self.name, self.subject)
            == (other.rule, other.kind, other.namespace, other.name, other.subject)
    }
}

impl Finding {
    /// A finding of `rule` about `object`; fill in the rest with struct update or the `with_` methods.
    pub fn new(rule: &'static str, object: &ObjectRef, subject: impl Into<String>) -> Self {
        Self {
            rule,
            level: Level::Deny,
            object: object.clone(),
            document: None,
            referrer: None,
            role: Role::None,
            subject: subject.into(),
            path: String::new(),
            pointer: None,
            place: None,
            message: String::new(),
            fact: None,
            help: String::new(),
        }
    }

    /// With its dotted path.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// With what is wrong and what to do.
    #[must_use]
    pub fn says(self, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), ..self }
    }

    /// What two findings of the same cause share.
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            rule: self.rule,
            kind: &self.object.kind,
            namespace: self.object.namespace.as_deref(),
            name: &self.object.name,
            subject: &self.subject,
            role: &self.role,
        }
    }
}
