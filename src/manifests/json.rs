//! JSON text: its values, strictly, and an [`Outline`] of them for places.

use super::Broken;
use super::outline::{Budget, MAX_DEPTH, Outline, Shape, Spot, Style};
use super::resolve::Tag;
use super::scalar;
use super::yaml::too_deep;
use crate::tree::{Node, NotJson, Want, pick};
use serde::de::{Deserialize, DeserializeSeed, Deserializer};
use std::borrow::Cow;

/// The deepest nesting of which an outline is made; no JSON reader here goes deeper.
const DEEPEST: usize = 130;

struct Value<'a>(Node<'a>);

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        pick(&Want::All).deserialize(deserializer).map(Value)
    }
}

/// The JSON values that stand in `text` one after the other, up to the first place that is none.
pub(super) fn values(text: &str, base: usize, budget: &mut Budget) -> (Vec<Node<'static>>, Option<Broken>) {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value<'_>>();
    let mut values = Vec::new();
    loop {
        let start = base + stream.byte_offset();
        match stream.next() {
            None => return (values, None),
            Some(Ok(Value(node))) => match weigh(&node, 0, budget) {
                Ok(()) => values.push(node.into_owned()),
                Err(None) => return (values, Some(too_deep(start))),
                Err(Some(why)) => return (values, Some(Broken::at(start, why))),
            },
            Some(Err(error)) => {
                let NotJson { why, line, column } = error.into();
                let at = base + offset(text, line, column);
                if why.starts_with("it is nested") {
                    return (values, Some(too_deep(at)));
                }
                return (values, Some(Broken::at(at, format!("The JSON cannot be read: {why}."))));
            }
        }
    }
}

/// The byte offset of a 1-based line and column, the column in bytes; the end of the text where it lies beyond.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    super::text::floor(text, start.saturating_add(column.saturating_sub(1)))
}

/// Pays for a value and all below it; `None` is too deep.
fn weigh(node: &Node<'_>, depth: usize, budget: &mut Budget) -> Result<(), Option<String>> {
    budget.pay(0, false).map_err(Some)?;
    match node {
        _ if depth > MAX_DEPTH => Err(None),
        Node::List(items) => items.iter().try_for_each(|item| weigh(item, depth + 1, budget)),
        Node::Map(map) => map.iter().try_for_each(|(_, value)| weigh(value, depth + 1, budget)),
        _ => Ok(()),
    }
}

/// The outline of the JSON values of `text`, which stands at byte `base`; it ends where the text is no longer JSON.
///
/// It takes more than JSON allows; [`values`] and [`crate::tree::parse`] are the ones to ask whether it is JSON.
pub(super) fn outline(text: &str, base: usize) -> Outline<'_> {
    let mut scan = Scan { text, base, at: 0, outline: Outline::default() };
    while let Some(root) = scan.value(0) {
        scan.outline.roots.push(root);
    }
    scan.outline
}

struct Scan<'a> {
    text: &'a str,
    base: usize,
    at: usize,
    outline: Outline<'a>,
}

impl<'a> Scan<'a> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn push(&mut self, start: usize, shape: Shape<'a>) -> usize {
        let (start, end) = (self.base + start, self.base + self.at);
        self.outline.push(Spot { start, end, shape })
    }

    fn value(&mut self, depth: usize) -> Option<usize> {
        match self.peek()? {
            _ if depth > DEEPEST => None,
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b'"' => self.string(),
            _ => self.word(),
        }
    }

    fn map(&mut self, depth: usize) -> Option<usize> {
        let (start, mut pairs) = (self.at, Vec::new());
        self.at += 1;
        while self.peek()? != b'}' {
            let key = self.string()?;
            self.eat(b':')?;
            pairs.push((key, self.value(depth + 1)?));
            if self.eat(b',').is_none() {
                break;
            }
        }
        self.eat(b'}')?;
        Some(self.push(start, Shape::Map(pairs)))
    }

    fn list(&mut self, depth: usize) -> Option<usize> {
        let (start, mut items) = (self.at, Vec::new());
        self.at += 1;
        while self.peek()? != b']' {
            items.push(self.value(depth + 1)?);
            if self.eat(b',').is_none() {
                break;
            }
        }
        self.eat(b']')?;
        Some(self.push(start, Shape::List(items)))
    }

    fn string(&mut self) -> Option<usize> {
        self.eat(b'"')?;
        let start = self.at - 1;
        let mut escaped = false;
        let body = self.text.as_bytes().get(self.at..)?;
        let length = body.iter().position(|byte| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        })?;
        let inner = self.text.get(self.at..self.at + length)?;
        self.at += length + 1;
        let text = if inner.contains('\\') {
            Cow::Owned(scalar::decode(self.text, start..self.at, Style::Json).text)
        } else {
            Cow::Borrowed(inner)
        };
        Some(self.push(start, Shape::Scalar { text, style: Style::Json, tag: Tag::None }))
    }

    /// A number, `true`, `false` or `null`; only its place matters.
    fn word(&mut self) -> Option<usize> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..)?;
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')).count();
        let text = self.text.get(start..start + length).filter(|text| !text.is_empty())?;
        self.at += length;
        Some(self.push(start, Shape::Scalar { text: Cow::Borrowed(text), style: Style::Json, tag: Tag::None }))
    }
}
