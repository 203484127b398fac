//! The response of admission.k8s.io/v1, within the limits that the API server puts on it.

use crate::finding::Finding;
use crate::place::ObjectRef;
use crate::review::ChangeReview;
use serde::Serialize;
use std::collections::BTreeMap;

/// Longest warning, in characters: the API server cuts longer ones (apiserver: endpoints/filters/warning.go).
const WARNING: usize = 256;
/// All warnings together, in characters; same source.
const WARNINGS: usize = 4_096;
/// Longest message, in bytes: about a terminal screen.
const MESSAGE: usize = 8_192;
/// Most causes: a network over all of a large cluster meets thousands.
const CAUSES: usize = 100;

/// What one line of the log says of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `request.uid`
    pub uid: String,
    /// `request.userInfo.username`
    pub user: String,
    /// `group/version` of the object, or `v1` for the core group.
    pub api_version: String,
    /// Kind of the object.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// CREATE, UPDATE, DELETE or CONNECT.
    pub operation: String,
    /// Nothing will be stored.
    pub dry_run: bool,
    /// The decision.
    pub verdict: Verdict,
    /// Ids of the rules that found something, each once.
    pub rules: Vec<&'static str>,
}

/// The decision on a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing found.
    Allowed,
    /// Allowed with warnings.
    Warned,
    /// Refused.
    Denied,
}

impl Verdict {
    /// `allowed`, `warned`, `denied`
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Denied => "denied",
        }
    }
}

impl Summary {
    /// The object written.
    pub fn object(&self) -> ObjectRef {
        ObjectRef {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// With what the review found.
    pub(super) fn with(self, review: &ChangeReview) -> Self {
        let verdict = match (review.denied.is_empty(), review.warned.is_empty()) {
            (false, _) => Verdict::Denied,
            (true, false) => Verdict::Warned,
            (true, true) => Verdict::Allowed,
        };
        Self { verdict, rules: ids(review.denied.iter().chain(&review.warned)), ..self }
    }
}

fn ids<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<&'static str> {
    let mut ids: Vec<_> = findings.map(|finding| finding.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: &'a str,
    kind: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: BTreeMap<&'a str, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    #[serde(rename = "status")]
    outcome: &'a str,
    code: u16,
    reason: &'a str,
    message: String,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    causes: Vec<Cause<'a>>,
}

#[derive(Serialize)]
struct Cause<'a> {
    reason: &'a str,
    message: String,
    field: String,
}

/// The response without a word.
pub(super) fn allowed(uid: &str) -> Vec<u8> {
    bytes(uid, &ChangeReview::default(), None)
}

/// The response to a review; `remark` is told besides.
pub(super) fn bytes(uid: &str, review: &ChangeReview, remark: Option<&str>) -> Vec<u8> {
    let denied = !review.denied.is_empty();
    let response = Response {
        uid,
        allowed: !denied,
        status: denied.then(|| status(&review.denied, remark)),
        warnings: warnings(&review.warned, remark),
        audit_annotations: annotations(review),
    };
    let review = Review { api_version: "admission.k8s.io/v1", kind: "AdmissionReview", response };
    // Strings and numbers only: nothing in it can fail to serialise.
    serde_json::to_vec(&review).unwrap_or_default()
}

fn status(denied: &[Finding], remark: Option<&str>) -> Status<'static> {
    let causes = denied.iter().take(CAUSES).map(|finding| Cause {
        reason: finding.rule,
        message: format!("{} {}", finding.message, finding.help),
        field: field(finding),
    });
    let rest = denied.len().checked_sub(CAUSES).filter(|rest| *rest > 0).map(|rest| Cause {
        reason: "more",
        message: format!("and {rest} more"),
        field: String::new(),
    });
    Status {
        outcome: "Failure",
        code: 403,
        reason: "Forbidden",
        message: message(denied, remark),
        details: Details { causes: causes.chain(rest).collect() },
    }
}

/// The dotted path, and the pointer into the JSON of spec.config behind `#`.
fn field(finding: &Finding) -> String {
    match finding.pointer.as_deref().unwrap_or_default() {
        "" => finding.path.clone(),
        pointer => format!("{}#{pointer}", finding.path),
    }
}

/// All findings, a line each, the remark, and how to look closer.
fn message(denied: &[Finding], remark: Option<&str>) -> String {
    let last = denied.first().map_or("", |finding| finding.rule);
    let closing = format!(
        "Look closer with `kubevirt-preflight explain {last}`, at all there is with `kubevirt-preflight audit`."
    );
    let lines = denied.iter().map(|finding| format!("{}: {} {}", finding.rule, finding.message, finding.help));
    let mut lines = within(lines, denied.len(), MESSAGE, str::len);
    lines.extend(remark.map(str::to_owned));
    lines.push(closing);
    lines.join("\n")
}

fn warnings(warned: &[Finding], remark: Option<&str>) -> Vec<String> {
    let remark = remark.map(|remark| shortened(remark, WARNING));
    let count = warned.len() + usize::from(remark.is_some());
    within(remark.into_iter().chain(warned.iter().map(warning)), count, WARNINGS, |text| text.chars().count())
}

/// As many texts as fit `limit`, and how many were left out.
fn within(
    texts: impl Iterator<Item = String>,
    count: usize,
    limit: usize,
    size: impl Fn(&str) -> usize,
) -> Vec<String> {
    const REST: usize = 32;
    let mut kept = Vec::new();
    let mut used = REST;
    for text in texts {
        used += size(&text) + 1;
        if used > limit {
            kept.push(format!("and {} more", count - kept.len()));
            return kept;
        }
        kept.push(text);
    }
    kept
}

/// One line of at most [`WARNING`] characters: what is wrong is cut before what to do is, unless that alone is long.
fn warning(finding: &Finding) -> String {
    const ROOM: usize = 96;
    let (head, help) = (format!("{}: {}", finding.rule, finding.message), finding.help.as_str());
    let left = WARNING.saturating_sub(help.chars().count() + 1);
    if left >= ROOM || help.is_empty() {
        format!("{} {}", shortened(&head, left), shortened(help, WARNING))
    } else {
        shortened(&format!("{head} {help}"), WARNING)
    }
}

/// At most `limit` characters, none of them a control character, for which the API server drops a warning.
fn shortened(text: &str, limit: usize) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    if text.chars().count() <= limit {
        return plain.collect();
    }
    plain.take(limit.saturating_sub(1)).chain(['…']).collect()
}

fn annotations(review: &ChangeReview) -> BTreeMap<&'static str, String> {
    let excepted = review.excepted.iter().map(|excepted| &excepted.finding);
    let lists = [
        ("denied-by", ids(review.denied.iter())),
        ("warned-by", ids(review.warned.iter())),
        ("excepted", ids(excepted)),
    ];
    lists.into_iter().filter(|(_, ids)| !ids.is_empty()).map(|(key, ids)| (key, ids.join(","))).collect()
}
