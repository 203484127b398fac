//! Files to values: what each document of each file holds, lists unfolded. What each value is, [`super::sort`] says.

use super::outline::{Budget, Step};
use super::{Broken, Chunk, Input, Manifests, NotJudged, Origin, Problem, Text};
use super::{json, split, template, text, yaml};
use crate::tree::{Map, Node};
use std::ops::Range;
use std::sync::OnceLock;

/// The most documents of one file that are read, the items of lists included.
const MAX_DOCUMENTS: usize = 100_000;

/// The files' values, not yet sorted out.
pub(super) struct Reading {
    pub(super) all: Manifests,
    pub(super) values: Vec<Value>,
}

/// A JSON or YAML value, an item of a list, or an unreadable part.
pub(super) struct Value {
    pub(super) origin: Origin,
    pub(super) node: Node<'static>,
    /// apiVersion and kind that a typed list gives its items.
    pub(super) implied: Option<(String, String)>,
}

/// How much of the present file was read.
struct Progress {
    text: usize,
    budget: Budget,
    documents: usize,
}

impl Reading {
    /// Reads every file into values.
    pub(super) fn of(inputs: Vec<Input>) -> Self {
        let mut reading = Self { all: Manifests::default(), values: Vec::new() };
        for input in inputs {
            reading.file(input);
        }
        reading
    }

    fn file(&mut self, input: Input) {
        let mut found = text::read(input.name, input.bytes);
        let ranges: Vec<_> = split::documents(&found.text.source).collect();
        let (index, name) = (self.all.texts.len(), found.text.name.clone());
        self.all.names.insert(name.clone(), index);
        self.all.texts.push(std::mem::take(&mut found.text));
        let mut progress = Progress { text: index, budget: Budget::of_file(), documents: 0 };
        if let Some(broken) = &found.refusal {
            self.unreadable(&mut progress, broken);
        }
        for range in ranges {
            if progress.documents >= MAX_DOCUMENTS {
                self.too_many(&mut progress, range.start);
                break;
            }
            match found.stain(&range) {
                Some(broken) => self.unreadable(&mut progress, &broken),
                None => self.document(&mut progress, range),
            }
        }
        if input.explicit && progress.documents == 0 {
            self.all.notes.push(format!("{name} holds no document."));
        }
        self.all.count += progress.documents;
    }

    /// Counts and reports a document that cannot be read.
    fn unreadable(&mut self, progress: &mut Progress, broken: &Broken) {
        progress.documents += 1;
        if let Some(place) = self.all.texts.get(progress.text).map(|text| text.place(broken.at)) {
            let why = broken.why.trim_end_matches('.').to_owned();
            self.all.problems.push(Problem::Unreadable { place, why, help: broken.help.to_owned() });
        }
    }

    fn too_many(&mut self, progress: &mut Progress, at: usize) {
        let why = format!("The rest of a file with more than {MAX_DOCUMENTS} documents is not read.");
        self.unreadable(progress, &Broken::at(at, why).help("Split the file."));
    }

    /// Reads one document of a file, or the JSON values that stand in its place.
    fn document(&mut self, progress: &mut Progress, range: Range<usize>) {
        let Some(text) = self.all.texts.get(progress.text) else { return };
        let source = text.slice(range.clone());
        if split::is_blank(source) {
            return;
        }
        let parsed = match control_character(source, range.start) {
            Some(broken) => Parsed { broken: Some(broken), ..Parsed::default() },
            None => parse(source, &range, &text.name, &mut progress.budget),
        };
        let broken = parsed.broken.map(|broken| (template_line(text, &range, &broken), broken));
        match broken {
            Some((Some(template), _)) => {
                progress.documents += 1;
                self.all.not_judged.push(template);
            }
            Some((None, broken)) => self.unreadable(progress, &broken),
            None => {}
        }
        let chunk = self.all.chunks.len();
        let outline = OnceLock::new();
        self.all.chunks.push(Chunk {
            text: progress.text,
            range: parsed.range,
            json: parsed.json,
            outline,
            inner: std::sync::Mutex::default(),
        });
        for (root, node) in parsed.values.into_iter().enumerate() {
            let origin = Origin { chunk, root, steps: Vec::new() };
            self.unfold(progress, Value { origin, node, implied: None });
        }
    }

    /// Keeps a value, or the items of it if it is a list of objects, at any depth.
    fn unfold(&mut self, progress: &mut Progress, value: Value) {
        if progress.documents >= MAX_DOCUMENTS {
            return;
        }
        let Some(items) = items_of(&value) else {
            progress.documents += 1;
            self.values.push(value);
            return;
        };
        let Value { origin, node, .. } = value;
        let implied = implied(&node);
        let before = progress.documents;
        for (index, node) in take(node, items).into_iter().enumerate() {
            if progress.documents >= MAX_DOCUMENTS {
                let at = self.all.chunks.get(origin.chunk).map_or(0, |chunk| chunk.range.start);
                return self.too_many(progress, at);
            }
            let mut steps = origin.steps.clone();
            steps.extend([Step::Key("items".to_owned()), Step::Index(index)]);
            let origin = Origin { steps, ..origin };
            self.unfold(progress, Value { origin, node, implied: implied.clone() });
        }
        progress.documents += usize::from(progress.documents == before);
    }
}

/// What makes a document that cannot be read a template: Helm or Jinja anywhere in it, a variable in the broken line.
fn template_line(text: &Text, range: &Range<usize>, broken: &Broken) -> Option<NotJudged> {
    let variable = || template::in_value(text.line(broken.at)).filter(|mark| mark.kind.is_variable());
    let (at, kind) = match template::in_text(text.slice(range.clone())) {
        Some(mark) => (range.start + mark.at, mark.kind),
        None => (broken.at, variable()?.kind),
    };
    let place = text.place(at);
    let reason = kind.reason(&place.file);
    Some(NotJudged { file: place.file, line: place.line, object: None, reason })
}

/// What one document's text holds.
#[derive(Default)]
struct Parsed {
    range: Range<usize>,
    json: bool,
    values: Vec<Node<'static>>,
    broken: Option<Broken>,
}

/// JSON where it is JSON, else YAML.
fn parse(source: &str, range: &Range<usize>, name: &str, budget: &mut Budget) -> Parsed {
    let body = source.len() - without_mark(source).len();
    let json_range = range.start + body..range.end;
    let text = source.get(body..).unwrap_or_default();
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let mut json = Parsed { range: json_range, json: true, ..Parsed::default() };
    if looks_like_json {
        let before = *budget;
        (json.values, json.broken) = json::values(text, json.range.start, budget);
        if json.broken.is_none() {
            return json;
        }
        *budget = if json.values.is_empty() { before } else { *budget };
    }
    let yaml = yaml::outline(source, range.start).and_then(|outline| {
        let nodes = outline.roots.iter().map(|root| outline.node(*root, budget)).collect::<Result<Vec<_>, _>>();
        nodes.map_err(|(at, why)| Broken::at(at, why))
    });
    match yaml {
        Ok(values) => Parsed { range: range.clone(), json: false, values, broken: None },
        Err(_) if looks_like_json && (!json.values.is_empty() || is_json(text, name)) => json,
        Err(broken) => Parsed { range: range.clone(), broken: Some(broken), ..Parsed::default() },
    }
}

/// Whether text that neither reader takes was meant to be JSON.
fn is_json(text: &str, name: &str) -> bool {
    let inside = text.trim_start().get(1..).unwrap_or_default().trim_start();
    name.to_ascii_lowercase().ends_with(".json") || inside.starts_with(['"', '{'])
}

/// The text after a `---` line, if nothing else stands in that line.
fn without_mark(source: &str) -> &str {
    let bare = source.trim_start_matches('\u{feff}');
    let line = bare.split_inclusive('\n').next().unwrap_or_default();
    if line.trim_end() == "---" { bare.get(line.len()..).unwrap_or_default() } else { bare }
}

/// A control character, which no YAML or JSON text holds.
fn control_character(source: &str, base: usize) -> Option<Broken> {
    let control = |byte: &u8| (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || *byte == 0x7F;
    let (at, byte) = source.bytes().enumerate().find(|(_, byte)| control(byte))?;
    let why = format!("The text holds a control character (0x{byte:02X}), which neither YAML nor JSON allows.");
    Some(Broken::at(base + at, why).help("Remove it; if the file is not UTF-8 text, convert it."))
}

/// The index of the member `items` of a list of objects.
fn items_of(value: &Value) -> Option<usize> {
    let map = value.node.map().filter(|_| value.node.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List")))?;
    map.0
        .iter()
        .rposition(|(key, _)| key == "items")
        .filter(|at| map.0.get(*at).is_some_and(|(_, node)| node.list().is_some()))
}

fn take(node: Node<'static>, member: usize) -> Vec<Node<'static>> {
    match node {
        Node::Map(Map(members)) => match members.into_iter().nth(member) {
            Some((_, Node::List(items))) => items,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What the items of a typed list are if they do not say so: `KubeVirtList` holds `KubeVirt`s.
fn implied(list: &Node<'_>) -> Option<(String, String)> {
    let kind = list.text_at(&["kind"])?.strip_suffix("List").filter(|kind| !kind.is_empty())?;
    Some((list.text_at(&["apiVersion"])?.to_owned(), kind.to_owned()))
}
