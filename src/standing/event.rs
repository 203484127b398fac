//! Events: what of a finding is told where. They are of core/v1: in events.k8s.io/v1 the time and the text of an Event
//! cannot change, so that two replicas could not write the same one, nor one after the other (kubernetes:
//! pkg/apis/core/validation/events.go); both are views of one object, and `kubectl describe` shows either.

use crate::admission::Summary;
use crate::finding::{Finding, Role};
use crate::objects::kind_of;
use crate::place::ObjectRef;
use crate::sources;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Who writes, and the beginning of the names of what is written.
pub const WRITER: &str = "kubevirt-preflight";
/// Longest text, in bytes: events.k8s.io asks for it.
const TEXT: usize = 1_024;
/// Most Events of a review; what is beyond is told in one more.
pub const MOST: usize = 500;

/// What kind of news an Event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A finding on what exists.
    Stands,
    /// Such a finding that is no more.
    Ended,
    /// A write that was refused.
    Refused,
}

/// An Event to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `metadata.name`, from what it tells and about which object.
    pub name: String,
    /// What kind it is.
    pub news: News,
    /// The object it is about, where people look for it.
    pub about: ObjectRef,
    /// The other object of the matter.
    pub related: Option<ObjectRef>,
    /// The rule in CamelCase.
    pub reason: String,
    /// What it says.
    pub text: String,
}

/// How an Event that is there continues: since when, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// When it was first told.
    pub first: Timestamp,
    /// How often, this time included.
    pub count: u32,
}

/// The Events of these findings, the gravest first: on the object, on the object of the fact, and on the CR that refers.
pub fn standing(findings: &[Finding]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (at, finding) in findings.iter().enumerate() {
        let of_finding = of(finding);
        if notes.len() + of_finding.len() > MOST {
            let rest = findings.len() - at;
            let text = format!(
                "Events are not written for {rest} more findings; `{WRITER} audit` and the metrics of `serve` have them all."
            );
            let first = of_finding.into_iter().next();
            notes.extend(first.map(|note| Note { name: name(&["more"]), reason: "MoreFindings".into(), text, ..note }));
            return notes;
        }
        notes.extend(of_finding);
    }
    notes
}

fn of(finding: &Finding) -> Vec<Note> {
    let fact = finding.fact.as_ref().map(|fact| &*fact.origin.object);
    let text = cut(&format!("{} {}", finding.message, finding.help));
    let mut notes: Vec<Note> = Vec::new();
    for about in [Some(&finding.object), fact, finding.referrer.as_ref()].into_iter().flatten() {
        if !is_of_cluster(about) || notes.iter().any(|note| note.about.is_same(about)) {
            continue;
        }
        let other = if about.is_same(&finding.object) { fact } else { Some(&finding.object) };
        notes.push(Note {
            name: name_of(finding, "stands", about),
            news: News::Stands,
            about: about.clone(),
            related: other.filter(|other| is_of_cluster(other)).cloned(),
            reason: camel_case(finding.rule),
            text: text.clone(),
        });
    }
    notes
}

/// The Events of a refused write: on the CR that refers, and on the object itself, if they exist.
pub fn refused(write: &Summary, denied: &[Finding]) -> Vec<Note> {
    let object = &write.object();
    let Some(first) = denied.first() else { return Vec::new() };
    let more = match denied.len() - 1 {
        0 => String::new(),
        1 => " There is one more finding.".to_owned(),
        more => format!(" There are {more} more findings."),
    };
    let text = format!("{} of {object} was refused: {}{more} {}", write.operation, first.message, first.help);
    let about = [first.referrer.as_ref(), Some(object)].into_iter().flatten();
    let about = about.filter(|about| is_of_cluster(about) && !(about.is_same(object) && write.operation == "CREATE"));
    let notes = about.map(|about| Note {
        name: name_of(first, &format!("refused {}", write.operation), about),
        news: News::Refused,
        about: about.clone(),
        related: Some(object.clone()).filter(|object| !object.is_same(about)),
        reason: camel_case(first.rule),
        text: cut(&text),
    });
    let mut notes: Vec<_> = notes.collect();
    notes.dedup_by(|a, b| a.name == b.name);
    notes
}

/// Not a policy file, a flag, a document, or a name that no object has.
fn is_of_cluster(object: &ObjectRef) -> bool {
    object.can_exist() && (kind_of(object).is_some() || sources::is_read(object))
}

impl Note {
    /// The same once it is over.
    #[must_use]
    pub fn ended(self) -> Self {
        let text = cut(&format!("No longer so: {}", self.text));
        Self { news: News::Ended, reason: "Resolved".to_owned(), text, ..self }
    }

    /// Events about objects without a namespace are in `default`.
    pub fn namespace(&self) -> &str {
        self.about.namespace.as_deref().unwrap_or("default")
    }

    /// `type`
    pub fn kind(&self) -> &'static str {
        if self.news == News::Ended { "Normal" } else { "Warning" }
    }

    /// The object of the API; `uid` is that of the object it is about, by which `kubectl describe` finds it.
    pub fn body(&self, uid: Option<&str>, series: Series, now: Timestamp) -> Value {
        let seconds = |time: Timestamp| json!(format!("{time:.0}"));
        let mut about = reference(&self.about);
        if let Some(uid) = uid {
            about["uid"] = json!(uid);
        }
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace()},
            "involvedObject": about,
            "type": self.kind(),
            "reason": self.reason,
            "message": self.text,
            "action": if self.news == News::Refused { "Refuse" } else { "Audit" },
            "count": series.count,
            "firstTimestamp": seconds(series.first),
            "lastTimestamp": seconds(now),
            "source": {"component": WRITER},
            "reportingComponent": WRITER,
        });
        if let Some(related) = &self.related {
            body["related"] = reference(related);
        }
        body
    }
}

/// An object as other objects name it.
pub(super) fn reference(object: &ObjectRef) -> Value {
    let mut value = json!({"apiVersion": object.api_version, "kind": object.kind, "name": object.name});
    if let Some(namespace) = &object.namespace {
        value["namespace"] = json!(namespace);
    }
    value
}

fn name_of(finding: &Finding, news: &str, about: &ObjectRef) -> String {
    let named_as = match &finding.role {
        Role::Reference(name) => name.as_str(),
        Role::Candidate => "candidate",
        Role::None => "",
    };
    let (object, about) = (finding.object.to_string(), format!("{} {about}", about.group()));
    // The one becomes the other: that is no end of anything.
    let rule = if finding.rule == "unseen-attachment" { "missing-attachment" } else { finding.rule };
    name(&[news, rule, finding.object.group(), &object, &finding.subject, named_as, &about])
}

/// By FNV-1a, which no later version of the program computes otherwise.
fn name(parts: &[&str]) -> String {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{WRITER}.{hash:016x}")
}

/// `pod-network-overlap` is `PodNetworkOverlap`.
fn camel_case(rule: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    rule.split('-').map(word).collect()
}

/// At most so many bytes, cut between characters.
pub(super) fn cut_to(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

fn cut(text: &str) -> String {
    cut_to(text, TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str) -> ObjectRef {
        let group = if kind == "KubeVirt" { "kubevirt.io/v1" } else { "k8s.cni.cncf.io/v1" };
        let namespace = Some("kubevirt".into());
        ObjectRef { api_version: group.into(), kind: kind.into(), namespace, name: name.into() }
    }

    fn found(subject: &str) -> Finding {
        let nad = object("NetworkAttachmentDefinition", "mig");
        let finding = Finding::new("pod-network-overlap", &nad, subject).says("It meets a network.", "Move it.");
        Finding { referrer: Some(object("KubeVirt", "kubevirt")), ..finding }
    }

    #[test]
    fn a_finding_is_told_on_its_object_and_on_the_cr() {
        let notes = standing(&[found("10.0.0.0/24")]);
        let about: Vec<_> = notes.iter().map(|note| note.about.kind.as_str()).collect();
        assert_eq!(about, ["NetworkAttachmentDefinition", "KubeVirt"]);
        assert_eq!(notes[0].reason, "PodNetworkOverlap");
        assert_eq!(notes[0].text, "It meets a network. Move it.");
        assert_ne!(notes[0].name, notes[1].name);
    }

    #[test]
    fn names_derive_from_what_is_told_and_nothing_else() {
        let reworded = Finding { message: "Other words.".into(), ..found("10.0.0.0/24") };
        assert_eq!(standing(&[found("10.0.0.0/24")])[0].name, standing(&[reworded])[0].name);
        assert_ne!(standing(&[found("10.0.0.0/24")])[0].name, standing(&[found("10.0.1.0/24")])[0].name);
        // Another release must find what this one wrote.
        assert_eq!(name(&["a", "b"]), "kubevirt-preflight.ab40d7820d408076");
    }

    #[test]
    fn texts_and_numbers_are_bounded() {
        let long = Finding { message: "ä".repeat(2_000), ..found("") };
        assert!((TEXT - 3..=TEXT).contains(&standing(&[long])[0].text.len()));
        let many: Vec<_> = (0..1_000).map(|n| found(&n.to_string())).collect();
        let notes = standing(&many);
        assert_eq!(notes.len(), MOST + 1);
        assert!(notes[MOST].text.contains("for 750 more findings"), "{}", notes[MOST].text);
    }

    #[test]
    fn names_that_no_object_has_get_none() {
        for name in ["", "..", "a/b", "a?b", "a b", "A", "generated-*"] {
            let nad = object("NetworkAttachmentDefinition", name);
            assert!(standing(&[Finding::new("no-address", &nad, "")]).is_empty(), "{name}");
        }
        let nad = ObjectRef { namespace: Some("a/events/b?".into()), ..object("NetworkAttachmentDefinition", "a") };
        assert!(standing(&[Finding::new("no-address", &nad, "")]).is_empty());
    }

    #[test]
    fn what_is_not_an_object_of_the_cluster_gets_none() {
        let policy = ObjectRef {
            api_version: "kubevirt-preflight.io/v1alpha1".into(),
            kind: "Policy".into(),
            namespace: None,
            name: "p".into(),
        };
        assert!(standing(&[Finding::new("expired-exception", &policy, "")]).is_empty());
    }
}
