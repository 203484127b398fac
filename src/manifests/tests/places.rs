//! Line and column of keys, for every way to write them.

use super::*;

const HEAD: &str = "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nmetadata: {name: mig}\nspec:\n";

/// The text without its marks `«`, and the place of each as `line:column`.
fn marked(text: &str) -> (String, Vec<String>) {
    let (mut places, mut line, mut column) = (Vec::new(), 1, 1);
    for character in text.chars() {
        match character {
            '«' => places.push(format!("{line}:{column}")),
            '\n' => (line, column) = (line + 1, 1),
            _ => column += 1,
        }
    }
    (text.replace('«', ""), places)
}

/// The marks stand before the key `/ipam/range` and the item `/l/1`.
#[test]
fn json_in_a_scalar_of_every_style() {
    for spec in [
        "  config: |\n    {\"ipam\":\n      {«\"range\": 1},\n    \"l\": [1, «2]}\n",
        "  config: |-\n    {\"ipam\":{ «\"range\" :1},\n\n\n     \"l\":[1 , «2 ]}",
        "  config: |+\n\n\n    {\"ipam\":{«\"range\":1},\n     \"l\":[1,«2]}\n\n",
        "  config: |2  # c\n      {\"ipam\":{«\"range\":1},\n    \"l\":[1,«2]}\n",
        "  config: |-3\n     {\"ipam\":{«\"range\":1},\n     \"l\":[1,«2]}\n",
        "  config: |\n    {\"ipam\":{«\"range\":1},\n  \n     \n    \"l\":[1,«2]}\n  # c\n",
        "  config: >\n    {\"ipam\":\n    {«\"range\":1},\n    \"l\":[1,\n    «2]}\n",
        "  config: >-\n    {\"ipam\":\n\n      {«\"range\":1},\n\n\n    \"l\":[1,«2]}\n",
        "  config: >\n    {\"ipam\":\n    \t{«\"range\":1},\n    \t\"é\":3,\n\n    \"l\":[1,«2]}\n",
        "  config: >+1\n    {\"ipam\":{«\"range\":1},\n   \"l\":[1,«2]}\n\n",
        "  config:\n    '{\"ipam\":\n      {\"it''s\":\"''\",«\"range\":1},\n\n      \"l\":[1,«2]}'\n",
        "  config: '{\"a\":\"it''s\",\"ipam\":{  «\"range\":1},\"l\":[1,«2]}'\n",
        "  config: '  {\"ipam\":{«\"range\":1} \n \n ,\"l\":[1,«2]} '\n",
        "  config: \"{\\\"ipam\\\":{«\\\"range\\\":1},\\\"l\\\":[1,«2]}\"\n",
        "  config: \"{\\\"é\\\":\\\"\\x41\\u00e9\\U0001F600\\\\t\\\",\\\"ipam\\\":\n  {«\\\"range\\\":1},\\\n  \\\n  \\\"l\\\":[1,\\\n   «2]}\"\n",
        "  config: \"\\x7b\\\"\\u0069pam\\\":{«\\\"\\u0072ange\\\":1}, \n\n \n  \\\"l\\\":[1,«2]}\"\n",
        "  config: {\"ipam\": {«\"range\": 1}, \"l\": [1, «2]}\n",
        "  config:\n    ipam:\n      «range: 1\n    l:\n    - 1\n    - «2\n",
        "  config: &c |\n    {\"ipam\":{«\"range\":1},\"l\":[1,«2]}\n",
        "  config: !!str '{\"ipam\":{«\"range\":1},\"l\":[1,«2]}'\n",
        "  other: &x '{\"ipam\":{«\"range\":1},\"l\":[1,«2]}'\n  config: *x\n",
        "  ? config\n  : |\n   {\"ipam\":{«\"range\":1},\"l\":[1,«2]}\n",
    ] {
        let (text, expected) = marked(&format!("{HEAD}{spec}"));
        for text in [text.replace('\n', "\r\n"), text] {
            let manifests = one(&text);
            assert_eq!(unreadable(&manifests), Vec::<String>::new(), "{text}");
            let found = ["/ipam/range", "/l/1"].map(|pointer| at(&manifests, "spec.config", Some(pointer)));
            assert_eq!(found.as_slice(), expected, "{text:?}");
        }
    }
}

#[test]
fn a_plain_scalar_may_go_over_several_lines() {
    let manifests = one(&format!("{HEAD}  config: [1,\n    2]\n  x: one\n    twö three\n\n    four\n"));
    let places = [(1, 1), (1, 5), (1, 10), (2, 1), (9, 9)].map(|(line, column)| {
        let place = manifests.place_in_text(0, "spec.x", line, column);
        (place.line, place.column)
    });
    assert_eq!(manifests.documents[0].node.text_at(&["spec", "x"]), Some("one twö three\nfour"));
    assert_eq!(places, [(7, 6), (8, 5), (8, 9), (10, 5), (10, 9)]);
}

#[test]
fn keys_of_the_document_itself() {
    let text = "# c\n---\napiVersion: kubevirt.io/v1\n\"kind\": KubeVirt\nmetadata:\n  name: kv\n  annotations:\n    a.b/c: x\n\
                spec:\n  configuration: {migrations: {network: mig}}\n  l:\n  - a\n  -  b: 1\n     c: 2\n  é: {ü: 1, x: 2}\n";
    let manifests = one(text);
    for (path, expected) in [
        ("", "3:1"),
        ("kind", "4:1"),
        ("metadata.name", "6:3"),
        ("metadata.annotations.a.b/c", "8:5"),
        ("spec.configuration.migrations.network", "10:32"),
        ("spec.configuration.migrations.disableTLS", "10:19"),
        ("spec.l[0]", "12:5"),
        ("spec.l[1]", "13:6"),
        ("spec.l[1].c", "14:6"),
        ("spec.l[7].c", "11:3"),
        ("spec.é.x", "15:13"),
        ("nothing.at.all", "3:1"),
    ] {
        assert_eq!(at(&manifests, path, None), expected, "{path}");
    }
}

#[test]
fn what_does_not_exist_stands_where_its_parent_does() {
    let manifests = one(&format!("{HEAD}  config: '{{\"a/b\":{{\"~\":1}},\"l\":[[]]}}'\n"));
    for (pointer, expected) in [
        ("", "5:3"),
        ("/x", "5:3"),
        ("/a~1b", "5:13"),
        ("/a~1b/~0", "5:20"),
        ("/a~1b/x/y", "5:13"),
        ("/l/0", "5:32"),
        ("/l/1", "5:27"),
        ("/l/0/0", "5:32"),
        ("no pointer", "5:3"),
    ] {
        assert_eq!(at(&manifests, "spec.config", Some(pointer)), expected, "{pointer}");
    }
    assert_eq!(at(&manifests, "spec.missing", Some("/a~1b")), "4:1");
    assert_eq!(manifests.place(9, "spec", None), Place { file: String::new(), line: 1, column: 1 });
}

#[test]
fn of_keys_that_stand_twice_the_last_is_meant() {
    let manifests = one(&format!("{HEAD}  config: '{{\"a\":1,\"a\":{{\"b\":1,\"b\":2}}}}'\n"));
    assert_eq!(at(&manifests, "spec.config", Some("/a")), "5:19");
    assert_eq!(at(&manifests, "spec.config", Some("/a/b")), "5:30");
    let manifests = one("apiVersion: v1\nkind: X\na: {b: 1}\na: {b: 2}\n");
    assert_eq!(at(&manifests, "a.b", None), "4:5");
}

#[test]
fn keys_that_come_by_alias_or_merge_stand_where_they_are_written() {
    let text = "apiVersion: v1\nkind: X\nx: &x {p: 1, q: {r: 1}}\ny: &y {p: 2, s: 1}\na: *x\nb:\n  <<: [*x, *y]\n  t: 1\nc:\n  p: 3\n  <<: *x\n";
    let manifests = one(text);
    for (path, expected) in [
        ("a", "5:1"),
        ("a.p", "3:8"),
        ("b.p", "3:8"),
        ("b.s", "4:14"),
        ("b.q.r", "3:18"),
        ("b.t", "8:3"),
        ("c.p", "3:8"),
    ] {
        assert_eq!(at(&manifests, path, None), expected, "{path}");
    }
    assert_eq!(manifests.documents[0].node.at(&["b", "p"]).and_then(Node::whole), Some(1));
    assert_eq!(manifests.documents[0].node.at(&["c", "p"]).and_then(Node::whole), Some(1));
}

#[test]
fn json_documents() {
    let (text, expected) = marked(
        "{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n\t\
         «{\"apiVersion\": \"v1\", \"kind\": \"B\",\n\t \"spec\": {«\"config\": \
         \"{\\\"a\\\": {\\n \\\"\\u00e9\\ud83d\\ude00\\/\\\": 1, «\\\"b\\\": 2}}\"}}]}",
    );
    let manifests = read(&[("f.json", &text)]);
    assert_eq!(manifests.documents.len(), 2);
    let found = [("", None), ("spec.config", None), ("spec.config", Some("/a/b"))].map(|(path, pointer)| {
        let place = manifests.place(1, path, pointer);
        format!("{}:{}", place.line, place.column)
    });
    assert_eq!(found.as_slice(), expected);
}

#[test]
fn the_place_of_an_error_in_the_text() {
    let manifests = one(&format!("{HEAD}  config: |\n    {{\n      \"é\": 1,\n      x}}\n"));
    let text = manifests.documents[0].node.text_at(&["spec", "config"]).unwrap();
    let error = crate::tree::parse(text).unwrap_err();
    let place = manifests.place_in_text(0, "spec.config", error.line, error.column);
    assert_eq!((place.line, place.column), (8, 7));
    let end = manifests.place_in_text(0, "spec.config", 99, 99);
    assert_eq!((end.line, end.column), (9, 1));
}
