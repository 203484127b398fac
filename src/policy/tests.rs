use super::*;

const HEAD: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\n";

fn parse(rest: &str) -> Result<Policy, FileError> {
    Policy::parse(&format!("{HEAD}{rest}"), "p.yaml")
}

#[test]
fn levels_come_from_profile_then_unknown_then_rules() {
    let level = |text: &str, id: &str| parse(text).unwrap().level(crate::rules::rule(id).unwrap());
    assert_eq!(level("", "odd-spelling"), Level::Warn);
    assert_eq!(level("profile: strict", "odd-spelling"), Level::Deny);
    assert_eq!(level("profile: relaxed", "odd-spelling"), Level::Off);
    assert_eq!(level("profile: strict", "opaque-config"), Level::Warn);
    assert_eq!(level("unknown: deny", "opaque-config"), Level::Deny);
    assert_eq!(level("unknown: deny\nrules: {opaque-config: off}", "opaque-config"), Level::Off);
    assert_eq!(level("profile: relaxed\nrules: {odd-spelling: deny}", "odd-spelling"), Level::Deny);
}

#[test]
fn a_bad_policy_is_refused_with_its_line() {
    for (text, line, word) in [
        ("rulez: {}", 3, "rulez"),
        ("rules:\n  pod-network-overlaps: warn", 4, "pod-network-overlap"),
        ("rules: {default-route: maybe}", 3, "maybe"),
        (
            "exceptions:\n- rule: default-route\n  object: {kind: KubeVirt, name: a}\n  reason: r\n  expires: 2026-13-01",
            7,
            "YYYY-MM-DD",
        ),
        ("exceptions:\n- rule: default-route\n  object: {kind: KubeVirt, name: a}\n  expires: 2026-12-01", 6, "reason"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.why.contains(word), "{text}: {error}");
    }
    for (object, reason, word) in [
        ("kind: KubeVirt, name: 'a*b'", "r", "only at the end"),
        ("kind: NAD, name: a", "r", "NetworkAttachmentDefinition"),
        ("kind: kubevirt, name: a", "r", "`KubeVirt`"),
        ("kind: KubeVirt, name: a", "' '", "reason is empty"),
    ] {
        let text = format!(
            "exceptions:\n- {{rule: default-route, object: {{{object}}}, reason: {reason}, expires: 2026-12-01}}"
        );
        let error = parse(&text).unwrap_err();
        assert!(error.line == 4 && error.why.contains(word), "{error}");
    }
    assert!(Policy::parse("kind: Policy", "p").is_err());
}

#[test]
fn an_exception_covers_by_rule_object_wildcard_and_subject() {
    let policy = parse(
        "exceptions:\n- {rule: default-route, object: {kind: NetworkAttachmentDefinition, namespace: a, name: 'mig*'}, subject: IPv4, \
         reason: r, expires: 2026-12-01}",
    )
    .unwrap();
    let object = |name: &str| ObjectRef {
        api_version: "v1".into(),
        kind: "NetworkAttachmentDefinition".into(),
        namespace: Some("a".into()),
        name: name.into(),
    };
    let day = |text: &str| text.parse::<Date>().unwrap();
    let found = |name: &str, subject: &str, today: &str| {
        policy.exception(&Finding::new("default-route", &object(name), subject), day(today)).is_some()
    };
    assert!(found("migration", "IPv4", "2026-12-01"));
    assert!(!found("migration", "IPv4", "2026-12-02"));
    assert!(!found("migration", "IPv6", "2026-12-01"));
    assert!(!found("other", "IPv4", "2026-12-01"));
    assert!(policy.exception(&Finding::new("dhcp-routes", &object("mig"), "IPv4"), day("2026-01-01")).is_none());
}
