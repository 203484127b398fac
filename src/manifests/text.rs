//! From bytes to text with places: UTF-8 with or without a byte order mark, and what to say of anything else.

use super::Broken;
use crate::place::Place;
use std::ops::Range;

/// The largest file that is read: 16 MiB.
const MAX_BYTES: usize = 16 << 20;
/// Characters are counted up front for each block of so many bytes, so that a column in a long line costs no more.
const BLOCK: usize = 4096;

/// A file's text.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// As named on the command line, or found below a directory named there.
    pub name: String,
    /// The text without its byte order mark; what is not UTF-8 stands in it as U+FFFD.
    pub source: String,
    /// Byte offset of each line's start.
    lines: Vec<usize>,
    /// How many characters begin before each block.
    characters: Vec<usize>,
}

impl Text {
    fn of(name: String, source: String) -> Self {
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        let blocks = source.as_bytes().chunks(BLOCK).scan(0, |sum, block| {
            let before = *sum;
            *sum += beginnings(block);
            Some(before)
        });
        let characters = blocks.collect();
        Self { name, source, lines, characters }
    }

    /// The part of the text in `range`; empty where there is none.
    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        self.source.get(range).unwrap_or_default()
    }

    /// The byte offset where the line of `offset` begins.
    fn line_start(&self, offset: usize) -> usize {
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
        let column = self.before(offset).saturating_sub(self.before(self.line_start(offset))) + 1;
        Place { file: self.name.clone(), line, column }
    }

    /// How many characters begin before a byte offset.
    fn before(&self, offset: usize) -> usize {
        let block = (offset / BLOCK).min(self.characters.len().saturating_sub(1));
        let rest = self.source.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or_default() + beginnings(rest)
    }
}

/// How many characters begin in these bytes of UTF-8.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The start of the character that holds byte `offset`; the end of the text beyond it.
pub(super) fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// A file's text, or why it is not read at all; and the byte offsets in the text of what is not UTF-8.
pub(super) struct Found {
    pub(super) text: Text,
    pub(super) refusal: Option<Broken>,
    stains: Vec<usize>,
}

impl Found {
    /// The first place in `range` that is not UTF-8.
    pub(super) fn stain(&self, range: &Range<usize>) -> Option<Broken> {
        let first = self.stains.partition_point(|at| *at < range.start);
        let at = *self.stains.get(first).filter(|at| **at < range.end)?;
        Some(Broken::at(at, "The text is not UTF-8 here.").help("Save the file as UTF-8."))
    }
}

/// Reads a file's bytes.
pub(super) fn read(name: String, bytes: Vec<u8>) -> Found {
    if let Some(refusal) = refusal(&bytes) {
        return Found { text: Text::of(name, String::new()), refusal: Some(refusal), stains: Vec::new() };
    }
    let bytes = without_mark(bytes);
    let (source, stains) = match String::from_utf8(bytes) {
        Ok(source) => (source, Vec::new()),
        Err(error) => lossy(error.as_bytes()),
    };
    Found { text: Text::of(name, source), refusal: None, stains }
}

fn without_mark(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    bytes
}

/// Why a file is not read at all.
fn refusal(bytes: &[u8]) -> Option<Broken> {
    if bytes.len() > MAX_BYTES {
        let why = "The file is larger than 16 MiB, which is the most that is read.";
        return Some(Broken::at(0, why).help("Split the file, or name only the manifests that matter."));
    }
    let wide = [&[0xFF, 0xFE][..], &[0xFE, 0xFF], &[0, 0, 0xFE, 0xFF]];
    wide.iter().any(|mark| bytes.starts_with(mark)).then(|| {
        let why = "The file is UTF-16 or UTF-32, as its byte order mark says; manifests are read as UTF-8.";
        Broken::at(0, why).help("Convert it, for example with iconv -f UTF-16 -t UTF-8.")
    })
}

/// The text with U+FFFD for each run of bytes that is not UTF-8, and where these stand in that text.
fn lossy(bytes: &[u8]) -> (String, Vec<usize>) {
    let (mut source, mut stains) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        source.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            stains.push(source.len());
            source.push('\u{fffd}');
        }
    }
    (source, stains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_however_long_the_line() {
        let source = format!("é\n{}x\r\n", "äa".repeat(5000));
        let text = Text::of("f".into(), source);
        let place = |offset| (text.place(offset).line, text.place(offset).column);
        assert_eq!([0, 1, 2, 3, 5, 6].map(place), [(1, 1), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]);
        assert_eq!([3 + 15_000, 99_999].map(place), [(2, 10_001), (3, 1)]);
        assert_eq!(Text::of("f".into(), String::new()).place(7), Place { file: "f".into(), line: 1, column: 1 });
    }
}
