//! The line that a place is in, and how much of it the caret underlines.

use crate::place::Place;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// Bytes of the longest line that is shown: a whole cluster can stand in one line of JSON.
const LONGEST: usize = 8192;

/// The lines of files, found by one pass over each file that is asked for.
pub(super) struct Lines<'r> {
    sources: &'r BTreeMap<String, String>,
    starts: HashMap<&'r str, Vec<usize>>,
}

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// None of its characters steers a terminal.
    pub(super) text: String,
    /// Byte range in `text` to underline; empty at the end of a line.
    pub(super) mark: Range<usize>,
}

impl<'r> Lines<'r> {
    pub(super) fn of(sources: &'r BTreeMap<String, String>) -> Self {
        Self { sources, starts: HashMap::new() }
    }

    /// The line of `place`; `None` if the file has no such line, or one too long to show.
    pub(super) fn excerpt(&mut self, place: &Place) -> Option<Excerpt> {
        let (file, source) = self.sources.get_key_value(&place.file)?;
        let starts = self.starts.entry(file).or_insert_with(|| starts(source));
        let start = *starts.get(place.line.checked_sub(1)?)?;
        let end = starts.get(place.line).copied().unwrap_or(source.len());
        let line = source.get(start..end).filter(|line| line.len() <= LONGEST)?.split(['\n', '\r']).next()?;
        Some(marked(line, place.column))
    }
}

fn starts(source: &str) -> Vec<usize> {
    let after = |(at, byte): (usize, u8)| (byte == b'\n').then_some(at + 1);
    std::iter::once(0).chain(source.bytes().enumerate().filter_map(after)).collect()
}

/// `line` with the key at the 1-based character `column` marked.
fn marked(line: &str, column: usize) -> Excerpt {
    let at = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    let (head, rest) = line.split_at(at);
    let (key, tail) = rest.split_at(token(rest));
    let [head, key, tail] = [head, key, tail].map(shown);
    Excerpt { mark: head.len()..head.len() + key.len(), text: head + &key + &tail }
}

/// Without C1 control characters; the renderer takes care of the others.
fn shown(text: &str) -> String {
    text.replace(|c: char| c.is_control() && !c.is_ascii(), "\u{fffd}")
}

/// The length of the key at the start of `text`: quoted, quoted inside a quoted scalar, or a plain word.
fn token(text: &str) -> usize {
    for (quote, skip) in [("\\\"", 2), ("\"", 1), ("'", 1)] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.find(quote).map_or(text.len(), |at| at + 2 * skip);
        }
    }
    let word = |c: char| c.is_whitespace() || ":,{}[]\"'".contains(c);
    let end = text.find(word).unwrap_or(text.len());
    if end == 0 { text.chars().next().map_or(0, char::len_utf8) } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_as_long_as_the_key() {
        for (text, key) in [
            ("config: |", "config"),
            ("\"range\": \"10.0.0.0/8\"", "\"range\""),
            ("\\\"range\\\": \\\"10.0.0.0/8\\\"", "\\\"range\\\""),
            ("'a b': 1", "'a b'"),
            ("{\"a\": 1}", "{"),
            ("\"open", "\"open"),
            ("é", "é"),
            ("", ""),
        ] {
            assert_eq!(&text[..token(text)], key, "{text}");
        }
    }

    #[test]
    fn a_place_gives_its_line_whatever_the_line_ends() {
        let sources = BTreeMap::from([("a".to_owned(), "x: 1\r\n  yé: 2\n\nlast".to_owned())]);
        let mut lines = Lines::of(&sources);
        let mut at = |line, column| {
            let place = Place { file: "a".into(), line, column };
            lines.excerpt(&place).map(|excerpt| format!("{}|{}", excerpt.text, &excerpt.text[excerpt.mark.clone()]))
        };
        assert_eq!(at(1, 1).as_deref(), Some("x: 1|x"));
        assert_eq!(at(2, 3).as_deref(), Some("  yé: 2|yé"));
        assert_eq!(at(3, 1).as_deref(), Some("|"));
        assert_eq!(at(4, 99).as_deref(), Some("last|"));
        assert_eq!(at(5, 1), None);
        assert_eq!(at(0, 1), None);
        assert_eq!(lines.excerpt(&Place { file: "b".into(), line: 1, column: 1 }), None);
    }

    #[test]
    fn a_line_that_is_too_long_is_not_shown() {
        let sources = BTreeMap::from([("a".to_owned(), format!("{}\nkey: 1", "ü".repeat(LONGEST)))]);
        let mut lines = Lines::of(&sources);
        assert_eq!(lines.excerpt(&Place { file: "a".into(), line: 1, column: 9 }), None);
        assert!(lines.excerpt(&Place { file: "a".into(), line: 2, column: 1 }).is_some());
    }

    #[test]
    fn no_control_character_is_left() {
        let excerpt = marked("\u{9b}31m: key", 7);
        assert_eq!((excerpt.text.as_str(), &excerpt.text[excerpt.mark.clone()]), ("\u{fffd}31m: key", "key"));
    }
}
