//! Whatever the bytes, nothing panics; whatever the JSON and the style, a pointer finds its key.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Text of the characters that mean something to YAML, JSON or templates.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\r\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "&x ",
        "*x",
        "<<: ",
        "---\n",
        "...\n",
        "\t",
        "é",
        "\u{feff}",
        "\\u00e9",
        "\\",
        "{{",
        "}}",
        "${A}",
        "_p_",
        "kind: List\nitems:\n",
        "apiVersion: k8s.cni.cncf.io/v1\n",
        "kind: NetworkAttachmentDefinition\n",
        "metadata: {name: a}\n",
        "%YAML 1.2\n",
        "!!int ",
        "? ",
        "# c\n",
        ", ",
        ": ",
        "0x1",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Text with what folding and escapes turn on.
fn folded() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "bé",
        " ",
        "  ",
        "\t",
        "\n",
        "\n",
        "\r\n",
        "\n ",
        "\\n",
        "\\\n",
        "\\\"",
        "\\x41",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\ ",
        "''",
        "\\/",
        "#",
        "x: y",
        "\\N",
    ]);
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn probe(bytes: Vec<u8>) {
    let manifests =
        Manifests::read(vec![Input { name: "kustomization.yaml".into(), bytes, explicit: true }], Some("n"));
    for document in &manifests.documents {
        for path in ["", "kind", "metadata.name", "spec.config", "a[0].b", "b.b"] {
            for pointer in [None, Some(""), Some("/a"), Some("/0/b"), Some("x")] {
                let place = manifests.place(document.id, path, pointer);
                assert!(place.line > 0 && place.column > 0);
            }
            manifests.place_in_text(document.id, path, 2, 3);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        probe(bytes);
    }

    #[test]
    fn no_text_panics(text in hostile()) {
        probe(text.into_bytes());
    }

    #[test]
    fn no_value_of_a_nad_panics(text in hostile()) {
        probe(format!("apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nspec:\n  config: {text}").into_bytes());
    }

    /// What is decoded for places is what the parser read, in every style.
    #[test]
    fn scalars_are_decoded_as_they_were_parsed(text in folded(), style in prop::sample::select(&["|", ">", "|-", ">+", "|2", ">1-", "\"", "'", ""])) {
        let quote = if matches!(style, "\"" | "'") { style } else { "" };
        let block = if quote.is_empty() && !style.is_empty() { "\n     " } else { "" };
        let source = format!("a:\n  k: {style}{block}{}{quote}\n  z: 1\n", text.replace('\n', "\n     "));
        if let Ok(outline) = yaml::outline(&source, 0) {
            for spot in outline.spots.iter().filter(|spot| matches!(spot.shape, outline::Shape::Scalar { .. }) && spot.end > spot.start) {
                prop_assert!(locate::decoded(&source, spot).is_some(), "{spot:?} of {source:?}");
            }
        }
    }

    /// Every key of the JSON stands once in it, so the source from the place on must begin with that key.
    #[test]
    fn a_pointer_finds_its_key_in_every_style(shape in shape(), style in 0..STYLES, pretty in any::<bool>(), crlf in any::<bool>()) {
        let mut keys = Vec::new();
        let value = named(&shape, "", &mut keys);
        let config = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let text = format!("kind: X\nmetadata: {{name: x}}\nspec:\n  config: {}\n  last: 1\n", written(&config, style));
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let manifests = one(&text);
        prop_assert_eq!(unreadable(&manifests), Vec::<String>::new(), "{}", text);
        let lines: Vec<_> = text.lines().collect();
        for (pointer, key) in keys {
            let place = manifests.place(0, "spec.config", Some(&pointer));
            let rest: String = lines[place.line - 1].chars().skip(place.column - 1).collect();
            let quote = if matches!(style, DOUBLE | FOLDED_DOUBLE) { "\\\"" } else { "\"" };
            let shown = key.replace('\'', if style == SINGLE { "''" } else { "'" });
            prop_assert!(rest.starts_with(&format!("{quote}{shown}")), "{pointer} at {place:?} of\n{text}");
        }
    }
}

/// Nested lists say how many members each object has.
#[derive(Clone, Debug)]
enum Shape {
    Leaf(String),
    List(Vec<Shape>),
    Object(Vec<Shape>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = "[ a-zé'\"#:\\\\\u{1F600}-]{0,12}".prop_map(Shape::Leaf);
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        let several = prop::collection::vec(inner, 0..4);
        prop_oneof![several.clone().prop_map(Shape::List), several.prop_map(Shape::Object)]
    });
    prop::collection::vec(tree, 1..4).prop_map(Shape::Object)
}

/// The JSON of a shape, with a key of its own for each member; `keys` gets their pointers.
fn named(shape: &Shape, pointer: &str, keys: &mut Vec<(String, String)>) -> Value {
    match shape {
        Shape::Leaf(text) => json!(text),
        Shape::List(items) => {
            items.iter().enumerate().map(|(at, item)| named(item, &format!("{pointer}/{at}"), keys)).collect()
        }
        Shape::Object(members) => {
            let mut map = Map::new();
            for member in members {
                let key = format!("ké'{}", keys.len());
                let below = format!("{pointer}/{key}");
                keys.push((below.clone(), key.clone()));
                map.insert(key, named(member, &below, keys));
            }
            Value::Object(map)
        }
    }
}

const STYLES: usize = 11;
const SINGLE: usize = 8;
const DOUBLE: usize = 9;
const FOLDED_DOUBLE: usize = 10;

/// JSON as a YAML scalar below a key indented by two.
fn written(json: &str, style: usize) -> String {
    let block = |header: &str, indent: usize| {
        let lines: Vec<_> = json.lines().map(|line| format!("{}{line}", " ".repeat(indent))).collect();
        format!("{header}\n{}", lines.join("\n"))
    };
    match style {
        0 => block("|", 4),
        1 => block("|-", 3),
        2 => block("|+", 4) + "\n\n",
        3 => block("|2", 4),
        4 => block("|4-  # c", 6),
        5 => block(">", 4),
        6 => block(">-", 5),
        7 => block("&x >+2", 4) + "\n",
        SINGLE => format!("'{}'", json.replace('\'', "''").replace('\n', "\n    ")),
        DOUBLE => format!("\"{}\"", json.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
        _ => format!("\"{}\"", json.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\n    ")),
    }
}
