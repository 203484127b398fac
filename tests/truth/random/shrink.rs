//! The smallest text that still differs in the same way.

use super::text::{Node, Text};

/// Texts smaller than this one by one step, the largest steps first.
pub fn smaller(text: &Text) -> Vec<Text> {
    let mut out = Vec::new();
    if !text.tail.is_empty() {
        out.push(Text { tail: String::new(), ..text.clone() });
    }
    let mut removals: Vec<(usize, Text)> = Vec::new();
    for place in 0..text.root.count() {
        for child in 0..children(&mut text.root.clone(), place) {
            let mut less = text.clone();
            let size = less.root.at(place).map_or(0, |node| remove(node, child));
            removals.push((size, less));
        }
    }
    removals.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    out.extend(removals.into_iter().map(|(_, less)| less));
    for place in 1..text.root.count() {
        let mut plainer = text.clone();
        if plainer.root.at(place).is_some_and(simplify) {
            out.push(plainer);
        }
    }
    out
}

fn children(root: &mut Node, place: usize) -> usize {
    match root.at(place) {
        Some(Node::List(items)) => items.len(),
        Some(Node::Object(pairs)) => pairs.len(),
        _ => 0,
    }
}

/// Removes a child; how large it was.
fn remove(node: &mut Node, child: usize) -> usize {
    match node {
        Node::List(items) => items.remove(child).count(),
        Node::Object(pairs) => pairs.remove(child).1.count(),
        Node::Token(_) => 0,
    }
}

/// A usual value for an unusual one of its kind.
fn simplify(node: &mut Node) -> bool {
    let Node::Token(token) = node else { return false };
    let inner = token.trim_matches('"');
    let plain = match inner.split_once('/') {
        Some(_) if inner.contains(':') => "\"fd00:77::9/64\"",
        Some(_) => "\"10.200.5.9/24\"",
        None if inner.parse::<i64>().is_ok() => "1",
        None if inner.parse::<std::net::Ipv6Addr>().is_ok() => "\"fd00:77::1\"",
        None if inner.parse::<std::net::Ipv4Addr>().is_ok() => "\"10.200.5.1\"",
        None => return false,
    };
    let changes = token != plain;
    plain.clone_into(token);
    changes
}
