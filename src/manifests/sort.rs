//! Values to documents: objects told apart from templates, patches and what is no object.

use super::kinds;
use super::outline::Step;
use super::read::{Reading, Value};
use super::{Document, Manifests, NotJudged, Origin, Problem, Seen};
use super::{kustomize, locate, template};
use crate::place::ObjectRef;
use crate::tree::Node;
use std::collections::{HashMap, HashSet};

impl Reading {
    /// Tells objects from templates, patches and what is no object.
    pub(super) fn sort_out(self, default_namespace: Option<&str>) -> Manifests {
        let Self { mut all, values } = self;
        let patches = kustomizations(&mut all, &values);
        let mut sorting = Sorting { all, patches, seen: HashMap::new(), default_namespace };
        for value in values {
            sorting.value(value);
        }
        sorting.all
    }
}

/// The patch files that kustomizations list, each with the directory to build; notes that there are kustomizations.
fn kustomizations(all: &mut Manifests, values: &[Value]) -> HashMap<String, String> {
    let mut patches = HashMap::new();
    let mut noted = HashSet::new();
    for value in values {
        let text = all.chunks.get(value.origin.chunk).and_then(|chunk| all.texts.get(chunk.text));
        let Some(name) = text.map(|text| text.name.as_str()).filter(|name| kustomize::is_one(name, &value.node)) else {
            continue;
        };
        let directory = kustomize::directory(name);
        for path in kustomize::patches(name, &value.node) {
            patches.entry(path).or_insert_with(|| directory.to_owned());
        }
        if noted.insert(name.to_owned()) {
            let command = kustomize::command(directory);
            all.notes
                .push(format!("{name}: overlays are not applied; for the exact verdict render first: `{command}`."));
        }
    }
    patches
}

/// The most repeated keys of one document that are noted.
const MAX_NOTES: usize = 20;

/// The values that are being told apart.
struct Sorting<'n> {
    all: Manifests,
    /// Normalised path of each patch file, and the directory that uses it.
    patches: HashMap<String, String>,
    seen: HashMap<(String, String, Option<String>, String), usize>,
    default_namespace: Option<&'n str>,
}

impl Sorting<'_> {
    fn value(&mut self, value: Value) {
        let object = object(&value, self.default_namespace);
        let mark = object.as_ref().and_then(|object| template_mark(&value.node, object));
        let reason =
            self.patch(&value.origin).or_else(|| other_reason(&value.node, object.as_ref()).filter(|_| mark.is_none()));
        if let Some(reason) = reason {
            self.not_judged(&value.origin, object, reason);
            return;
        }
        let Some(object) = object else { return };
        if let Some((steps, mark)) = mark {
            let file = self.file(&value.origin).to_owned();
            let steps = [value.origin.steps.as_slice(), &steps].concat();
            let inner = |seen: Seen<'_>| locate::in_scalar(seen.source, seen.outline, seen.spot, mark.at);
            let line = self.all.find(&value.origin, &steps, inner).map_or(1, |place| place.line);
            let reason = mark.kind.reason(&file);
            self.all.not_judged.push(NotJudged { file, line, object: Some(object), reason });
            return;
        }
        self.keep(value, object);
    }

    fn keep(&mut self, value: Value, object: ObjectRef) {
        let id = self.all.documents.len();
        self.all.documents.push(Document { id, object: object.clone(), node: value.node, origin: value.origin });
        if let Some(kinds::Slip { field, found, meant }) = kinds::slip(&object) {
            let place = self.all.place(id, field, None);
            self.all.problems.push(Problem::Misspelt { document: id, object, place, field, found, meant });
        } else if kinds::is_read(&object) {
            self.note_repeated_keys(id);
            self.compare(id, object);
        }
    }

    fn file(&self, origin: &Origin) -> &str {
        let chunk = self.all.chunks.get(origin.chunk);
        chunk.and_then(|chunk| self.all.texts.get(chunk.text)).map_or("", |text| text.name.as_str())
    }

    fn patch(&self, origin: &Origin) -> Option<String> {
        if self.patches.is_empty() {
            return None;
        }
        let directory = self.patches.get(&kustomize::normal(self.file(origin)))?;
        let command = kustomize::command(directory);
        Some(format!("patch fragment of a kustomization, not judged by itself. Render it: `{command}`."))
    }

    fn not_judged(&mut self, origin: &Origin, object: Option<ObjectRef>, reason: String) {
        if let Some(place) = self.all.find(origin, &origin.steps, |_| None) {
            self.all.not_judged.push(NotJudged { file: place.file, line: place.line, object, reason });
        }
    }

    /// Reports the object if an earlier document is the same one; a name that the API server makes up never is.
    fn compare(&mut self, id: usize, object: ObjectRef) {
        if object.name.is_empty() || object.name.ends_with('*') {
            return;
        }
        let key = (object.group().to_owned(), object.kind.clone(), object.namespace.clone(), object.name.clone());
        let first = *self.seen.entry(key).or_insert(id);
        if first != id {
            let place = |id| self.all.place(id, "metadata.name", None);
            let (place, first) = (place(id), place(first));
            self.all.problems.push(Problem::Duplicate { document: id, object, place, first });
        }
    }

    fn note_repeated_keys(&mut self, id: usize) {
        let Some(document) = self.all.documents.get(id).filter(|document| repeats_a_key(&document.node)) else {
            return;
        };
        let origin = &document.origin;
        let Some(chunk) = self.all.chunks.get(origin.chunk) else { return };
        let Some(text) = self.all.texts.get(chunk.text) else { return };
        let outline = chunk.outline(text);
        let Some(trail) = outline.follow(origin.root, &origin.steps) else { return };
        let notes = outline.repeated(trail.spot).into_iter().take(MAX_NOTES).map(|(at, key)| {
            let place = text.place(at);
            format!("{}:{}: key `{key}` stands twice; the last counts, as for kubectl.", place.file, place.line)
        });
        self.all.notes.extend(notes);
    }
}

/// Whether some mapping has a key twice, by its own text or by a merge.
fn repeats_a_key(node: &Node<'_>) -> bool {
    match node {
        Node::List(items) => items.iter().any(repeats_a_key),
        Node::Map(map) => {
            let mut keys: Vec<_> = map.iter().map(|(key, _)| key).collect();
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair.first() == pair.last()) || map.iter().any(|(_, node)| repeats_a_key(node))
        }
        _ => false,
    }
}

/// Why a value is not judged, if it is no object at all, or one that only looks like a judged one.
fn other_reason(node: &Node<'_>, object: Option<&ObjectRef>) -> Option<String> {
    match object {
        Some(object) if object.kind == "AdmissionReview" && object.group() == "admission.k8s.io" => Some(
            "not judged: an AdmissionReview is no manifest. Replay it: `kubevirt-preflight check --review FILE`."
                .to_owned(),
        ),
        Some(object) if kinds::slip(object).is_none() => kinds::stray(object),
        Some(_) => None,
        None => no_object(node).map(str::to_owned),
    }
}

/// Why a value without a kind, which is no object, is told of; any other mapping is some program's own file.
fn no_object(node: &Node<'_>) -> Option<&'static str> {
    let has = |item: &Node<'_>, key: &str| item.text_at(&[key]).is_some();
    let is_object = |item: &Node<'_>| has(item, "apiVersion") && has(item, "kind");
    match node {
        Node::List(items) => items.iter().any(is_object).then_some(
            "not judged: a bare list is no manifest, and kubectl refuses it. Write kind: List, or one document each.",
        ),
        Node::Map(_) => {
            has(node, "apiVersion").then_some("not judged: it has an apiVersion but no kind. Add the kind.")
        }
        Node::Text(_) | Node::Number(_) | Node::Bool(_) => {
            Some("not judged: it is one plain value, not an object. Name files that hold manifests.")
        }
        Node::Null => None,
    }
}

/// A template's mark: in any value of an object that is read, in the kind or apiVersion of any other.
fn template_mark(node: &Node<'_>, object: &ObjectRef) -> Option<(Vec<Step>, template::Mark)> {
    if kinds::is_read(object) || kinds::slip(object).is_some() {
        return template::in_node(node);
    }
    ["apiVersion", "kind"].into_iter().find_map(|key| {
        let mark = node.text_at(&[key]).and_then(template::in_value)?;
        Some((vec![Step::Key(key.to_owned())], mark))
    })
}

/// The name of the object that a value is; `None` for what has neither apiVersion nor kind.
fn object(value: &Value, default_namespace: Option<&str>) -> Option<ObjectRef> {
    let own = |key| value.node.text_at(&[key]).map(str::to_owned);
    let implied = value.implied.as_ref();
    let kind = own("kind").or_else(|| implied.map(|(_, kind)| kind.clone()))?;
    let api_version = own("apiVersion").or_else(|| implied.map(|(version, _)| version.clone())).unwrap_or_default();
    let namespace = value.node.text_at(&["metadata", "namespace"]).filter(|namespace| !namespace.is_empty());
    let name = name(&value.node);
    let object = ObjectRef { api_version, kind, namespace: namespace.map(str::to_owned), name };
    let given = default_namespace.filter(|_| object.namespace.is_none() && kinds::takes_namespace(&object));
    Some(ObjectRef { namespace: given.map(str::to_owned).or(object.namespace), ..object })
}

/// `metadata.name`; `metadata.generateName` with a `*` behind it; a number or word as it is written; else empty.
fn name(node: &Node<'_>) -> String {
    let prefix = || node.text_at(&["metadata", "generateName"]).map(|prefix| format!("{prefix}*"));
    match node.at(&["metadata", "name"]) {
        Some(Node::Text(name)) if !name.is_empty() => name.to_string(),
        Some(Node::Number(number)) => number.to_string(),
        Some(Node::Bool(flag)) => flag.to_string(),
        _ => prefix().unwrap_or_default(),
    }
}
