//! From bytes to text with places: UTF-8 with or without a byte order mark, and what to say of anything else.

use super::Broken;
use crate::finding::Place;
use std::ops::Range;

/// The largest file that is read: 16 MiB.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// A file's text.
#[derive(Clone, Debug)]
pub struct Text {
    /// As named on the command line, or found below a directory named there.
    pub name: String,
    /// The text without its byte order mark; what is not UTF-8 stands in it as U+FFFD.
    pub source: String,
    /// Byte offset of each line's start.
    lines: Vec<usize>,
}

impl Text {
    fn of(name: String, source: String) -> Self {
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Self { name, source, lines }
    }

    /// The part of the text in `range`; empty where there is none.
    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        self.source.get(range).unwrap_or_default()
    }

    /// The byte offset where the line of `offset` begins.
    pub(super) fn line_start(&self, offset: usize) -> usize {
        let line = self.lines.partition_point(|start| *start <= offset);
        self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The text of the line of `offset`, without its break.
    pub(super) fn line(&self, offset: usize) -> &str {
        self.source.get(self.line_start(offset)..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    /// Line and column of a byte offset; one beyond the text is its end.
    pub(super) fn place(&self, offset: usize) -> Place {
        let offset = floor(&self.source, offset);
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let column = self.slice(self.line_start(offset)..offset).chars().count() + 1;
        Place { file: self.name.clone(), line, column }
    }
}

/// The start of the character that holds byte `offset`; the end of the text beyond it.
pub(super) fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// A file's text and the places of it that are no text: one for each run of bytes that is not UTF-8, or one for the
/// whole file.
pub(super) fn read(name: String, bytes: Vec<u8>) -> (Text, Vec<Broken>) {
    if let Some(broken) = refusal(&bytes) {
        return (Text::of(name, String::new()), vec![broken]);
    }
    let (mut source, mut broken) = match String::from_utf8(bytes) {
        Ok(source) => (source, Vec::new()),
        Err(error) => lossy(error.as_bytes()),
    };
    if source.starts_with('\u{feff}') {
        source.drain(..'\u{feff}'.len_utf8());
        for broken in &mut broken {
            broken.at = broken.at.saturating_sub('\u{feff}'.len_utf8());
        }
    }
    (Text::of(name, source), broken)
}

/// Why a file is not read at all.
fn refusal(bytes: &[u8]) -> Option<Broken> {
    if bytes.len() > MAX_BYTES {
        let why = format!("The file has {} bytes; at most 16 MiB ({MAX_BYTES} bytes) are read.", bytes.len());
        return Some(Broken::at(0, why).help("Split the file, or name only the manifests that matter."));
    }
    let wide = [&[0xFF, 0xFE][..], &[0xFE, 0xFF], &[0, 0, 0xFE, 0xFF]];
    wide.iter().any(|mark| bytes.starts_with(mark)).then(|| {
        let why = "The file is UTF-16 or UTF-32, as its byte order mark says; manifests are read as UTF-8.";
        Broken::at(0, why).help("Convert it, for example with iconv -f UTF-16 -t UTF-8.")
    })
}

/// The text with U+FFFD for each run of bytes that is not UTF-8, and where these stand in that text.
fn lossy(bytes: &[u8]) -> (String, Vec<Broken>) {
    let (mut source, mut broken) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        source.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            let hex: Vec<_> = chunk.invalid().iter().map(|byte| format!("0x{byte:02X}")).collect();
            let why = format!("The text is not UTF-8 here: byte {}.", hex.join(" "));
            broken.push(Broken::at(source.len(), why).help("Save the file as UTF-8."));
            source.push('\u{fffd}');
        }
    }
    (source, broken)
}
