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
    let mut wrong = Vec::new();
    for Fixture { source, yaml, expected } in fixtures() {
        let node = tree_of(&yaml, &Want::All);
        let text = |keys: &[&str]| node.text_at(keys);
        let (api, kind) = (text(&["apiVersion"]).unwrap(), text(&["kind"]).unwrap());
        let name = text(&["metadata", "name"]).unwrap();
        assert!(source.reads_object(api, kind, text(&["metadata", "namespace"]), name), "{}: {yaml}", source.name);
        // Also of the part that is wanted.
        all_found(&yaml);
        let learnt = learnt(source, &node);
        if learnt != expected {
            wrong.push(format!("{}: before\n{yaml}should stand\n{}\n", source.name, learnt.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_a_source_s() {
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(named(name.strip_suffix(".yaml").unwrap()).is_some(), "{name}");
    }
}

/// The tree with the value of another type at each place in turn; what names the object stays.
fn replaced(node: &Node<'static>, by: &Node<'static>) -> Vec<Node<'static>> {
    let mut all: Vec<_> = std::iter::once(by.clone()).filter(|by| by.type_name() != node.type_name()).collect();
    let named = |key: &str| matches!(key, "apiVersion" | "kind" | "name" | "namespace");
    match node {
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                let with = |child| Node::List([&items[..at], &[child], &items[at + 1..]].concat());
                all.extend(replaced(item, by).into_iter().map(with));
            }
        }
        Node::Map(map) => {
            for (at, (_, value)) in map.0.iter().enumerate().filter(|(_, (key, _))| !named(key)) {
                let with = |child| {
                    let mut changed = map.clone();
                    changed.0[at].1 = child;
                    Node::Map(changed)
                };
                all.extend(replaced(value, by).into_iter().map(with));
            }
        }
        _ => {}
    }
    all
}

/// Where a value of another type stands, it is noted, unless nobody reads it: never is less claimed without a word.
#[test]
fn a_wrong_type_anywhere_is_noted() {
    let (mut noted, mut silent) = (0, BTreeSet::new());
    for by in ["3", "[[]]", r#"{"x":{}}"#, "true", r#""x""#].map(|text| tree::parse(text).unwrap().into_owned()) {
        for Fixture { source, yaml, .. } in fixtures() {
            let node = tree_of(&yaml, &Want::All);
            let before = learn(source, &node, None);
            for changed in replaced(&node, &by) {
                let after = learn(source, &changed, None);
                let kept = before.claims.iter().all(|claim| after.claims.iter().any(|c| c.interval == claim.interval));
                if after.bad.is_empty() && !kept {
                    silent.insert(format!("{}: {changed:?}", source.name));
                }
                noted += usize::from(!after.bad.is_empty());
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
    assert!(noted > 1000, "{noted}");
}
