//! A JSON value that borrows from its text and keeps what Go would see: the order of keys and every duplicate.
//!
//! One shape serves the objects of a review, the documents of a file and the JSON inside `spec.config`. [`pick`] reads
//! only the wanted part of a large object in the same single pass.

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as written, as far as f64, i64 and u64 tell numbers apart.
    Number(Number),
    /// A string with its escapes resolved.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Node<'a>>),
    /// An object.
    Map(Map<'a>),
}

/// The members of an object in the order of the text; a key may stand in it twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map<'a>(pub Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Map<'a> {
    /// The last member with exactly this key.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Keys and values in order, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node<'a>)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v))
    }
}

impl<'a> Node<'a> {
    /// The member `key` of an object that is not `null`.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.map()?.get(key).filter(|node| !matches!(node, Node::Null))
    }

    /// The value at a path of keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Node<'a>> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The string at a path of keys; `None` if it is absent or no string.
    pub fn text_at(&self, keys: &[&str]) -> Option<&str> {
        self.at(keys)?.text()
    }

    /// The elements at a path of keys; nothing if it is absent or no array.
    pub fn list_at(&self, keys: &[&str]) -> &[Node<'a>] {
        self.at(keys).and_then(Node::list).unwrap_or_default()
    }

    /// A string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An array's elements.
    pub fn list(&self) -> Option<&[Node<'a>]> {
        match self {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// An object's members.
    pub fn map(&self) -> Option<&Map<'a>> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A boolean.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Node::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number as Go decodes one into an int: no fraction, no exponent.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Node::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// What JSON calls it, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Number(_) => "a number",
            Node::Text(_) => "a string",
            Node::List(_) => "a list",
            Node::Map(_) => "an object",
        }
    }

    /// The same value, owning its text.
    pub fn into_owned(self) -> Node<'static> {
        match self {
            Node::Null => Node::Null,
            Node::Bool(flag) => Node::Bool(flag),
            Node::Number(number) => Node::Number(number),
            Node::Text(text) => Node::Text(Cow::Owned(text.into_owned())),
            Node::List(items) => Node::List(items.into_iter().map(Node::into_owned).collect()),
            Node::Map(map) => Node::Map(Map(map
                .0
                .into_iter()
                .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                .collect())),
        }
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(flag) => serializer.serialize_bool(*flag),
            Node::Number(number) => number.serialize(serializer),
            Node::Text(text) => serializer.serialize_str(text),
            Node::List(items) => serializer.collect_seq(items),
            Node::Map(map) => serializer.collect_map(map.iter()),
        }
    }
}

/// Why a text is not one JSON value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {why}")]
pub struct NotJson {
    /// What is wrong, without its place.
    pub why: String,
    /// 1-based line of the text.
    pub line: usize,
    /// 1-based column, in bytes.
    pub column: usize,
}

impl From<serde_json::Error> for NotJson {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let why = match text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why) {
            "recursion limit exceeded" => "it is nested more than 128 levels deep".to_owned(),
            why => why.to_owned(),
        };
        Self { why, line: error.line(), column: error.column() }
    }
}

/// Most values that are kept of one text: a value takes up to 30 times its text, and an object that the API server takes
/// (3 MiB) has fewer of any use.
const MOST: usize = 1 << 16;

/// The one JSON value of `text`; nothing may follow it. At most 128 levels deep.
///
/// A lone surrogate escape (`\ud800`) is read as U+FFFD, as Go reads it.
pub fn parse(text: &str) -> Result<Node<'_>, NotJson> {
    match whole(text, &Want::All) {
        Err(error) if text.contains("\\u") => {
            let mended = without_lone_surrogates(text);
            whole(&mended, &Want::All).map(Node::into_owned).map_err(|_| error.into())
        }
        other => other.map_err(NotJson::from),
    }
}

fn whole<'a>(text: &'a str, want: &'static Want) -> Result<Node<'a>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = Seed::of(want, &Cell::new(MOST)).deserialize(&mut deserializer)?;
    deserializer.end().map(|()| node)
}

/// Every `\uXXXX` escape that is half a pair, replaced by `\ufffd`: same length, so places stay true.
fn without_lone_surrogates(text: &str) -> String {
    let mut out = text.to_owned();
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut at = 0;
    while at < bytes.len() {
        let step = match (bytes[at], unit(at)) {
            (b'\\', Some(0xD800..=0xDBFF)) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            (b'\\', Some(0xD800..=0xDFFF)) => {
                out.replace_range(at..at + 6, "\\ufffd");
                6
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        at += step;
    }
    out
}

/// What of a value is read; the rest is checked for well-formedness and dropped.
#[derive(Debug)]
pub enum Want {
    /// All of it.
    All,
    /// Nothing of it.
    Nothing,
    /// All members of an object, but of these only so much; anything that is no object as under [`Want::Members`].
    Rest(&'static [(&'static str, Want)]),
    /// These members of an object; anything that is no object is read whole if it is a scalar.
    Members(&'static [(&'static str, Want)]),
    /// Of each element of a list this much.
    Each(&'static Want),
    /// What another constant names.
    Part(&'static Want),
    /// Its text as it stands, as a [`Node::Text`] for a later [`pick_text`].
    Unread,
}

/// A [`DeserializeSeed`] that reads only what `want` names, of any size.
pub fn pick(want: &'static Want) -> impl for<'de> DeserializeSeed<'de, Value = Node<'de>> {
    Pick(want)
}

struct Pick(&'static Want);

impl<'de> DeserializeSeed<'de> for Pick {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        Seed::of(self.0, &Cell::new(usize::MAX)).deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
struct Seed<'c> {
    want: &'static Want,
    /// How many more values are kept.
    room: &'c Cell<usize>,
}

impl<'c> Seed<'c> {
    fn of(want: &'static Want, room: &'c Cell<usize>) -> Self {
        let want = if let Want::Part(part) = want { part } else { want };
        Self { want, room }
    }

    fn take<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.room.get().checked_sub(1);
        self.room.set(left.ok_or_else(|| E::custom(format!("it holds more than {MOST} values")))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node<'de>, E> {
        Number::from_f64(number).map(Node::Number).ok_or_else(|| E::custom("a number that JSON cannot hold"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let element = match self.want {
            Want::All => self,
            Want::Each(want) => Seed::of(want, self.room),
            Want::Nothing | Want::Rest(_) | Want::Members(_) | Want::Part(_) | Want::Unread => {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Node::List(Vec::new()));
            }
        };
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(element)? {
            self.take()?;
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node<'de>, A::Error> {
        let mut map = Map::default();
        while let Some(Key(key)) = members.next_key()? {
            let want = match self.want {
                Want::All => Some(self.want),
                Want::Members(wanted) => named(wanted, &key),
                Want::Rest(less) => named(less, &key).or(Some(&Want::All)),
                Want::Each(_) | Want::Nothing | Want::Part(_) | Want::Unread => None,
            };
            let want = want.filter(|want| !matches!(want, Want::Nothing));
            if want.is_some() {
                self.take()?;
            }
            match want {
                Some(Want::Unread) => map.0.push((key, Node::Text(members.next_value::<&RawValue>()?.get().into()))),
                Some(want) => map.0.push((key, members.next_value_seed(Seed::of(want, self.room))?)),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Node::Map(map))
    }
}

fn named(members: &'static [(&'static str, Want)], key: &str) -> Option<&'static Want> {
    members.iter().find(|(name, _)| *name == key).map(|(_, want)| want)
}

/// A key that borrows where the text has no escape.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads only what `want` names of the one JSON value in `bytes`.
pub fn pick_from<'de>(bytes: &'de [u8], want: &'static Want) -> Result<Node<'de>, NotJson> {
    pick_text(std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?, want)
}

/// The same of a text.
pub fn pick_text<'de>(text: &'de str, want: &'static Want) -> Result<Node<'de>, NotJson> {
    whole(text, want).map_err(NotJson::from)
}

#[cfg(test)]
mod tests;
