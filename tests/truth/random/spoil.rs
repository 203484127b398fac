//! What people and generators get wrong in a text: case of keys, duplicates, types, null, things that lack.

use super::draw::Draw;
use super::text::{Node, Text};

/// Keys that no plugin of ours knows, and some that one of them does.
const STRAY: [(&str, &str); 14] = [
    ("comment", "\"\""),
    ("vlan", "0"),
    ("mtu", "1400"),
    ("args", "{}"),
    ("args", "null"),
    ("ipam", "{}"),
    ("routes", "[]"),
    ("routes", "[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.200.5.1\"}]"),
    ("addresses", "null"),
    ("capabilities", "{\"ips\":true}"),
    ("runtimeConfig", "{}"),
    ("gateway", "\"10.200.5.1\""),
    ("prevResult", "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.9.9.9/24\"}]}"),
    ("dns", "{\"nameservers\":[\"10.96.0.10\"]}"),
];

const WRONG: [&str; 16] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "1e2",
    "4294967297",
    "\"\"",
    "\"0\"",
    "\"true\"",
    "[]",
    "{}",
    "[null]",
    "[{}]",
];

/// Spoils a text in one place.
pub fn once(text: &mut Text, draw: &mut Draw) {
    if draw.chance(4) {
        text.tail = draw.of(&[" ", "\\n", "}", ",", " {}", " null"]).replace("\\n", "\n");
        return;
    }
    let place = draw.below(text.root.count());
    // What is wrong with keys is the least visible to people, and to us.
    let keys = draw.chance(40);
    let is_object = |place: &usize| matches!(text.root.clone().at(*place), Some(Node::Object(_)));
    let place = (0..=place).rev().find(|place| !keys || is_object(place)).unwrap_or(0);
    let node = text.root.at(place).unwrap();
    match node {
        Node::Object(pairs) => object(pairs, draw),
        Node::List(items) => list(items, draw),
        Node::Token(token) => *token = value(token, draw),
    }
}

fn object(pairs: &mut Vec<(String, Node)>, draw: &mut Draw) {
    let at = draw.below(pairs.len());
    match draw.below(10) {
        _ if pairs.is_empty() => pairs.push(stray(draw)),
        0 => drop(pairs.remove(at)),
        1 => pairs.push(stray(draw)),
        2 => pairs.insert(0, stray(draw)),
        3 => pairs.swap(at, 0),
        4 => pairs[at].1 = Node::Token(draw.of(&WRONG).to_owned()),
        5..=7 => pairs[at].0 = respelt(&pairs[at].0.clone(), draw),
        kind => {
            // A second one of the same name, or of one that some readers take for the same.
            let (key, mut again) = pairs[at].clone();
            let other = draw.below(again.count());
            if let Some(Node::Token(token)) = again.at(other) {
                *token = value(token, draw);
            }
            let key = if kind == 8 { key } else { respelt(&key, draw) };
            let place = draw.below(pairs.len() + 1);
            pairs.insert(place, (key, if draw.chance(30) { Node::Token(draw.of(&WRONG).to_owned()) } else { again }));
        }
    }
}

fn stray(draw: &mut Draw) -> (String, Node) {
    let (key, value) = draw.of(&STRAY);
    (key.to_owned(), Node::Token(value.to_owned()))
}

fn list(items: &mut Vec<Node>, draw: &mut Draw) {
    let at = draw.below(items.len());
    match draw.below(5) {
        _ if items.is_empty() => items.push(Node::Token(draw.of(&WRONG).to_owned())),
        0 => drop(items.remove(at)),
        1 => items.push(items[at].clone()),
        2 => items.swap(at, 0),
        3 => items.insert(at, Node::Token(draw.of(&WRONG).to_owned())),
        _ => items[at] = Node::List(vec![items[at].clone()]),
    }
}

/// Another case, letters that fold to others, an escape, or a letter too many.
fn respelt(key: &str, draw: &mut Draw) -> String {
    let at = draw.below(key.len());
    let one = |change: fn(char) -> char| {
        key.chars().enumerate().map(|(place, c)| if place == at { change(c) } else { c }).collect::<String>()
    };
    match draw.below(8) {
        0 | 1 => key.to_uppercase(),
        2 => key.replace('s', "\u{17f}").replace('k', "\u{212a}"),
        3 => key
            .chars()
            .next()
            .map_or(String::new(), |first| format!("\\u{:04x}{}", first as u32, &key[first.len_utf8()..])),
        4 => format!("{key}s"),
        5 => one(|c| if c == '_' { '-' } else { '_' }),
        _ => one(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }),
    }
}

fn value(token: &str, draw: &mut Draw) -> String {
    let inner = token.trim_matches('"');
    match draw.below(10) {
        0 => draw.of(&WRONG).to_owned(),
        1 if token.starts_with('"') => inner.to_owned().parse::<i64>().map_or("null".to_owned(), |n| n.to_string()),
        1 => format!("\"{token}\""),
        2 => format!("\" {inner}\""),
        3 => format!("\"{inner} \""),
        4 if inner.contains('.') => format!("\"::ffff:{}\"", inner.split('/').next().unwrap()),
        5 if inner.contains('/') => format!("\"{}\"", inner.replace('/', "/0")),
        6 if inner.contains('/') => format!("\"{}\"", inner.split('/').next().unwrap()),
        7 if inner.contains('.') => format!("\"{}\"", inner.replace(".5.", ".05.").replace(".0.", ".00.")),
        8 => format!("\"{}\"", inner.to_uppercase()),
        9 if inner.contains(':') => format!("\"{}\"", inner.replace("::", ":0:0:")),
        _ if token.parse::<i64>().is_ok() => draw.of(&["0", "-1", "1e3", "1.0", "99999999999", "\"7\""]).to_owned(),
        _ => format!("\"{}\"", &inner[..inner.char_indices().last().map_or(0, |(at, _)| at)]),
    }
}
