use super::*;

#[test]
fn duplicates_and_order_survive() {
    let node = parse(r#"{"b":1,"a":2,"b":3}"#).unwrap();
    let keys: Vec<_> = node.map().unwrap().iter().map(|(k, _)| k.to_owned()).collect();
    assert_eq!(keys, ["b", "a", "b"]);
    assert_eq!(node.get("b").and_then(Node::whole), Some(3));
}

#[test]
fn json_is_strict() {
    for bad in ["", " ", "{} x", "{,}", "[1,]", "\u{feff}{}", "{'a':1}", "{\"a\":NaN}", "// c\n{}", "{\"a\":01}"] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
    let error = parse("{\n  \"a\": x}").unwrap_err();
    assert_eq!((error.line, error.column), (2, 8));
    assert!(!error.why.contains("line"), "{}", error.why);
    assert!(parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn lone_surrogates_are_read_as_go_reads_them() {
    assert_eq!(parse(r#"{"a":"x\ud800y"}"#).unwrap().text_at(&["a"]), Some("x\u{fffd}y"));
    assert_eq!(parse(r#"{"a":"\udc00\ud83d\ude00"}"#).unwrap().text_at(&["a"]), Some("\u{fffd}\u{1f600}"));
    assert_eq!(parse(r#"{"a":"\\ud800"}"#).unwrap().text_at(&["a"]), Some("\\ud800"));
}

#[test]
fn pick_drops_what_is_not_wanted_but_still_reads_it() {
    const WANT: Want = Want::Members(&[
        ("a", Want::All),
        ("b", Want::Members(&[("c", Want::All)])),
        ("l", Want::Each(&Want::Members(&[("n", Want::All)]))),
        ("u", Want::Unread),
    ]);
    let text = br#"{"x":{"deep":[1,2]},"a":[1],"b":{"c":2,"d":3},"l":[{"n":1,"m":2}],"u": {"v" :1} }"#;
    let node = pick_from(text, &WANT).unwrap();
    assert_eq!(node, parse(r#"{"a":[1],"b":{"c":2},"l":[{"n":1}],"u":"{\"v\" :1}"}"#).unwrap());
    assert!(pick_from(br#"{"x":tru}"#, &WANT).is_err());
    assert!(pick_from(br#"{"u":{"v":tru}}"#, &WANT).is_err());
}

#[test]
fn the_rest_of_an_object_is_all_but_what_is_named() {
    const WANT: Want = Want::Rest(&[("a", Want::Nothing), ("b", Want::Members(&[("c", Want::All)]))]);
    let node = pick_from(br#"{"x":{"a":[1]},"a":{"deep":[1]},"b":{"c":2,"d":3},"a":1,"y":[{"a":1}]}"#, &WANT).unwrap();
    assert_eq!(node, parse(r#"{"x":{"a":[1]},"b":{"c":2},"y":[{"a":1}]}"#).unwrap());
    assert_eq!(pick_from(b"[1]", &WANT).unwrap(), Node::List(Vec::new()));
    assert!(pick_from(br#"{"a":tru}"#, &WANT).is_err());
}

#[test]
fn a_bounded_number_of_values_is_kept() {
    let of = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
    assert!(parse(&of(MOST)).is_ok());
    let error = parse(&of(MOST + 1)).unwrap_err();
    assert!(error.why.contains("more than 65536 values"), "{error:?}");
    let keys = format!("{{{}\"\":0}}", "\"\":0,".repeat(MOST));
    assert!(pick_text(&keys, &Want::All).is_err());
    // What is not wanted takes no room.
    assert!(pick_text(&keys, &Want::Members(&[("a", Want::All)])).is_ok());
}
