//! What a review says, for people and for programs. Pure: it returns text and prints nothing.

pub mod github;
pub mod json;
pub mod junit;
mod lines;
pub mod preview;
pub mod rules;
pub mod sarif;
pub mod schema;
pub mod text;

use crate::finding::{Finding, Level};
use crate::manifests::NotJudged;
use crate::place::ObjectRef;
use crate::review::Review;
use crate::words::counted;
use std::collections::BTreeMap;

/// A review with what it was made from.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The findings, each with its place where it has one.
    pub review: Review,
    /// Where its objects come from.
    pub given: Given,
    /// How many documents were read, of whatever kind; of a cluster, how many objects.
    pub documents: usize,
    /// The NADs that were judged, each once.
    pub judged: Vec<ObjectRef>,
    /// Whether a KubeVirt or HyperConverged, or a flag, names a migration network.
    pub named: bool,
    /// The other NADs: networks that a judged one may collide with.
    pub bystanders: Vec<ObjectRef>,
    /// Documents that were left unjudged on purpose.
    pub not_judged: Vec<NotJudged>,
    /// Further remarks, one sentence each.
    pub notes: Vec<String>,
    /// The text of the files by name, for excerpts.
    pub sources: BTreeMap<String, String>,
}

/// Where the objects of a review come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// Files.
    #[default]
    Documents,
    /// A cluster, all that it has.
    Cluster,
}

/// An output cannot be written as its format asks.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// serde_json refused.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The XML writer refused.
    #[error("the report cannot be written as XML: {0}")]
    Xml(#[from] quick_junit::SerializeError),
}

impl Report {
    /// How many findings are of `level`, excepted ones not counted.
    pub fn count(&self, level: Level) -> usize {
        self.review.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether any finding is of `level` or above.
    pub fn reaches(&self, level: impl Into<Option<Level>>) -> bool {
        let level = level.into();
        self.review.findings.iter().any(|finding| level.is_some_and(|level| finding.level >= level))
    }

    /// `3 documents, 1 network judged: 1 denied, 2 warnings, 0 excepted.`
    pub fn summary(&self) -> String {
        format!(
            "{}, {} judged: {} denied, {}, {} excepted.",
            counted(self.documents, if self.given == Given::Cluster { "object" } else { "document" }),
            counted(self.judged.len(), "network"),
            self.count(Level::Deny),
            counted(self.count(Level::Warn), "warning"),
            self.review.excepted.len(),
        )
    }

    /// Where documents were read but none of them asks for a judgement: one line that says so, and what would be judged.
    pub fn nothing_judged(&self) -> Option<String> {
        match self.given {
            _ if !self.judged.is_empty() => None,
            Given::Cluster => Some(self.nothing_judged_in_cluster()),
            Given::Documents if self.documents == 0 => None,
            Given::Documents => Some(self.nothing_judged_in_documents()),
        }
    }

    fn nothing_judged_in_cluster(&self) -> String {
        let unnamed = "No network was judged: no KubeVirt or HyperConverged names one";
        match self.bystanders.len() {
            _ if self.named => "No network was judged: the one that is named does not exist.".to_owned(),
            0 => format!("{unnamed}, and there is no NetworkAttachmentDefinition."),
            many => format!("{unnamed}; --all-nads would judge {}.", self.others(many)),
        }
    }

    /// `2 NetworkAttachmentDefinitions (kubevirt/a, kubevirt/b)`
    fn others(&self, many: usize) -> String {
        let named: Vec<_> = self.bystanders.iter().take(3).map(short).collect();
        let rest = if many > named.len() { ", ..." } else { "" };
        format!("{} ({}{rest})", counted(many, "NetworkAttachmentDefinition"), named.join(", "))
    }

    fn nothing_judged_in_documents(&self) -> String {
        let how = "--migration-network NS/NAME judges the one that a KubeVirt elsewhere names";
        match self.bystanders.len() {
            _ if self.named => "No network was judged: none of the documents is the network that is named.".to_owned(),
            0 => format!(
                "No network was judged: there is neither a KubeVirt or HyperConverged that names one here nor a \
                 NetworkAttachmentDefinition; {how}."
            ),
            many => format!(
                "No network was judged: no KubeVirt or HyperConverged here names one; --all-nads would judge {}, {how}.",
                self.others(many),
            ),
        }
    }
}

/// `kubevirt/mig`
fn short(object: &ObjectRef) -> String {
    object.namespace.as_ref().map_or_else(|| object.name.clone(), |namespace| format!("{namespace}/{}", object.name))
}

/// What is wrong and what to do, for outputs that have one text.
fn told(finding: &Finding) -> String {
    [finding.message.as_str(), finding.help.as_str()].map(str::trim).join(" ").trim().to_owned()
}

/// One line without control characters: findings carry words of the object's author, which must not steer a terminal.
fn printable(text: &str) -> String {
    let line = annotate_snippets::normalize_untrusted_str(&text.replace(['\n', '\r'], " "));
    line.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
pub(crate) mod tests;
