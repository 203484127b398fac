//! Whole files: how they fall into documents, what is refused, what is left unjudged.

use super::*;

#[test]
fn documents_of_a_file_in_every_form() {
    let a = nad("a");
    let object = r#"{"apiVersion":"kubevirt.io/v1","kind":"KubeVirt","metadata":{"name":"kv"}}"#;
    let list =
        format!(r#"{{"apiVersion":"v1","kind":"List","items":[{object},{{"kind":"List","items":[{object},3]}}]}}"#);
    let typed = r#"{"apiVersion":"kubevirt.io/v1","kind":"KubeVirtList","items":[{"metadata":{"name":"kv"}}]}"#;
    let (nad, kv) = ("NetworkAttachmentDefinition kubevirt/a", "KubeVirt kv");
    for (text, expected, count) in [
        (format!("\u{feff}{a}"), vec![nad], 1),
        (a.replace('\n', "\r\n"), vec![nad], 1),
        (format!("%YAML 1.1\n%TAG !e! tag:e,1:\n---\n{a}...\n# c\n"), vec![nad], 1),
        (format!("---\n# c\n---\n{a}...\n...\n---\n---\nkind: x\n"), vec![nad, "x"], 2),
        (format!("{a}...\n{object}\n"), vec![nad, kv], 2),
        (format!("{object}\n{object}{object}"), vec![kv; 3], 3),
        (format!("---\n{object}\n---\n{a}"), vec![kv, nad], 2),
        (format!("--- {object}\n"), vec![kv], 1),
        (format!("# c\n{object} # d\n"), vec![kv], 1),
        (list, vec![kv, kv], 3),
        (typed.to_owned(), vec![kv], 1),
        (
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {kind: x, metadata: {name: z}}\n"
                .into(),
            vec!["x z"],
            1,
        ),
        ("kind: List\nitems: []\n".into(), vec![], 1),
        ("kind: AllowList\nspec: {}\n".into(), vec!["AllowList"], 1),
        ("just text".into(), vec![], 1),
        ("# c\n\n---\n...\n".into(), vec![], 0),
        ("apiVersion: v1\nkind: X\nmetadata: {generateName: a-}\n".into(), vec!["X a-*"], 1),
        ("apiVersion: v1\nkind: X\nmetadata: {name: 017}\n".into(), vec!["X 15"], 1),
    ] {
        let manifests = one(&text);
        assert_eq!(objects(&manifests), expected, "{text}");
        assert_eq!((manifests.count, unreadable(&manifests)), (count, vec![]), "{text}");
    }
    assert_eq!(one("# c\n").notes, ["f.yaml holds no document."]);
}

#[test]
fn a_broken_document_does_not_take_the_others_with_it() {
    for (broken, said) in [
        ("a: [1\n", "9:4 The YAML cannot be read: unclosed bracket '['."),
        ("a: b: c\n", "9:5 The YAML cannot be read: mapping values are not allowed in this context."),
        ("{\"a\": 1,}\n", ""),
        ("{\"a\": tru\n", "10:1 The JSON cannot be read: expected ident."),
        ("{\"a\": 1} {\"b\": }\n", "9:16 The JSON cannot be read: expected value."),
        ("a: *x\n", "9:4 The YAML cannot be read: while parsing node, found unknown anchor."),
        ("a: &x [*x]\n", "9:8 An anchor's value contains itself."),
        ("a: .inf\n", "9:4 The value `.inf` is a number that JSON cannot hold."),
        ("~: 1\n", "9:1 A key is null."),
        ("[a]: 1\n", "9:1 A list or mapping is used as a key."),
        ("a: {<<: 1}\n", "9:9 `<<` merges something else than mappings."),
        ("a: !!int x\n", "9:10 The value `x` is a string, which its tag does not allow."),
        ("a: x\u{1}\n", "9:5 The text holds a control character (0x01), which neither YAML nor JSON allows."),
        ("a:\n\t- b\n", "10:2 The YAML cannot be read: a tab stands where YAML wants spaces."),
        ("... x\n", ""),
    ] {
        let text = format!("{}---\n{broken}---\n{}", nad("a"), nad("b"));
        let manifests = one(&text);
        let expected: Vec<_> = Some(said).filter(|said| !said.is_empty()).map(str::to_owned).into_iter().collect();
        if broken != "... x\n" {
            assert_eq!(unreadable(&manifests), expected, "{broken}");
        }
        assert_eq!(objects(&manifests).len(), 2, "{broken}");
    }
}

#[test]
fn what_is_not_utf8_is_said_where_it_stands() {
    let bytes = [nad("a").as_bytes(), b"---\nb: \"\xC3\xA9\xFF\xFE\"\n---\n", nad("c").as_bytes()].concat();
    let read = |bytes: Vec<u8>| Manifests::read(vec![Input { name: "f".into(), bytes, explicit: true }], None);
    let manifests = read(bytes);
    assert_eq!(unreadable(&manifests), ["9:6 The text is not UTF-8 here."]);
    assert_eq!(objects(&manifests).len(), 2);
    let wide: Vec<u8> = [0xFEFF_u16].into_iter().chain(nad("a").encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let manifests = read(wide);
    assert!(unreadable(&manifests)[0].starts_with("1:1 The file is UTF-16"), "{:?}", unreadable(&manifests));
    assert_eq!(manifests.count, 1);
    let manifests = read(vec![b' '; (16 << 20) + 1]);
    assert!(unreadable(&manifests)[0].contains("larger than 16 MiB"));
}

#[test]
fn limits_are_named() {
    let bomb =
        (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| format!("{text}a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1));
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(20));
    let merges = (1..60).fold("a0: &a0 {x: 1}\n".to_owned(), |text, at| {
        format!("{text}a{at}: &a{at} {{<<: [*a{0}, *a{0}]}}\n", at - 1)
    });
    let deep_json = format!("{}{}", "[".repeat(110), "]".repeat(110));
    let deep_alias = (1..9).fold(format!("a0: &a0 {}x{}\n", "[".repeat(20), "]".repeat(20)), |text, at| {
        format!("{text}a{at}: &a{at} {}*a{}{}\n", "[".repeat(20), at - 1, "]".repeat(20))
    });
    for (text, said) in [
        (bomb.as_str(), "more than 2000000 values"),
        (&merges, "more than 2000000 values"),
        (&long, "Aliases copy more than 16 MiB"),
        (&deep_json, "more than 100 levels"),
        (&format!("a: {deep_json}"), "more than 100 levels"),
        (&"- ".repeat(200), "more than 100 levels"),
        (&"[".repeat(100_000), "more than 100 levels"),
        (&deep_alias, "more than 100 levels"),
    ] {
        let manifests = one(text);
        let problems = unreadable(&manifests);
        assert!(problems.len() == 1 && problems[0].contains(said), "{problems:?}");
        assert_eq!(manifests.documents.len(), 0);
    }
    let many = one(&"---\nkind: X\n".repeat(100_001));
    assert_eq!((many.documents.len(), unreadable(&many).len()), (100_000, 1));
    let items = one(&format!("{{\"kind\":\"List\",\"items\":[{}0]}}", "{\"kind\":\"X\"},".repeat(100_001)));
    assert_eq!((items.documents.len(), unreadable(&items).len()), (100_000, 1));
}

/// `line reason` of what is not judged, the reason up to its first full stop.
fn left(manifests: &Manifests) -> Vec<String> {
    let line = |left: &NotJudged| format!("{} {}", left.line, left.reason.split(['.', ':']).next().unwrap_or_default());
    manifests.not_judged.iter().map(line).collect()
}

#[test]
fn templates_are_left_alone() {
    let nad = nad("a");
    for (text, line) in [
        (nad.replace("name: a", "name: {{ .Values.name }}"), 4),
        (nad.replace("name: a", "name: \"{{ .Values.name }}\""), 4),
        (format!("{{{{- if .Values.on }}}}\n{nad}{{{{- end }}}}\n"), 1),
        (format!("{nad}{{% if x %}}\n"), 8),
        (nad.replace("bridge", "${TYPE}"), 7),
        (nad.replace("name: a", "name: ${NAME:=mig}"), 4),
        (nad.replace("name: a", "name: $NAME"), 4),
        (nad.replace("'{\"type\":\"bridge\"}'", "|\n    {\n    \"master\": \"_nic_\"}"), 9),
        (nad.replace("name: a", "name: [${A}]"), 4),
        (nad.replace("NetworkAttachmentDefinition", "\"{{ x }}\""), 2),
        (nad.replace("k8s.cni.cncf.io/v1", "${API}"), 1),
    ] {
        let manifests = one(&format!("{text}---\n{}", super::nad("b")));
        assert_eq!(unreadable(&manifests), Vec::<String>::new(), "{text}");
        assert_eq!(left(&manifests), [format!("{line} not rendered, not judged")], "{text}");
        assert_eq!(objects(&manifests), ["NetworkAttachmentDefinition kubevirt/b"], "{text}");
    }
    let reason = |text: String| one(&text).not_judged.remove(0);
    let first = reason(nad.replace("bridge", "${TYPE}"));
    assert_eq!(first.object.unwrap().name, "a");
    assert!(first.reason.ends_with("kubevirt-preflight check -`)."), "{}", first.reason);
}

#[test]
fn what_only_looks_like_a_template_is_judged() {
    let nad = nad("a");
    for text in [
        nad.replace("bridge", "network_name"),
        format!("# {{{{ x }}}}\n{nad}"),
        nad.replace("name: a", "name: a\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '${X}'"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '{{ .Values.x }} ${Y} _z_'}\n".to_owned(),
    ] {
        let manifests = one(&text);
        assert_eq!((left(&manifests).len(), objects(&manifests).len()), (0, 1), "{text}");
    }
}

#[test]
fn patches_of_a_kustomization_are_not_judged_by_themselves() {
    let kustomization =
        "patches:\n- path: ../p/./a.yaml\npatchesStrategicMerge: [b.yaml]\npatchesJson6902:\n- path: c.json\n";
    let manifests = read(&[
        ("o/x/kustomization.yaml", kustomization),
        ("o/p/a.yaml", &nad("a")),
        ("./o/x/b.yaml", &format!("{}---\n{}", nad("b"), nad("b2"))),
        ("o/x/c.json", "[{\"op\": \"remove\", \"path\": \"/x\"}]"),
        ("o/x/d.yaml", &nad("d")),
    ]);
    assert_eq!(objects(&manifests), ["NetworkAttachmentDefinition kubevirt/d"]);
    let names: Vec<_> =
        manifests.not_judged.iter().map(|left| (left.file.as_str(), left.line, left.object.is_some())).collect();
    assert_eq!(
        names,
        [("o/p/a.yaml", 1, true), ("./o/x/b.yaml", 1, true), ("./o/x/b.yaml", 9, true), ("o/x/c.json", 1, false)]
    );
    assert!(manifests.not_judged[0].reason.contains("kustomize build o/x |"), "{}", manifests.not_judged[0].reason);
    assert_eq!(
        manifests.notes,
        ["o/x/kustomization.yaml: overlays are not applied; for the exact verdict render first: \
          `kustomize build o/x | kubevirt-preflight check -`."]
    );
    assert_eq!(manifests.count, 6);
}

#[test]
fn misspelt_kinds_and_strays() {
    let manifests = one(&format!(
        "{}---\n{}---\n{}",
        nad("a").replace("Definition\n", "Definiton\n"),
        nad("b").replace("cncf", "cnfc"),
        nad("c").replace("k8s.cni.cncf.io/v1", "v1"),
    ));
    let found = manifests.problems.iter().map(|problem| match problem {
        Problem::Misspelt { document, place, field, meant, .. } => (*document, place.line, *field, meant.as_str()),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(0, 2, "kind", "NetworkAttachmentDefinition"), (1, 9, "apiVersion", "k8s.cni.cncf.io/v1")]
    );
    assert_eq!(left(&manifests), ["17 not judged"]);
    let review = one("apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nrequest: {}\n");
    assert_eq!(left(&review), ["1 not judged"]);
    assert_eq!(left(&one("- {apiVersion: v1, kind: X}\n")), ["1 not judged"]);
    for text in ["just text\n", "12\n", "apiVersion: v1\nmetadata: {name: a}\n"] {
        assert_eq!(left(&one(text)), ["1 not judged"], "{text}");
    }
    assert_eq!(left(&one("replicas: 2\nimage: {tag: a}\n")), [""; 0], "a chart's values are no manifest");
    let crd = one(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {names: {kind: NetworkAttachmentDefinition}}\n",
    );
    assert_eq!((crd.problems.len(), crd.not_judged.len()), (0, 0));
}

#[test]
fn the_same_object_twice() {
    let text = format!("{0}---\n{0}---\n{1}", nad("a"), nad("a").replace("namespace: kubevirt", "namespace: other"));
    let manifests = read(&[("a.yaml", &text), ("b.yaml", &nad("a"))]);
    let place = |file: &str, line| Place { file: file.into(), line, column: 3 };
    let object = manifests.documents[0].object.clone();
    let first = place("a.yaml", 4);
    let duplicate =
        |document, place| Problem::Duplicate { document, object: object.clone(), place, first: first.clone() };
    assert_eq!(manifests.problems, [duplicate(1, place("a.yaml", 12)), duplicate(3, place("b.yaml", 4))]);
    assert_eq!(manifests.documents.len(), 4);
    assert_eq!((manifests.file(3), manifests.source("b.yaml")), (Some("b.yaml"), Some(nad("a").as_str())));
}

#[test]
fn a_key_that_stands_twice_is_noted_where_it_matters() {
    let twice = nad("a").replace("spec:", "spec: {}\nspec:");
    assert_eq!(one(&twice).notes, ["f.yaml:7: key `spec` stands twice; the last counts, as for kubectl."]);
    assert_eq!(one("kind: X\na: 1\na: 2\n").notes, Vec::<String>::new());
    let merged = nad("a").replace("spec:", "x: &x {config: y}\nspec:\n  <<: *x");
    assert_eq!(one(&merged).notes, Vec::<String>::new());
    let json = r#"{"apiVersion":"kubevirt.io/v1","kind":"KubeVirt","metadata":{"name":"a","name":"b"}}"#;
    assert_eq!(one(json).notes, ["f.yaml:1: key `name` stands twice; the last counts, as for kubectl."]);
}

#[test]
fn the_default_namespace_is_for_judged_objects() {
    let text = "apiVersion: kubevirt.io/v1\nkind: KubeVirt\nmetadata: {name: kv}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: node}\n";
    let input = Input { name: "f".into(), bytes: [text, "---\n", &nad("a")].concat().into(), explicit: false };
    let manifests = Manifests::read(vec![input], Some("kv-system"));
    assert_eq!(objects(&manifests), ["KubeVirt kv-system/kv", "Node node", "NetworkAttachmentDefinition kubevirt/a"]);
}
