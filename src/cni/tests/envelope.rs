//! From the text to the plugins.

use super::*;

const IPAM: &str = r#""ipam":{"type":"static","addresses":[{"address":"10.0.0.5/24"}]}"#;

#[test]
fn texts_that_are_no_configuration() {
    let large = format!(r#"{{"type":"bridge","x":"{}"}}"#, "x".repeat(LIMIT));
    let deep = format!(r#"{{"type":"bridge","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    compare([
        ("", "fails: blank"),
        (" \n", "fails: blank"),
        ("null", "fails: the text is null"),
        ("[]", "fails: the text is a list"),
        ("\"x\"", "fails: the text is a string"),
        ("{}", "fails: neither a `type` nor a list `plugins`"),
        (r#"{"type":""}"#, "fails: neither a `type` nor"),
        (r#"{"type":5}"#, "fails: `type` must be a string"),
        ("type: bridge", "fails: not JSON"),
        ("\u{feff}{}", "fails: not JSON"),
        (r#"{"type":"bridge"} x"#, "fails: not JSON"),
        (r#"{"type":"bridge",}"#, "fails: not JSON"),
        (r#"{"type":"bridge"} // c"#, "fails: not JSON"),
        (large.as_str(), "fails: more than 262144 are not read"),
        (deep.as_str(), "fails: nested more than 128 levels deep"),
    ]);
}

#[test]
fn lists() {
    let list = |keys: &str| format!(r#"{{"cniVersion":"1.0.0"{keys},"plugins":[{{"type":"bridge",{IPAM}}}]}}"#);
    let works = "10.0.0.5/24";
    compare([
        (list(""), works),
        (list(r#","disableCheck":true,"disableGC":false"#), works),
        (list(r#","disableCheck":"true""#), "fails: `disableCheck` must be a boolean"),
        (list(r#","disableCheck":null"#), "fails: `disableCheck` must be true or false"),
        (list(r#","loadOnlyInlinedPlugins":"TRUE""#), works),
        (list(r#","loadOnlyInlinedPlugins":"yes""#), "fails: must be true or false"),
        (list(r#","name":null"#), "fails: `name` is null"),
        (list(r#","name":"""#), works),
        (list(r#","name":"a b""#), "fails: not a CNI network name"),
        (list(r#","name":5"#), "fails: `name` must be a string"),
        (list(r#","type":"""#), works),
        (list(r#","type":"macvlan""#), ""),
        (list(r#","dns":5"#), "fails: must be an object"),
        (list("").replace("plugins", "Plugins"), "fails: libcni reads `plugins` in exactly this case"),
        (r#"{"cniVersion":"1.0.0","plugins":null}"#.into(), "fails: neither a `type` nor"),
        (r#"{"cniVersion":"1.0.0","plugins":[]}"#.into(), "fails: `plugins` is empty"),
        (r#"{"cniVersion":"1.0.0","plugins":{}}"#.into(), "fails: `plugins` must be a list"),
        (r#"{"cniVersion":"1.0.0","plugins":[null]}"#.into(), "fails: not null"),
        (r#"{"cniVersion":"1.0.0","plugins":[{}]}"#.into(), "fails: has no `type`"),
        (
            r#"{"cniVersion":"1.0.0","plugins":[{"type":"bridge"},{"name":5,"type":"sbr"}]}"#.into(),
            "fails: `name` must be a string",
        ),
    ]);
}

#[test]
fn versions() {
    let of = |version: &str| format!(r#"{{"cniVersion":"{version}","type":"bridge",{IPAM}}}"#);
    let works = "10.0.0.5/24";
    let list = |keys: &str| format!(r#"{{{keys},"plugins":[{{"type":"bridge",{IPAM}}}]}}"#);
    let two = fixed("fd01::5/64 10.0.0.5/24", r#"{"dst":"fd09::/48","table":100,"priority":5} 10.9.0.0/16"#);
    compare([
        (of("1.1.0"), works),
        (of("0.1.0"), works),
        (of(""), works),
        (of("9.0.0"), "fails: does not know the CNI version 9.0.0"),
        (of("2.0"), "fails: does not know the CNI version 2.0"),
        (of("1.0"), "fails: does not know the CNI version 1.0"),
        (format!(r#"{{"type":"bridge",{IPAM}}}"#), works),
        (format!(r#"{{"cniVersion":5,"type":"bridge",{IPAM}}}"#), "fails: `cniVersion` must be a string"),
        (format!(r#"{{"cniVersion":null,"type":"bridge",{IPAM}}}"#), works),
        (list(r#""cniVersion":null"#), "fails: not null"),
        (list(r#""cniVersion":"9.0.0","cniVersions":["1.0.0","9.1.0"]"#), works),
        (list(r#""cniVersions":["x"]"#), "fails: `x` is not a CNI version"),
        (list(r#""cniVersions":[5]"#), "fails: must be a list of strings"),
        (list(r#""cniVersions":null"#), "fails: must be a list of strings"),
        (list(r#""cniVersions":["0.2.0","1.0.0"],"cniVersion":"0.1.0""#), works),
        (r#"{"type":"bridge"}"#.into(), "fails: cannot be told in the CNI version in force"),
        (bridge(&two).replace("1.0.0", "0.2.0"), "10.0.0.5/24 fd01::5/64 | 10.9.0.0/16, fd09::/48"),
        (bridge(&fixed("fd01::5/64", "10.9.0.0/16")).replace("1.0.0", "0.2.0"), "fd01::5/64"),
        (
            bridge(&fixed("10.0.0.5/24 10.1.0.5/24", "")).replace("1.0.0", "0.2.0"),
            "fails: one address of each family only",
        ),
        (
            r#"{"cniVersion":"1.0.0","plugins":[{"type":"bridge","cniversion":"9.9.9"}]}"#.into(),
            "fails: the CNI version 9.9.9",
        ),
        (r#"{"cniVersion":"1.0.0","plugins":[{"type":"bridge","CNIVersion":"9.9.9"}]}"#.into(), ""),
    ]);
}

#[test]
fn what_is_not_there_is_said() {
    let backed = Attachment::file_backed();
    assert_eq!(backed.opaque.len(), 1);
    assert_eq!(backed.gaps.len(), 4);
    let mapping = Attachment::not_text("a mapping");
    assert_eq!(mapping.faults[0].why, "`spec.config` must be a string that holds JSON, not a mapping");
}
