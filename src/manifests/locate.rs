//! From a path in a document, and a pointer into JSON inside it, to an offset in the file.

use super::json;
use super::outline::{Outline, Shape, Spot, Step};
use super::scalar::{self, Decoded};
use crate::tree::Node;

/// The steps of a dotted path, `spec.plugins[0].x`, as far as the document has them, and whether it has them all.
///
/// A key may hold dots itself (`metadata.annotations.k8s.v1.cni.cncf.io/networks`): the longest key that fits counts.
pub(super) fn steps(node: &Node<'_>, path: &str) -> (Vec<Step>, bool) {
    let (mut steps, mut node, mut rest) = (Vec::new(), node, path);
    while !rest.is_empty() {
        let Some((step, child, after)) = next(node, rest) else { return (steps, false) };
        steps.push(step);
        (node, rest) = (child, after);
    }
    (steps, true)
}

/// The first step of `path`, where it leads, and what is left of the path.
fn next<'n, 'p>(node: &'n Node<'n>, path: &'p str) -> Option<(Step, &'n Node<'n>, &'p str)> {
    match node {
        Node::List(items) => {
            let (index, after) = path.strip_prefix('[')?.split_once(']')?;
            let index = index.parse().ok()?;
            Some((Step::Index(index), items.get(index)?, after))
        }
        Node::Map(map) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            let fitting = map.iter().filter_map(|(key, _)| Some((key, after_key(path, key)?)));
            let (key, after) = fitting.max_by_key(|(key, _)| key.len())?;
            Some((Step::Key(key.to_owned()), map.get(key)?, after))
        }
        _ => None,
    }
}

/// What is left of `path` after the key: bare, or in brackets and quotes.
fn after_key<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let quoted = |quote: &str| {
        path.strip_prefix('[')?.strip_prefix(quote)?.strip_prefix(key)?.strip_prefix(quote)?.strip_prefix(']')
    };
    let bare = || path.strip_prefix(key).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    let bracketed = || path.strip_prefix('[')?.strip_prefix(key)?.strip_prefix(']');
    bare().or_else(bracketed).or_else(|| quoted("\"")).or_else(|| quoted("'"))
}

/// The tokens of an RFC 6901 pointer.
fn tokens(pointer: &str) -> Vec<Step> {
    let parts = pointer.split('/').skip(1);
    parts.map(|part| Step::Key(part.replace("~1", "/").replace("~0", "~"))).collect()
}

/// The JSON text of a scalar, outlined, with the places of its characters.
#[derive(Debug)]
pub(super) struct Inner {
    outline: Outline<'static>,
    decoded: Option<Decoded>,
    /// Where the scalar begins.
    start: usize,
}

impl Inner {
    /// Of the scalar at `spot`; `None` if there is none.
    pub(super) fn of(source: &str, outline: &Outline<'_>, spot: usize) -> Option<Self> {
        let (spot, text) = scalar_at(outline, spot)?;
        Some(Self { outline: json::outline(text, 0).into_owned(), decoded: decoded(source, spot), start: spot.start })
    }

    /// Where the key that `pointer` names stands, or its nearest parent that exists.
    pub(super) fn place(&self, pointer: &str) -> Option<usize> {
        let trail = self.outline.follow(0, &tokens(pointer)).filter(|trail| trail.taken > 0)?;
        Some(self.decoded.as_ref().map_or(self.start, |decoded| decoded.source(trail.key)))
    }
}

/// Where the key that `pointer` names stands below a `spot` that is no scalar, or its nearest parent that exists; `None`
/// is the node at `spot` itself.
pub(super) fn below(outline: &Outline<'_>, spot: usize, pointer: &str) -> Option<usize> {
    outline.follow_from(spot, &tokens(pointer)).filter(|trail| trail.taken > 0).map(|trail| trail.key)
}

/// Where a line and column (1-based, the column in bytes) of the text of the scalar at `spot` stand in the source.
pub(super) fn in_text(source: &str, outline: &Outline<'_>, spot: usize, line: usize, column: usize) -> Option<usize> {
    let (_, text) = scalar_at(outline, spot)?;
    in_scalar(source, outline, spot, json::offset(text, line, column))
}

/// Where byte `inner` of the text of the scalar at `spot` stands in the source.
pub(super) fn in_scalar(source: &str, outline: &Outline<'_>, spot: usize, inner: usize) -> Option<usize> {
    let (spot, _) = scalar_at(outline, spot)?;
    Some(decoded(source, spot).map_or(spot.start, |decoded| decoded.source(inner)))
}

fn scalar_at<'o>(outline: &'o Outline<'_>, spot: usize) -> Option<(&'o Spot<'o>, &'o str)> {
    let spot = outline.target(spot)?;
    match &spot.shape {
        Shape::Scalar { text, .. } => Some((spot, text)),
        _ => None,
    }
}

/// The characters of a scalar with their places, if they make up the value that the parser read.
pub(super) fn decoded(source: &str, spot: &Spot<'_>) -> Option<Decoded> {
    let Shape::Scalar { text, style, .. } = &spot.shape else { return None };
    let decoded = scalar::decode(source, spot.start..spot.end, *style);
    // Trailing line feeds may be fewer (chomped) or one more (added at the end of the file) in the parser's value.
    let cut = |text: &str| text.trim_end_matches('\n').len();
    let same = decoded.text == **text || decoded.text.get(..cut(&decoded.text)) == text.get(..cut(text));
    same.then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    #[test]
    fn paths_take_the_longest_key_and_stop_where_the_document_stops() {
        let node = parse(r#"{"a":{"b":1,"b.c/d":[{"e":null}]},"x":{"":1}}"#).unwrap();
        let key = |key: &str| Step::Key(key.into());
        for (path, expected, whole) in [
            ("", vec![], true),
            ("a.b", vec![key("a"), key("b")], true),
            ("a.b.c/d[0].e", vec![key("a"), key("b.c/d"), Step::Index(0), key("e")], true),
            ("a[b.c/d][0]", vec![key("a"), key("b.c/d"), Step::Index(0)], true),
            ("a[\"b.c/d\"][0]", vec![key("a"), key("b.c/d"), Step::Index(0)], true),
            ("a['b']", vec![key("a"), key("b")], true),
            ("a.b.c", vec![key("a"), key("b")], false),
            ("a.bc", vec![key("a")], false),
            ("a.b.c/d[1].e", vec![key("a"), key("b.c/d")], false),
            ("a.b.c/d[x", vec![key("a"), key("b.c/d")], false),
            ("z", vec![], false),
        ] {
            assert_eq!(steps(&node, path), (expected, whole), "{path}");
        }
    }
}
