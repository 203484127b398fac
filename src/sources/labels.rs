//! The labels of a node in few bytes, for there are some 200 on each node that KubeVirt runs on.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels by domain (what stands before the `/`), so that nodes of one model can share what is said of their CPU; see
/// [`super::shared::Shared`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[Arc<Group>]>);

/// The labels of one domain, by key; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group(Box<[Arc<Label>]>);

/// Key and value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Label {
    text: Box<str>,
    /// Where the value begins.
    value: usize,
}

impl Labels {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let group = self.0.binary_search_by(|group| group.domain().cmp(domain(key))).ok()?;
        let labels = &self.0[group].0;
        let at = labels.binary_search_by(|label| label.key().cmp(key)).ok()?;
        Some(labels[at].value())
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|group| &group.0).map(|label| (label.key(), label.value()))
    }

    pub(crate) fn groups_mut(&mut self) -> &mut [Arc<Group>] {
        &mut self.0
    }
}

/// Of two values for one key the last one stands, as in a JSON object that Go reads.
impl<'t> FromIterator<(&'t str, &'t str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'t str, &'t str)>>(pairs: I) -> Self {
        let mut domains = BTreeMap::<&str, BTreeMap<&str, &str>>::new();
        for (key, value) in pairs {
            domains.entry(domain(key)).or_default().insert(key, value);
        }
        let group = |pairs: BTreeMap<_, _>| Arc::new(Group(pairs.into_iter().map(Label::of).collect()));
        Self(domains.into_values().map(group).collect())
    }
}

impl Group {
    fn domain(&self) -> &str {
        self.0.first().map_or("", |label| domain(label.key()))
    }

    pub(crate) fn labels_mut(&mut self) -> &mut [Arc<Label>] {
        &mut self.0
    }
}

impl Label {
    fn of((key, value): (&str, &str)) -> Arc<Self> {
        Arc::new(Self { text: [key, value].concat().into(), value: key.len() })
    }

    fn key(&self) -> &str {
        &self.text[..self.value]
    }

    fn value(&self) -> &str {
        &self.text[self.value..]
    }
}

fn domain(key: &str) -> &str {
    key.split_once('/').map_or("", |(domain, _)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_whatever_their_domain() {
        let pairs = [("a/x", "1"), ("a", "2"), ("a.b/x", "3"), ("a-b/x", "4"), ("", "5"), ("a/w", "6"), ("a/x/y", "7")];
        let labels: Labels = pairs.into_iter().collect();
        for (key, value) in pairs {
            assert_eq!(labels.get(key), Some(value), "{key}");
        }
        assert_eq!(["b", "a/", "a/y", "a.b", "/x"].map(|key| labels.get(key)), [None; 5]);
        assert_eq!(labels.iter().count(), pairs.len());
        assert_eq!([("k", "old"), ("k", "new")].into_iter().collect::<Labels>().get("k"), Some("new"));
        assert_eq!(Labels::default().get("a"), None);
    }
}
