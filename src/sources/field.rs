//! Reading an object without trusting it: a wrong type is noted with its path, an absent field is nothing.

use super::Found;
use crate::networks::{Class, Confidence};
use crate::tree::{self, Node, Want};
use serde::de::DeserializeSeed;

/// A field that may be absent, and its dotted path.
#[derive(Clone, Debug)]
pub(super) struct Field<'n, 'a> {
    node: Option<&'n Node<'a>>,
    /// For example `spec.blocks[0].cidr`; keys that hold dots stand in brackets.
    pub(super) path: String,
}

impl<'n, 'a> Field<'n, 'a> {
    /// The object itself.
    pub(super) fn root(node: &'n Node<'a>) -> Self {
        Self::inner(node, String::new())
    }

    /// A value that was parsed from the text at `path`.
    pub(super) fn inner(node: &'n Node<'a>, path: String) -> Self {
        Self { node: Some(node).filter(|node| !matches!(node, Node::Null)), path }
    }

    /// The member `key` of an object.
    pub(super) fn get(&self, key: &str, found: &mut Found) -> Self {
        let node = self.typed("an object", Node::map, found).and_then(|map| map.get(key));
        let path = match (self.path.as_str(), key.contains(['.', '/'])) {
            (path, true) => format!("{path}[{key}]"),
            ("", false) => key.to_owned(),
            (path, false) => format!("{path}.{key}"),
        };
        Self { node: node.filter(|node| !matches!(node, Node::Null)), path }
    }

    /// The member at a path of keys.
    pub(super) fn at(&self, keys: &[&str], found: &mut Found) -> Self {
        keys.iter().fold(self.clone(), |field, key| field.get(key, found))
    }

    /// A string.
    pub(super) fn text(&self, found: &mut Found) -> Option<&'n str> {
        self.typed("a string", Node::text, found)
    }

    /// A whole number.
    pub(super) fn whole(&self, found: &mut Found) -> Option<i64> {
        self.typed("a whole number", Node::whole, found)
    }

    /// The elements of a list.
    pub(super) fn items(&self, found: &mut Found) -> Vec<Self> {
        let items = self.typed("a list", Node::list, found).unwrap_or_default();
        let place = |(at, node)| Self::inner(node, format!("{}[{at}]", self.path));
        items.iter().enumerate().map(place).collect()
    }

    /// The strings of a list.
    pub(super) fn texts(&self, found: &mut Found) -> Vec<&'n str> {
        self.items(found).iter().filter_map(|item| item.text(found)).collect()
    }

    /// The members of an object.
    pub(super) fn members(&self, found: &mut Found) -> Vec<(&'n str, Self)> {
        let Some(map) = self.typed("an object", Node::map, found) else { return Vec::new() };
        map.iter().map(|(key, node)| (key, Self::inner(node, format!("{}[{key}]", self.path)))).collect()
    }

    /// Whether there is a value.
    pub(super) fn is_there(&self) -> bool {
        self.node.is_some()
    }

    /// Whether it is the string without characters, which many controllers take for nothing.
    pub(super) fn is_empty_text(&self) -> bool {
        self.node.and_then(Node::text) == Some("")
    }

    /// Whether it is an object.
    pub(super) fn is_object(&self) -> bool {
        self.node.and_then(Node::map).is_some()
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        self.node.and_then(Node::list).is_some()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, found: &mut Found) -> Option<bool> {
        self.typed("a boolean", Node::flag, found)
    }

    /// A string with characters.
    pub(super) fn filled(&self, found: &mut Found) -> Option<&'n str> {
        self.text(found).filter(|text| !text.is_empty())
    }

    /// Claims the `cidr` of an object, or what lies from one member to another, for `class`; without the latter the
    /// former alone.
    pub(super) fn claim_span(&self, class: Class, start: &str, end: &str, found: &mut Found) {
        let (first, last) = (self.get(start, found), self.get(end, found));
        match (first.filled(found), last.filled(found)) {
            (Some(first), Some(last)) => {
                found.claim_text(class, &format!("{first}-{last}"), Confidence::Live, &self.path);
            }
            (Some(_), None) => first.claim(class, Confidence::Live, found),
            (None, _) => self.get("cidr", found).required(found).claim(class, Confidence::Live, found),
        }
    }

    /// Claims what the string names, for `class`.
    pub(super) fn claim(&self, class: Class, confidence: Confidence, found: &mut Found) {
        if let Some(text) = self.text(found) {
            found.claim_text(class, text, confidence, &self.path);
        }
    }

    /// Claims what each string of the list names, for `class`.
    pub(super) fn claim_each(&self, class: Class, confidence: Confidence, found: &mut Found) {
        for item in self.items(found) {
            item.claim(class, confidence, found);
        }
    }

    /// Notes that it must not be left out, if it is.
    pub(super) fn required(self, found: &mut Found) -> Self {
        if self.node.is_none() {
            found.refuse(self.path.clone(), "it is missing");
        }
        self
    }

    /// The JSON in a string.
    pub(super) fn json(&self, found: &mut Found) -> Option<Node<'n>> {
        let text = self.text(found)?;
        tree::parse(text).map_err(|error| found.refuse(self.path.clone(), error.to_string())).ok()
    }

    /// What `want` names of the YAML document in a string.
    pub(super) fn yaml(&self, want: &'static Want, found: &mut Found) -> Option<Node<'n>> {
        let text = self.text(found)?;
        let seed = tree::pick(want);
        serde_saphyr::with_deserializer_from_str(text, |yaml| seed.deserialize(yaml))
            .map_err(|error| found.refuse(self.path.clone(), format!("not YAML: {}", brief(&error))))
            .ok()
    }

    fn typed<T>(&self, expected: &str, cast: impl Fn(&'n Node<'a>) -> Option<T>, found: &mut Found) -> Option<T> {
        let node = self.node?;
        let value = cast(node);
        if value.is_none() {
            found.refuse(self.path.clone(), format!("it must be {expected}, not {}", node.type_name()));
        }
        value
    }
}

/// The error in one line, without the excerpt of the text.
fn brief(error: &serde_saphyr::Error) -> String {
    error.without_snippet().to_string()
}
