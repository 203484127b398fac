//! Each source's own objects, in tests/sources: one file a source, with what it learns of each in comments before it.

use super::super::testing;
use super::*;
use std::fs;
use std::path::PathBuf;

/// An object of a file, and what it is said to say: `#= ` a claim, `#! ` the path of a field that cannot be read.
struct Fixture {
    source: &'static Source,
    yaml: String,
    expected: Vec<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sources")
}

fn fixtures() -> Vec<Fixture> {
    let read = |source: &&'static Source| {
        let text = fs::read_to_string(folder().join(format!("{}.yaml", source.name))).expect(source.name);
        let documents: Vec<_> = text.split("---\n").map(str::to_owned).collect();
        let fixture = |yaml: String| {
            let said = yaml.lines().filter(|line| line.starts_with("#= ") || line.starts_with("#! "));
            Fixture { source, expected: said.map(str::to_owned).collect(), yaml }
        };
        documents.into_iter().map(fixture).collect::<Vec<_>>()
    };
    SOURCES.iter().flat_map(read).collect()
}

fn learnt(source: &'static Source, node: &Node<'_>) -> Vec<String> {
    let found = learn(source, node, None);
    let claims = found.claims.iter().map(|claim| format!("#= {}", testing::claim(claim)));
    claims.chain(found.bad.iter().map(|(path, _)| format!("#! {path}"))).collect()
}

#[test]
fn every_fixture_says_what_stands_before_it() {
    for Fixture { source, yaml, expected } in fixtures() {
        let node = tree_of(&yaml);
        let text = |keys: &[&str]| node.text_at(keys);
        let (api, kind) = (text(&["apiVersion"]).unwrap(), text(&["kind"]).unwrap());
        let name = text(&["metadata", "name"]).unwrap();
        assert!(source.reads_object(api, kind, text(&["metadata", "namespace"]), name), "{}: {yaml}", source.name);
        let learnt = learnt(source, &node);
        assert_eq!(learnt, expected, "{}: should be\n{}\nof\n{yaml}", source.name, learnt.join("\n"));
    }
}

#[test]
fn every_file_is_a_source_s() {
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(named(name.strip_suffix(".yaml").unwrap()).is_some(), "{name}");
    }
}

/// The tree with the value at each place in turn put in another's place; what names the object stays.
fn replaced(node: &Node<'static>, by: &Node<'static>) -> Vec<Node<'static>> {
    let with = |children: Vec<Node<'static>>, at: usize, child: Node<'static>| {
        let mut children = children;
        children[at] = child;
        children
    };
    let mut all = vec![by.clone()];
    match node {
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                all.extend(replaced(item, by).into_iter().map(|child| Node::List(with(items.clone(), at, child))));
            }
        }
        Node::Map(map) => {
            for (at, (key, value)) in map.0.iter().enumerate() {
                if matches!(key.as_ref(), "apiVersion" | "kind" | "name" | "namespace") {
                    continue;
                }
                all.extend(replaced(value, by).into_iter().map(|child| {
                    let mut changed = map.clone();
                    changed.0[at].1 = child;
                    Node::Map(changed)
                }));
            }
        }
        _ => {}
    }
    all
}

/// Where a value of another type stands, it is noted, unless nobody reads it: never is less claimed without a word.
#[test]
fn a_wrong_type_anywhere_is_noted() {
    let texts = ["3", "[[]]", r#"{"x":{}}"#, "true", r#""x""#];
    let mut wrong = 0;
    for by in texts.map(|text| tree::parse(text).unwrap().into_owned()) {
        for Fixture { source, yaml, .. } in fixtures() {
            let node = tree_of(&yaml);
            let before = learn(source, &node, None);
            for changed in replaced(&node, &by) {
                let after = learn(source, &changed, None);
                let kept = before.claims.iter().all(|claim| after.claims.iter().any(|c| c.interval == claim.interval));
                let silent = after.bad.is_empty() && !kept;
                let text = matches!(by, Node::Text(_));
                assert!(!silent || text || changed == by, "{}: {changed:?}", source.name);
                wrong += usize::from(!after.bad.is_empty());
            }
        }
    }
    assert!(wrong > 1000, "{wrong}");
}
