//! AdmissionReview v1 in, AdmissionReview v1 out: [`respond`] is the whole webhook but for the wire.

mod response;
mod uid;

pub use response::{Summary, Verdict};

use crate::finding::{Finding, Level, Role};
use crate::objects::{self, Kind, Object, WANTED, kind_of};
use crate::place::ObjectRef;
use crate::policy::Policy;
use crate::review::{self, ChangeReview, review};
use crate::sources;
use crate::tree::{Node, NotJson, Want, pick_from, pick_text};
use crate::world::{Change, World};
use jiff::civil::Date;

/// What goes back, and what the shell needs besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The response body.
    pub bytes: Vec<u8>,
    /// Objects that the verdict rests on and that may have changed since the snapshot: read them once, and ask again on
    /// a world with them.
    pub reread: Vec<ObjectRef>,
    /// For the log line and the metrics.
    pub summary: Summary,
    /// What the write is refused for; empty if it is not.
    pub denied: Vec<Finding>,
}

/// Why a body is not a review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReview {
    /// Not JSON.
    #[error("the body is {0} (line {line}, column {column})", line = .0.line, column = .0.column)]
    Json(#[from] NotJson),
    /// JSON of another kind or version.
    #[error("the body is not an AdmissionReview of admission.k8s.io/v1 but {0}")]
    Kind(String),
    /// No `request.uid`, without which no response can be addressed.
    #[error("the review has no request.uid")]
    NoUid,
    /// The operation is none that the API server sends.
    #[error("the review {uid} has the operation `{operation}`, which admission.k8s.io/v1 does not know")]
    Operation {
        /// `request.uid`
        uid: String,
        /// `request.operation`
        operation: String,
    },
    /// The object that the operation needs is not there, or has no kind.
    #[error("the review {uid} is a {operation} without {what}")]
    NoObject {
        /// `request.uid`
        uid: String,
        /// `request.operation`
        operation: String,
        /// The field.
        what: &'static str,
    },
}

/// The parts of a review that are read in one pass; the rest is only checked to be JSON.
static REVIEW: Want = Want::Members(&[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    (
        "request",
        Want::Members(&[
            ("uid", Want::All),
            ("kind", Want::All),
            ("subResource", Want::All),
            ("name", Want::All),
            ("namespace", Want::All),
            ("operation", Want::All),
            ("userInfo", Want::Members(&[("username", Want::All)])),
            ("object", Want::Part(&WANTED)),
            ("oldObject", Want::Unread),
            ("dryRun", Want::All),
        ]),
    ),
]);

/// The whole object, for kinds that only state facts.
static WHOLE: Want = Want::Members(&[("request", Want::Members(&[("object", Want::All)]))]);

/// The response to the review in `body`.
pub fn respond(body: &[u8], world: &World, policy: &Policy, today: Date) -> Result<Answer, NotAReview> {
    answer(body, world, policy, today, None)
}

/// The response if what [`Answer::reread`] names could not be read, for the reason `why`, a sentence without its full
/// stop: the verdict on `world` stands, and says so.
pub fn respond_unread(
    body: &[u8],
    world: &World,
    policy: &Policy,
    today: Date,
    why: &str,
) -> Result<Answer, NotAReview> {
    let remark =
        format!("This verdict rests on the last known state of the cluster; {why}. Try again if it has changed.");
    answer(body, world, policy, today, Some(&remark))
}

/// `request.uid` of a body that is no review, as far as it can be read.
pub fn uid(body: &[u8]) -> Option<String> {
    uid::uid(body)
}

fn answer(
    body: &[u8],
    world: &World,
    policy: &Policy,
    today: Date,
    remark: Option<&str>,
) -> Result<Answer, NotAReview> {
    let node = pick_from(body, &REVIEW)?;
    let request = Request::read(&node)?;
    let Some((change, name)) = request.change(body)? else {
        let (bytes, summary) = (response::allowed(request.uid), request.summary());
        return Ok(Answer { bytes, reread: Vec::new(), summary, denied: Vec::new() });
    };
    let after = world.after(&change);
    let now = review(&after, policy, today);
    // What was there before matters to what was found, and to the rules of a change, which look at NADs alone.
    let idle = now.findings.is_empty() && !matches!(&change.after, None | Some(Object::Nad(_)));
    let before = if change.before.is_some() || idle { change.before } else { request.old()? };
    let change = Change { before, after: change.after };
    let laid = match &change.before {
        Some(old) => Some(world.with(old.reference(), Some(old.clone()))),
        // What is created was not there, whatever the snapshot still holds of one that was deleted.
        None => (!now.findings.is_empty()).then(|| world.with(&name, None)),
    };
    let before = laid.as_ref().unwrap_or(world);
    let verdict = review::compared(&change, before, &after, now, policy, today);
    // What is created was not there, whatever the snapshot still holds of one that was deleted.
    let known = (request.operation != "CREATE").then_some(world);
    let reread = reread(&change, &name, known, &after, &verdict, policy, today);
    let bytes = response::bytes(request.uid, &verdict, remark);
    let summary = request.summary().with(&verdict);
    Ok(Answer { bytes, reread, summary, denied: verdict.denied })
}

/// The request of a review.
struct Request<'n> {
    node: &'n Node<'n>,
    uid: &'n str,
    operation: &'n str,
    /// What the write is about.
    object: ObjectRef,
}

impl<'n> Request<'n> {
    fn read(node: &'n Node<'n>) -> Result<Self, NotAReview> {
        let version = node.text_at(&["apiVersion"]).unwrap_or("(no apiVersion)");
        let kind = node.text_at(&["kind"]).unwrap_or("(no kind)");
        if (version, kind) != ("admission.k8s.io/v1", "AdmissionReview") {
            return Err(NotAReview::Kind(format!("{version} {kind}")));
        }
        let request = node.get("request").ok_or(NotAReview::NoUid)?;
        let uid = request.text_at(&["uid"]).filter(|uid| !uid.is_empty()).ok_or(NotAReview::NoUid)?;
        let operation = request.text_at(&["operation"]).unwrap_or_default();
        if !["CREATE", "UPDATE", "DELETE", "CONNECT"].contains(&operation) {
            return Err(NotAReview::Operation { uid: uid.to_owned(), operation: operation.to_owned() });
        }
        Ok(Self { node: request, uid, operation, object: named(request) })
    }

    /// What the write changes; `None` if it is none of our matter.
    fn change(&self, body: &[u8]) -> Result<Option<(Change, ObjectRef)>, NotAReview> {
        let judged = kind_of(&self.object);
        let matters = match (judged, self.operation) {
            (_, "CONNECT") | (None | Some(Kind::KubeVirt | Kind::HyperConverged), "DELETE") => false,
            _ => text(self.node, "subResource").is_none() && (judged.is_some() || sources::is_read(&self.object)),
        };
        if !matters {
            return Ok(None);
        }
        let whole = if judged.is_none() { Some(pick_from(body, &WHOLE)?) } else { None };
        let root = whole.as_ref().and_then(|node| node.get("request")).unwrap_or(self.node);
        let after = root.get("object").and_then(|node| written(node, &self.object));
        let missing = |what| NotAReview::NoObject { uid: self.uid.into(), operation: self.operation.into(), what };
        let change = match self.operation {
            "DELETE" => Change { before: Some(self.old()?.ok_or_else(|| missing("oldObject"))?), after: None },
            _ => Change { before: None, after: Some(after.ok_or_else(|| missing("object"))?) },
        };
        let written = change.after.as_ref().or(change.before.as_ref());
        let name = written.map(|object| object.reference().clone());
        let deleting = written.is_some_and(Object::is_deleting);
        Ok(name.filter(|_| !deleting).map(|name| (change, name)))
    }

    /// The object as it was before an UPDATE or DELETE.
    fn old(&self) -> Result<Option<Object>, NotAReview> {
        let old = self.node.text_at(&["oldObject"]).filter(|_| self.operation != "CREATE");
        let Some(text) = old else { return Ok(None) };
        let want = if kind_of(&self.object).is_some() { &WANTED } else { &Want::All };
        Ok(written(&pick_text(text, want)?, &self.object))
    }

    fn summary(self) -> Summary {
        let object = self.object;
        Summary {
            uid: self.uid.to_owned(),
            user: self.node.text_at(&["userInfo", "username"]).unwrap_or_default().to_owned(),
            api_version: object.api_version,
            kind: object.kind,
            namespace: object.namespace,
            name: object.name,
            operation: self.operation.to_owned(),
            dry_run: self.node.at(&["dryRun"]).and_then(Node::flag) == Some(true),
            verdict: Verdict::Allowed,
            rules: Vec::new(),
        }
    }
}

/// A field that is there and not empty.
fn text<'n>(request: &'n Node<'n>, key: &str) -> Option<&'n str> {
    request.text_at(&[key]).filter(|text| !text.is_empty())
}

/// The object by the request's own fields.
fn named(request: &Node<'_>) -> ObjectRef {
    let part = |key| request.text_at(&["kind", key]).unwrap_or_default();
    let (group, version) = (part("group"), part("version"));
    ObjectRef {
        api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
        kind: part("kind").to_owned(),
        namespace: text(request, "namespace").map(str::to_owned),
        name: text(request, "name").unwrap_or_default().to_owned(),
    }
}

/// The object as the request names it: the API server fills in what a manifest may leave out.
fn written(node: &Node<'_>, kind: &ObjectRef) -> Option<Object> {
    let mut name = objects::name_of(node)?;
    name.namespace = name.namespace.or_else(|| kind.namespace.clone());
    Object::read(node, name, None)
}

/// The objects to read live before the verdict stands.
fn reread(
    change: &Change,
    written: &ObjectRef,
    known: Option<&World>,
    after: &World,
    verdict: &ChangeReview,
    policy: &Policy,
    today: Date,
) -> Vec<ObjectRef> {
    let mut names: Vec<ObjectRef> = if verdict.denied.is_empty() {
        let referrers = after.referrers().map(|referrer| referrer.object.clone());
        let referrers = referrers.filter(|_| is_doubtful(change, after, policy, today));
        referrers.chain(newly_named(written, known, after)).collect()
    } else {
        verdict.denied.iter().flat_map(rests_on).collect()
    };
    names.retain(|name| kind_of(name).is_some() && !name.is_same(written) && name.can_exist());
    names.sort();
    names.dedup();
    names
}

/// The NADs and CRs that a finding rests on; a NAD that was not found may exist by now.
fn rests_on(finding: &Finding) -> impl Iterator<Item = ObjectRef> + '_ {
    let absent = matches!(finding.rule, "missing-attachment" | "foreign-namespace-attachment");
    let named = finding.subject.split_once('/').filter(|_| absent).map(|(namespace, name)| nad(namespace, name));
    [Some(finding.object.clone()), finding.referrer.clone(), named].into_iter().flatten()
}

/// The NADs that the CR written names and did not name before: each may have come, or been changed, with the write just
/// before this one (`kubectl apply` of a folder), and the snapshot is a moment old.
fn newly_named<'w>(
    written: &'w ObjectRef,
    known: Option<&World>,
    after: &'w World,
) -> impl Iterator<Item = ObjectRef> + 'w {
    let old = known.and_then(|world| world.referrers().find(|referrer| referrer.object.is_same(written)));
    let old = old.and_then(|referrer| referrer.network.clone());
    let own = after.references().iter().filter(move |reference| {
        let by_written = reference.referrer.as_ref().is_some_and(|referrer| referrer.object.is_same(written));
        by_written && reference.network != old
    });
    own.filter_map(|reference| Some(nad(reference.namespace.as_deref()?, reference.name.as_deref()?)))
}

fn nad(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "k8s.cni.cncf.io/v1".into(),
        kind: "NetworkAttachmentDefinition".into(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}

/// Whether a NAD goes through only because nothing seems to refer to it: a CR that names it may be newer than the
/// snapshot.
fn is_doubtful(change: &Change, after: &World, policy: &Policy, today: Date) -> bool {
    let (Some(Object::Nad(nad)), gone) = (change.after.as_ref().or(change.before.as_ref()), change.after.is_none())
    else {
        return false;
    };
    let Some(namespace) = nad.object.namespace.as_deref() else { return false };
    if gone {
        return policy.refuses() && after.kubevirt_namespaces().contains(namespace);
    }
    let referenced = after
        .judged()
        .iter()
        .any(|judged| matches!(judged.role, Role::Reference(_)) && judged.attached.nad.object.is_same(&nad.object));
    if referenced || !after.kubevirt_namespaces().contains(namespace) {
        return false;
    }
    let supposed = after.as_if_named(namespace, &nad.object.name);
    let refused = |finding: &Finding| finding.level == Level::Deny && finding.object.is_same(&nad.object);
    policy.refuses() && review(&supposed, policy, today).findings.iter().any(refused)
}
