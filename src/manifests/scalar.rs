//! Which character of a scalar's value stands where in the source, for every way to write a scalar.
//!
//! The source is read once more, and each character of the value is kept with the offset that gave it. The caller
//! compares the text with what the parser made of it: where they differ, the places are not to be trusted.

use super::outline::Style;
use std::ops::Range;

/// A scalar's value with the source offset of each of its characters.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// Byte offset in `text` and in the source, one for each character.
    places: Vec<(usize, usize)>,
    /// Where the scalar ends in the source.
    end: usize,
}

impl Decoded {
    fn push(&mut self, character: char, at: usize) {
        self.places.push((self.text.len(), at));
        self.text.push(character);
    }

    /// The source offset of the character at byte `inner` of the value; the scalar's end beyond it.
    pub(super) fn source(&self, inner: usize) -> usize {
        let at = self.places.partition_point(|(start, _)| *start <= inner);
        if inner >= self.text.len() {
            return self.places.last().map_or(self.end, |_| self.end);
        }
        self.places.get(at.saturating_sub(1)).map_or(self.end, |(_, source)| *source)
    }
}

/// The value of the scalar in `span` of `source`, as written in `style`.
pub(super) fn decode(source: &str, span: Range<usize>, style: Style) -> Decoded {
    let end = span.end;
    let decoded = match style {
        Style::Literal | Style::Folded => block(source, span, style == Style::Folded),
        Style::Plain => Flow::of(source, span, style).read(),
        Style::Single | Style::Double | Style::Json => {
            let inside = span.start.saturating_add(1)..span.end.saturating_sub(1);
            Flow::of(source, inside, style).read()
        }
    };
    Decoded { end, ..decoded }
}

/// The length of the line break that `text` begins with.
fn line_break(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r' | b'\n', ..] => Some(1),
        _ => None,
    }
}

fn blanks(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// A scalar of flow style: plain, quoted, or a JSON string.
struct Flow<'a> {
    source: &'a str,
    at: usize,
    end: usize,
    style: Style,
    decoded: Decoded,
}

impl<'a> Flow<'a> {
    fn of(source: &'a str, inside: Range<usize>, style: Style) -> Self {
        Self { source, at: inside.start, end: inside.end, style, decoded: Decoded::default() }
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..self.end).unwrap_or_default()
    }

    fn read(mut self) -> Decoded {
        while let Some(character) = self.rest().chars().next() {
            match character {
                '\\' if matches!(self.style, Style::Double | Style::Json) => self.escape(),
                '\'' if self.style == Style::Single => self.take('\'', 2),
                ' ' | '\t' | '\r' | '\n' if self.style != Style::Json => self.space(),
                _ => self.take(character, character.len_utf8()),
            }
        }
        self.decoded
    }

    /// Takes `length` bytes of source as one character.
    fn take(&mut self, character: char, length: usize) {
        self.decoded.push(character, self.at);
        self.at += length;
    }

    /// Blanks stay unless they stand round a line break; one break is a space, further ones stay.
    fn space(&mut self) {
        let lead = blanks(self.rest());
        let first = self.at + lead;
        let Some(length) = self.source.get(first..self.end).and_then(line_break) else {
            (0..lead.max(1)).for_each(|_| self.take(self.rest().chars().next().unwrap_or(' '), 1));
            return;
        };
        self.at = first + length;
        if self.empty_lines() == 0 {
            self.decoded.push(' ', first);
        }
    }

    /// Passes over empty lines, each of which gives a line feed, and over the indentation of the next line.
    fn empty_lines(&mut self) -> usize {
        let mut count = 0;
        loop {
            let lead = blanks(self.rest());
            let Some(length) = self.source.get(self.at + lead..self.end).and_then(line_break) else {
                self.at += lead;
                return count;
            };
            self.decoded.push('\n', self.at + lead);
            self.at += lead + length;
            count += 1;
        }
    }

    fn escape(&mut self) {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        if let Some(length) = line_break(after).filter(|_| self.style == Style::Double) {
            self.at += 1 + length;
            self.empty_lines();
            return;
        }
        let Some(letter) = after.chars().next() else { return self.take('\\', 1) };
        let digits = match letter {
            'x' if self.style == Style::Double => 2,
            'u' => return self.unicode(rest),
            'U' if self.style == Style::Double => 8,
            _ => return self.take(named(letter), 1 + letter.len_utf8()),
        };
        let code = hex(rest, 2, digits).and_then(char::from_u32).unwrap_or('\u{fffd}');
        self.take(code, 2 + digits);
    }

    /// `\uXXXX`, or a pair of them; half a pair is U+FFFD.
    fn unicode(&mut self, rest: &str) {
        let low = || hex(rest.get(6..)?.strip_prefix("\\u")?, 0, 4).filter(|low| (0xDC00..0xE000).contains(low));
        let high = hex(rest, 2, 4).unwrap_or(0xD800);
        let pair = (0xD800..0xDC00).contains(&high).then(low).flatten();
        match pair {
            Some(low) => {
                let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                self.take(char::from_u32(code).unwrap_or('\u{fffd}'), 12);
            }
            None => self.take(char::from_u32(high).unwrap_or('\u{fffd}'), 6),
        }
    }
}

fn hex(text: &str, from: usize, digits: usize) -> Option<u32> {
    let digits = text.get(from..from + digits)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The character of an escape of one letter.
fn named(letter: char) -> char {
    match letter {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        other => other,
    }
}

/// A block scalar; `span` begins at its first character that is no indentation. Every trailing line feed is kept, the
/// caller cuts what the header chomps.
fn block(source: &str, span: Range<usize>, folded: bool) -> Decoded {
    let head = source.get(..span.start).unwrap_or_default();
    let first = head.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let indent = span.start - first;
    let mut at = after_header(head.get(..first).unwrap_or_default());
    let mut decoded = Decoded::default();
    // A line break that may yet fold into a space, the empty lines after it, whether the last line was indented more.
    let (mut waiting, mut empty, mut deeper): (Option<usize>, Vec<usize>, bool) = (None, Vec::new(), false);
    while at < span.end {
        let rest = source.get(at..span.end).unwrap_or_default();
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let lead = rest.bytes().take(indent).take_while(|byte| *byte == b' ').count().min(length);
        let line = rest.get(lead..length).unwrap_or_default();
        let feed = at + length;
        if line.is_empty() {
            empty.push(feed);
        } else {
            let deep = line.starts_with([' ', '\t']);
            match waiting.take() {
                Some(place) if !folded || deeper || deep => decoded.push('\n', place),
                Some(place) if empty.is_empty() => decoded.push(' ', place),
                _ => {}
            }
            empty.drain(..).for_each(|place| decoded.push('\n', place));
            let characters = line.char_indices();
            characters.for_each(|(offset, character)| decoded.push(character, at + lead + offset));
            (waiting, deeper) = (Some(feed), deep);
        }
        at = feed + line_break(rest.get(length..).unwrap_or_default()).unwrap_or(1);
    }
    waiting.into_iter().chain(empty).for_each(|place| decoded.push('\n', place));
    decoded
}

/// Where the first line after the header begins: empty lines before the content belong to the scalar.
fn after_header(head: &str) -> usize {
    let mut start = head.len();
    loop {
        let before = head.get(..start).unwrap_or_default();
        let Some(end) = before.strip_suffix("\r\n").or_else(|| before.strip_suffix(['\n', '\r'])).map(str::len) else {
            return start;
        };
        let line = before.get(..end).unwrap_or_default();
        let begin = line.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        if line.get(begin..).unwrap_or_default().bytes().any(|byte| byte != b' ') {
            return start;
        }
        start = begin;
    }
}
