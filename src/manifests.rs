//! The text of files to documents, each with the exact place of every key: also inside the JSON text of `spec.config`,
//! however that scalar is written.
//!
//! Nothing here touches the file system. Values are read as kubectl reads them; places are looked up only when asked
//! for, by reading the one document once more.

mod json;
mod kinds;
mod kustomize;
mod locate;
mod outline;
mod read;
mod resolve;
mod scalar;
mod sort;
mod split;
mod template;
mod text;
mod yaml;

pub use kinds::is_manifest_name;
pub use text::Text;

use crate::place::{ObjectRef, Place};
use crate::tree::Node;
use crate::world::Problem;
use locate::Inner;
use outline::{Outline, Step};
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A file as it was found.
#[derive(Clone, Debug)]
pub struct Input {
    /// As named on the command line, or found below a directory named there; `-` for standard input.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it was named itself, not found in a directory: a note says so if it holds no document.
    pub explicit: bool,
}

/// Everything that was read from the files given.
#[derive(Debug, Default)]
pub struct Manifests {
    /// The files in the order given.
    pub texts: Vec<Text>,
    /// The objects, whatever their kind; [`Document::id`] is the index.
    pub documents: Vec<Document>,
    /// What is wrong with the files themselves.
    pub problems: Vec<Problem>,
    /// What was left unjudged on purpose.
    pub not_judged: Vec<NotJudged>,
    /// Further remarks, one sentence each.
    pub notes: Vec<String>,
    /// How many documents were seen, objects of other kinds and unreadable ones included.
    pub count: usize,
    chunks: Vec<Chunk>,
    /// The text of each file by its name.
    names: HashMap<String, usize>,
}

/// One object of the files.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its index.
    pub id: usize,
    /// Its name. The namespace is the default where the manifest leaves it out; `metadata.generateName` counts as a
    /// name that ends in `*`, and none at all is empty.
    pub object: ObjectRef,
    /// Its content, aliases and merge keys resolved; of equal keys the last counts.
    pub node: Node<'static>,
    origin: Origin,
}

/// Where an object stands.
#[derive(Clone, Debug)]
struct Origin {
    chunk: usize,
    root: usize,
    /// The way through the `items` of lists.
    steps: Vec<Step>,
}

/// A part of a text that is read by itself.
#[derive(Debug)]
struct Chunk {
    text: usize,
    range: Range<usize>,
    json: bool,
    /// Made when the first place in it is asked for.
    outline: OnceLock<Outline<'static>>,
    /// The spot of the scalar that was looked into last, and what stands in it: findings come in heaps.
    inner: Mutex<Option<(usize, Arc<Inner>)>>,
}

/// A document that was left unjudged on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// The file.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The object, if the document could be read.
    pub object: Option<ObjectRef>,
    /// Why, and what to do.
    pub reason: String,
}

/// Why a part of a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Broken {
    /// Byte offset in the file.
    at: usize,
    why: String,
    help: &'static str,
}

impl Broken {
    fn at(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into(), help: "Correct the document, or leave it out." }
    }

    fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

impl Manifests {
    /// Reads the files. Judged objects without `metadata.namespace` get `default_namespace`.
    pub fn read(inputs: Vec<Input>, default_namespace: Option<&str>) -> Self {
        read::Reading::of(inputs).sort_out(default_namespace)
    }

    /// Where the key at a dotted path of a document stands, and with a pointer (RFC 6901) the key that it names in the
    /// JSON text there. List items stand where they begin, a document where its first key does, and what does not exist
    /// where its nearest parent is.
    pub fn place(&self, document: usize, path: &str, pointer: Option<&str>) -> Place {
        self.seek(document, path, |seen| seen.chunk.inside(seen, pointer?))
    }

    /// Where a line and column of the text at a dotted path stand: both 1-based, the column in bytes, as
    /// [`crate::tree::NotJson`] has them.
    pub fn place_in_text(&self, document: usize, path: &str, line: usize, column: usize) -> Place {
        self.seek(document, path, |seen| locate::in_text(seen.source, seen.outline, seen.spot, line, column))
    }

    /// The text of a file, without its byte order mark.
    pub fn source(&self, file: &str) -> Option<&str> {
        self.names.get(file).and_then(|at| self.texts.get(*at)).map(|text| text.source.as_str())
    }

    /// The file that a document stands in.
    pub fn file(&self, document: usize) -> Option<&str> {
        let chunk = self.chunks.get(self.documents.get(document)?.origin.chunk)?;
        self.texts.get(chunk.text).map(|text| text.name.as_str())
    }

    /// The place of `path`, or the one that `closer` knows below it.
    fn seek(&self, document: usize, path: &str, closer: impl Fn(Seen<'_>) -> Option<usize>) -> Place {
        let found = self.documents.get(document).and_then(|document| {
            let (steps, whole) = locate::steps(&document.node, path);
            let steps = [document.origin.steps.as_slice(), &steps].concat();
            self.find(&document.origin, &steps, |seen| closer(seen).filter(|_| whole))
        });
        found.unwrap_or_else(|| Place { file: self.file(document).unwrap_or_default().to_owned(), line: 1, column: 1 })
    }

    /// The place at the end of `steps`, or the one that `closer` knows below it.
    fn find(&self, origin: &Origin, steps: &[Step], closer: impl Fn(Seen<'_>) -> Option<usize>) -> Option<Place> {
        let chunk = self.chunks.get(origin.chunk)?;
        let text = self.texts.get(chunk.text)?;
        let outline = chunk.outline(text);
        let trail = outline.follow(origin.root, steps)?;
        let seen = Seen { chunk, source: &text.source, outline, spot: trail.spot };
        let offset = Some(seen).filter(|_| trail.taken == steps.len()).and_then(closer).unwrap_or(trail.key);
        Some(text.place(offset))
    }
}

/// A node in its source.
#[derive(Clone, Copy)]
struct Seen<'s> {
    chunk: &'s Chunk,
    source: &'s str,
    outline: &'s Outline<'s>,
    spot: usize,
}

impl Chunk {
    fn outline(&self, text: &Text) -> &Outline<'static> {
        self.outline.get_or_init(|| {
            let (source, base) = (text.slice(self.range.clone()), self.range.start);
            let outline = if self.json { Some(json::outline(source, base)) } else { yaml::outline(source, base).ok() };
            outline.unwrap_or_default().into_owned()
        })
    }

    /// Where the key that `pointer` names stands in the JSON text of the scalar that is seen, or below it if it is none.
    fn inside(&self, seen: Seen<'_>, pointer: &str) -> Option<usize> {
        let mut last = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().filter(|(spot, _)| *spot == seen.spot).map(|(_, inner)| Arc::clone(inner));
        let inner = known.or_else(|| Inner::of(seen.source, seen.outline, seen.spot).map(Arc::new));
        *last = inner.clone().map(|inner| (seen.spot, inner));
        inner.map_or_else(|| locate::below(seen.outline, seen.spot, pointer), |inner| inner.place(pointer))
    }
}

#[cfg(test)]
mod tests;
