//! The nodes of a text with their places: what both YAML and JSON are read into, and where keys are looked up.

use super::resolve::{self, Tag};
use crate::tree::{Map, Node};
use std::borrow::Cow;

/// The deepest nesting that is read, aliases followed.
pub(super) const MAX_DEPTH: usize = 100;
/// The most values of one file that are read, aliases followed.
pub(super) const MAX_NODES: usize = 2_000_000;
/// The most bytes of text that aliases may add to one file.
pub(super) const MAX_COPIED: usize = 16 << 20;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
    /// A JSON string, number or word.
    Json,
}

/// One node; offsets are bytes in the file.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) shape: Shape<'a>,
}

/// What stands at a spot; numbers are indices of spots.
#[derive(Clone, Debug)]
pub(super) enum Shape<'a> {
    Scalar { text: Cow<'a, str>, style: Style, tag: Tag },
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
    Alias(usize),
}

/// The nodes of one document, or of several JSON values in a row. An alias points to a node that ended before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outline<'a> {
    pub(super) spots: Vec<Spot<'a>>,
    pub(super) roots: Vec<usize>,
}

/// A step from a node to one below it; a key that is a number is also the index of a list, as in a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// How far a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// Where the last key or list item begins; the root's start without any.
    pub(super) key: usize,
    /// The node reached.
    pub(super) spot: usize,
    /// How many steps were taken.
    pub(super) taken: usize,
}

/// What may still be read of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) nodes: usize,
    pub(super) copied: usize,
}

impl Budget {
    pub(super) const fn of_file() -> Self {
        Self { nodes: MAX_NODES, copied: MAX_COPIED }
    }

    /// Pays for a node with `text` bytes of its own; `copied` if an alias led to it.
    pub(super) fn pay(&mut self, text: usize, copied: bool) -> Result<(), String> {
        let nodes = self.nodes.checked_sub(1);
        self.nodes = nodes.ok_or_else(|| format!("The file holds more than {MAX_NODES} values, aliases followed."))?;
        let left = self.copied.checked_sub(if copied { text } else { 0 });
        self.copied =
            left.ok_or_else(|| format!("Aliases copy more than 16 MiB ({MAX_COPIED} bytes) of text in the file."))?;
        Ok(())
    }
}

/// A place that cannot be read, and why.
type Unfit = (usize, String);

impl<'a> Outline<'a> {
    /// Adds a node.
    pub(super) fn push(&mut self, spot: Spot<'a>) -> usize {
        self.spots.push(spot);
        self.spots.len() - 1
    }

    /// The same, without borrowing from the text.
    pub(super) fn into_owned(self) -> Outline<'static> {
        let own = |spot: Spot<'_>| {
            let shape = match spot.shape {
                Shape::Scalar { text, style, tag } => Shape::Scalar { text: Cow::Owned(text.into_owned()), style, tag },
                Shape::List(items) => Shape::List(items),
                Shape::Map(pairs) => Shape::Map(pairs),
                Shape::Alias(target) => Shape::Alias(target),
            };
            Spot { start: spot.start, end: spot.end, shape }
        };
        Outline { spots: self.spots.into_iter().map(own).collect(), roots: self.roots }
    }

    /// The node at `spot`, an alias followed.
    pub(super) fn target(&self, spot: usize) -> Option<&Spot<'a>> {
        let found = self.spots.get(spot)?;
        match found.shape {
            Shape::Alias(target) => self.spots.get(target),
            _ => Some(found),
        }
    }

    fn key(&self, spot: usize) -> Result<Cow<'_, str>, Unfit> {
        let Some(found) = self.target(spot) else { return Ok(Cow::Borrowed("")) };
        match &found.shape {
            Shape::Scalar { text, style, tag } => {
                resolve::key(text, *style == Style::Plain, *tag).map_err(|why| (found.start, format!("{why}.")))
            }
            _ => Err((found.start, "A list or mapping is used as a key.".to_owned())),
        }
    }

    fn is_merge(&self, key: usize) -> bool {
        self.spots.get(key).is_some_and(|spot| match &spot.shape {
            Shape::Scalar { text, style: Style::Plain, tag: Tag::None }
            | Shape::Scalar { text, tag: Tag::Merge, .. } => text == "<<",
            _ => false,
        })
    }

    /// The mappings that `<<` merges, the one that counts most last.
    fn merged(&self, spot: usize) -> Result<Vec<usize>, Unfit> {
        let is_map = |at: &usize| self.target(*at).is_some_and(|spot| matches!(spot.shape, Shape::Map(_)));
        let maps = match self.target(spot).map(|found| &found.shape) {
            Some(Shape::Map(_)) => vec![spot],
            Some(Shape::List(items)) => items.iter().rev().copied().collect(),
            _ => Vec::new(),
        };
        let sound = !maps.is_empty() && maps.iter().all(is_map);
        let at = self.spots.get(spot).map_or(0, |spot| spot.start);
        sound.then_some(maps).ok_or_else(|| (at, "`<<` merges something else than mappings.".to_owned()))
    }

    /// The value at `spot` with aliases and merge keys resolved.
    pub(super) fn node(&self, spot: usize, budget: &mut Budget) -> Result<Node<'static>, Unfit> {
        self.build(spot, 0, false, budget)
    }

    fn build(&self, at: usize, depth: usize, copied: bool, budget: &mut Budget) -> Result<Node<'static>, Unfit> {
        let start = self.spots.get(at).map_or(0, |spot| spot.start);
        let copied = copied || self.spots.get(at).is_some_and(|spot| matches!(spot.shape, Shape::Alias(_)));
        if depth > MAX_DEPTH {
            return Err((start, format!("The document is nested more than {MAX_DEPTH} levels deep.")));
        }
        let Some(spot) = self.target(at) else { return Ok(Node::Null) };
        let bytes = if let Shape::Scalar { text, .. } = &spot.shape { text.len() } else { 0 };
        budget.pay(bytes, copied).map_err(|why| (start, why))?;
        match &spot.shape {
            Shape::Scalar { text, style, tag } => resolve::scalar(text, *style == Style::Plain, *tag)
                .map(Node::into_owned)
                .map_err(|why| (start, format!("{why}."))),
            Shape::List(items) => items
                .iter()
                .map(|item| self.build(*item, depth + 1, copied, budget))
                .collect::<Result<_, _>>()
                .map(Node::List),
            Shape::Map(pairs) => self.map(pairs, depth, copied, budget).map(Node::Map),
            Shape::Alias(_) => Ok(Node::Null),
        }
    }

    /// The members in order; those of a merge stand where the `<<` stands, as for kubectl.
    fn map(
        &self,
        pairs: &[(usize, usize)],
        depth: usize,
        copied: bool,
        budget: &mut Budget,
    ) -> Result<Map<'static>, Unfit> {
        let mut map = Map(Vec::with_capacity(pairs.len()));
        for (key, value) in pairs {
            if self.is_merge(*key) {
                for source in self.merged(*value)? {
                    if let Node::Map(merged) = self.build(source, depth + 1, true, budget)? {
                        map.0.extend(merged.0);
                    }
                }
            } else {
                let key = self.key(*key)?.into_owned();
                budget.pay(key.len(), copied).map_err(|why| (self.spots.get(*value).map_or(0, |v| v.start), why))?;
                map.0.push((Cow::Owned(key), self.build(*value, depth + 1, copied, budget)?));
            }
        }
        Ok(map)
    }

    /// Follows `steps` from the root numbered `root` as far as they lead.
    pub(super) fn follow(&self, root: usize, steps: &[Step]) -> Option<Trail> {
        self.follow_from(*self.roots.get(root)?, steps)
    }

    /// Follows `steps` from a spot as far as they lead.
    pub(super) fn follow_from(&self, spot: usize, steps: &[Step]) -> Option<Trail> {
        let mut trail = Trail { key: self.spots.get(spot)?.start, spot, taken: 0 };
        for step in steps {
            let Some((key, spot)) = self.child(trail.spot, step, 0) else { break };
            let Some(start) = self.spots.get(key).map(|spot| spot.start) else { break };
            trail = Trail { key: start, spot, taken: trail.taken + 1 };
        }
        Some(trail)
    }

    /// The spots of a child's key (an item's own spot) and value; the last of equal keys.
    fn child(&self, parent: usize, step: &Step, depth: usize) -> Option<(usize, usize)> {
        match (&self.target(parent)?.shape, step) {
            (Shape::List(items), Step::Index(index)) => items.get(*index).map(|item| (*item, *item)),
            (Shape::List(items), Step::Key(index)) => {
                items.get(index.parse::<usize>().ok()?).map(|item| (*item, *item))
            }
            (Shape::Map(pairs), Step::Key(name)) if depth <= MAX_DEPTH => {
                pairs.iter().rev().find_map(|(key, value)| {
                    if self.is_merge(*key) {
                        let sources = self.merged(*value).unwrap_or_default();
                        return sources.into_iter().rev().find_map(|map| self.child(map, step, depth + 1));
                    }
                    self.key(*key).is_ok_and(|found| found == *name).then_some((*key, *value))
                })
            }
            _ => None,
        }
    }

    /// The keys below `spot` that stand twice in one mapping: offset of the later one, and the key.
    pub(super) fn repeated(&self, spot: usize) -> Vec<(usize, String)> {
        let (mut found, mut open) = (Vec::new(), vec![spot]);
        while let Some(spot) = open.pop() {
            match self.spots.get(spot).map(|spot| &spot.shape) {
                Some(Shape::List(items)) => open.extend(items),
                Some(Shape::Map(pairs)) => {
                    let mut seen = std::collections::HashSet::new();
                    for (key, value) in pairs {
                        open.push(*value);
                        let Ok(name) = self.key(*key) else { continue };
                        if let Some(spot) = self.spots.get(*key).filter(|_| !seen.insert(name.clone())) {
                            found.push((spot.start, name.into_owned()));
                        }
                    }
                }
                _ => {}
            }
        }
        found.sort();
        found
    }
}
