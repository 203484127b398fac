//! Reviews in, responses out. The snapshots under tests/snapshots are the golden responses.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../benches/support/mod.rs"]
mod support;

use jiff::civil::date;
use kubevirt_preflight::admission::{Answer, NotAReview, Verdict, respond};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::world::{Inputs, World};
use serde_json::{Value, json};
use support::{NETWORKS, kubevirt, nad, object, review};

fn world(objects: &[&Value]) -> World {
    World::of(Inputs {
        objects: objects.iter().map(|value| object(value)).collect(),
        declared: Declared::parse(NETWORKS, "cluster.yaml").unwrap(),
        ..Inputs::default()
    })
}

fn answer(world: &World, body: &[u8]) -> Answer {
    respond(body, world, &Policy::default(), date(2026, 11, 24)).unwrap()
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.bytes).unwrap()
}

fn good() -> Value {
    nad("192.168.150.0/24")
}

fn bad() -> Value {
    nad("10.244.7.0/24")
}

fn cr() -> Value {
    kubevirt("mig", 1, 0, 0)
}

fn with(mut object: Value, path: &str, value: Value) -> Value {
    *object.pointer_mut(path).unwrap() = value;
    object
}

fn hyperconverged(version: &str, network: &str) -> Value {
    let config = json!({"liveMigrationConfig": {"network": network}});
    let spec = if version == "v1" { json!({"virtualization": config}) } else { config };
    json!({"apiVersion": format!("hco.kubevirt.io/{version}"), "kind": "HyperConverged",
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": "kubevirt"}, "spec": spec})
}

#[test]
fn a_good_nad_is_allowed_without_a_word() {
    let answer = answer(&world(&[&cr()]), &review("CREATE", good(), Value::Null));
    insta::assert_json_snapshot!(parsed(&answer));
    assert_eq!(answer.summary.verdict, Verdict::Allowed);
    assert_eq!(answer.reread, []);
}

#[test]
fn a_bad_nad_is_refused_with_all_its_findings() {
    let both = with(
        bad(),
        "/spec/config",
        json!(
            support::CONFIG
                .replace("RANGE", "10.244.7.0/24")
                .replace("\"range\"", "\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"range\"")
        ),
    );
    let answer = answer(&world(&[&cr()]), &review("CREATE", both, Value::Null));
    insta::assert_json_snapshot!(parsed(&answer));
    assert_eq!(answer.summary.verdict, Verdict::Denied);
    assert_eq!(answer.summary.rules, ["default-route", "pod-network-overlap"]);
    assert_eq!(answer.reread.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>(), ["KubeVirt"]);
}

#[test]
fn an_old_problem_is_warned_of() {
    let labelled = with(bad(), "/metadata/generation", json!(2));
    let answer = answer(&world(&[&bad(), &cr()]), &review("UPDATE", labelled, bad()));
    insta::assert_json_snapshot!(parsed(&answer));
    assert_eq!(answer.summary.verdict, Verdict::Warned);
}

#[test]
fn a_nad_in_use_is_not_deleted() {
    let answer = answer(&world(&[&good(), &cr()]), &review("DELETE", Value::Null, good()));
    insta::assert_json_snapshot!(parsed(&answer));
    assert_eq!(answer.reread.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>(), ["KubeVirt"]);
}

#[test]
fn a_reference_to_a_bad_nad_is_refused_and_the_nad_read_again() {
    let answer = answer(&world(&[&bad()]), &review("CREATE", cr(), Value::Null));
    assert_eq!(parsed(&answer)["response"]["allowed"], json!(false));
    assert_eq!(answer.reread.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["mig"]);
    // Read again, the NAD turns out to be mended.
    let now = world(&[&bad()]).with(object(&good()).reference(), Some(object(&good())));
    assert_eq!(parsed(&self::answer(&now, &review("CREATE", cr(), Value::Null)))["response"]["allowed"], json!(true));
}

#[test]
fn a_newly_named_nad_is_read_again_though_nothing_is_refused() {
    let named = |answer: &Answer| answer.reread.iter().map(|object| object.name.clone()).collect::<Vec<_>>();
    // Not seen yet, or seen as good: what is there by now may be neither.
    for known in [world(&[]), world(&[&good()])] {
        assert_eq!(named(&answer(&known, &review("CREATE", cr(), Value::Null))), ["mig"]);
        let without = with(cr(), "/spec/configuration/migrations", json!({}));
        assert_eq!(named(&answer(&known, &review("UPDATE", cr(), without))), ["mig"]);
    }
    let known = world(&[&good(), &cr()]);
    assert!(named(&answer(&known, &review("UPDATE", cr(), cr()))).is_empty(), "a name that was there before");
    assert_eq!(
        named(&answer(&known, &review("CREATE", cr(), Value::Null))),
        ["mig"],
        "one that was deleted just before"
    );
}

#[test]
fn a_nad_that_goes_through_only_unreferenced_asks_for_the_crs() {
    let without = kubevirt("", 1, 0, 0);
    let without = with(without, "/spec/configuration/migrations", json!({}));
    let answer = answer(&world(&[&without]), &review("CREATE", bad(), Value::Null));
    assert_eq!(parsed(&answer)["response"]["allowed"], json!(true));
    assert_eq!(answer.reread.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>(), ["KubeVirt"]);
}

#[test]
fn a_nad_that_may_go_only_unreferenced_asks_for_the_crs() {
    let without = with(cr(), "/spec/configuration/migrations", json!({}));
    let answer = answer(&world(&[&good(), &without]), &review("DELETE", Value::Null, good()));
    assert_eq!(parsed(&answer)["response"]["allowed"], json!(true));
    assert_eq!(answer.reread.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>(), ["KubeVirt"]);
}

#[test]
fn both_versions_of_hyperconverged_are_read() {
    for version in ["v1beta1", "v1"] {
        let body = review("CREATE", hyperconverged(version, "mig"), Value::Null);
        let answer = answer(&world(&[&bad()]), &body);
        assert_eq!(answer.summary.rules, ["pod-network-overlap"], "{version}");
        assert_eq!(answer.summary.verdict, Verdict::Denied, "{version}");
    }
}

#[test]
fn what_is_none_of_our_matter_is_allowed() {
    let leaving = with(cr(), "/metadata/creationTimestamp", json!("2026-01-01T00:00:00Z"));
    let mut leaving = leaving;
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    let mut status: Value = serde_json::from_slice(&review("UPDATE", cr(), kubevirt("x", 1, 0, 0))).unwrap();
    status["request"]["subResource"] = json!("status");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "kubevirt"}});
    for body in [
        review("UPDATE", leaving, kubevirt("other", 1, 0, 0)),
        status.to_string().into_bytes(),
        review("DELETE", Value::Null, cr()),
        review("CREATE", pod, Value::Null),
    ] {
        let answer = answer(&world(&[&bad()]), &body);
        assert_eq!(
            parsed(&answer)["response"],
            json!({"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": true})
        );
    }
}

#[test]
fn dry_run_is_judged_alike_and_told() {
    let mut body: Value = serde_json::from_slice(&review("CREATE", bad(), Value::Null)).unwrap();
    body["request"]["dryRun"] = json!(true);
    let answer = answer(&world(&[&cr()]), body.to_string().as_bytes());
    assert!(answer.summary.dry_run);
    assert_eq!(answer.summary.verdict, Verdict::Denied);
    assert_eq!(answer.summary.user, "admin");
}

#[test]
fn enforcement_warn_caps_every_level() {
    let policy =
        Policy::parse("apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\nenforcement: warn", "p").unwrap();
    let answer = respond(&review("CREATE", bad(), Value::Null), &world(&[&cr()]), &policy, date(2026, 11, 24)).unwrap();
    assert_eq!(answer.summary.verdict, Verdict::Warned);
    assert_eq!(parsed(&answer)["response"]["allowed"], json!(true));
}

#[test]
fn an_exception_is_annotated_until_it_expires() {
    let text = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\nexceptions:\n- {rule: pod-network-overlap, \
        object: {kind: NetworkAttachmentDefinition, namespace: kubevirt, name: mig}, reason: lab, expires: 2026-11-24}";
    let policy = Policy::parse(text, "p").unwrap();
    let on =
        |day| respond(&review("CREATE", bad(), Value::Null), &world(&[&cr()]), &policy, date(2026, 11, day)).unwrap();
    assert_eq!(parsed(&on(24))["response"]["auditAnnotations"], json!({"excepted": "pod-network-overlap"}));
    assert_eq!(on(25).summary.verdict, Verdict::Denied);
}

#[test]
fn warnings_keep_within_the_api_servers_limits() {
    let routes: Vec<_> = (0..200).map(|n| json!({"dst": format!("172.20.{n}.0/24"), "gw": "192.168.150.1"})).collect();
    let config = json!({"cniVersion": "0.3.1", "type": "macvlan", "master": "eth1",
        "ipam": {"type": "whereabouts", "range": "192.168.150.0/24", "routes": routes}});
    let many = with(good(), "/spec/config", json!(config.to_string()));
    let answer = answer(&world(&[&cr()]), &review("CREATE", many, Value::Null));
    let response = parsed(&answer);
    let warnings: Vec<_> =
        response["response"]["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert!(warnings.iter().all(|w| w.chars().count() <= 256 && !w.chars().any(char::is_control)), "{warnings:?}");
    assert!(warnings.iter().map(|w| w.chars().count()).sum::<usize>() <= 4_096);
    let (last, told) = (warnings.last().unwrap(), warnings.len() - 1);
    assert_eq!(*last, format!("and {} more", 200 - told));
}

#[test]
fn what_is_not_a_review_says_why() {
    let asked = |body: &[u8]| respond(body, &world(&[]), &Policy::default(), date(2026, 11, 24)).unwrap_err();
    assert!(matches!(asked(b"{"), NotAReview::Json(_)));
    assert!(matches!(asked(b"\xff"), NotAReview::Json(_)));
    assert!(matches!(asked(b"{}"), NotAReview::Kind(_)));
    assert!(matches!(
        asked(br#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#),
        NotAReview::Kind(_)
    ));
    assert!(matches!(
        asked(br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}"#),
        NotAReview::NoUid
    ));
    let text =
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"PATCH"}}"#;
    assert!(matches!(asked(text.as_bytes()), NotAReview::Operation { .. }));
    let mut body: Value = serde_json::from_slice(&review("CREATE", bad(), Value::Null)).unwrap();
    body["request"]["object"] = Value::Null;
    assert!(matches!(asked(body.to_string().as_bytes()), NotAReview::NoObject { .. }));
}

#[test]
fn a_network_over_a_whole_large_cluster_is_answered_briefly() {
    let wide = with(nad("10.64.0.0/10"), "/metadata/generation", json!(2));
    let world = support::world(20_000, vec![object(&cr())]);
    let body = review("CREATE", wide, Value::Null);
    let answer = answer(&world, &body);
    let causes = parsed(&answer)["response"]["status"]["details"]["causes"].as_array().unwrap().len();
    assert_eq!(causes, 101);
    assert!(answer.bytes.len() < 100_000, "{}", answer.bytes.len());
}

#[test]
fn what_is_created_is_new_even_if_the_snapshot_still_holds_a_deleted_one() {
    let answer = answer(&world(&[&bad(), &cr()]), &review("CREATE", bad(), Value::Null));
    assert_eq!(answer.summary.verdict, Verdict::Denied);
    assert_eq!(answer.summary.rules, ["pod-network-overlap"]);
}
