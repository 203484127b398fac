//! A NAD that is judged: what it is called in messages, and findings about it.

use super::Attached;
use crate::cni::Note;
use crate::finding::{Finding, Role};
use crate::objects::Referrer;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A NAD that is judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The NAD.
    pub attached: Arc<Attached>,
    /// As what.
    pub role: Role,
    /// Who refers to it; `None` for a candidate and for a reference by flag.
    pub referrer: Option<Arc<Referrer>>,
}

impl Judged {
    /// A finding of `rule` about this NAD's text.
    pub fn finding(&self, rule: &'static str, subject: impl Into<String>) -> Finding {
        let nad = &self.attached.nad;
        Finding {
            document: nad.document,
            referrer: self.referrer.as_ref().map(|referrer| referrer.object.clone()),
            role: self.role.clone(),
            path: "spec.config".into(),
            ..Finding::new(rule, &nad.object, subject)
        }
    }

    /// `NAD kubevirt/mig (named by KubeVirt kubevirt/kubevirt)`
    pub fn who(&self) -> String {
        let nad = self.attached.label();
        match (&self.referrer, &self.role) {
            (Some(referrer), _) => format!("{nad} (named by {})", referrer.object),
            (None, Role::Candidate) => format!("{nad} (a candidate)"),
            (None, _) => nad,
        }
    }

    /// One finding for each note about the text.
    pub fn remarks(&self, rule: &'static str, verdict: &str, notes: &[Note]) -> Vec<Finding> {
        let own: Vec<_> = notes.iter().filter(|note| !note.elsewhere).collect();
        let findings = own.iter().zip(subjects(&own)).map(|(note, subject)| {
            let place = if note.pointer.is_empty() { String::new() } else { format!(" at {}", note.pointer) };
            let message = format!("The configuration of {} {verdict}{place}: {}.", self.who(), note.why);
            let finding = self.finding(rule, subject);
            Finding { pointer: Some(note.pointer.clone()), ..finding }.says(message, note.help.clone())
        });
        findings.collect()
    }
}

/// The places of notes without their indices in lists, counted where several share one: an entry that moves in its
/// list is no new problem, one more is.
fn subjects(notes: &[&Note]) -> Vec<String> {
    let is_key = |part: &&str| !part.bytes().all(|b| b.is_ascii_digit());
    let mut seen = BTreeMap::<String, usize>::new();
    let places = notes
        .iter()
        .map(|note| note.pointer.split('/').skip(1).filter(is_key).fold(String::new(), |text, part| text + "/" + part));
    let counted = |place: String| {
        let count = seen.entry(place.clone()).or_default();
        *count += 1;
        if *count == 1 { place } else { format!("{place} #{count}") }
    };
    places.map(counted).collect()
}
