//! What a write is refused for: the difference between the world before it and after.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../benches/support/mod.rs"]
mod support;

use jiff::civil::date;
use kubevirt_preflight::finding::Level;
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::networks::{Class, Confidence};
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::place::ObjectRef;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::{ChangeReview, review, review_change};
use kubevirt_preflight::sources::Found;
use kubevirt_preflight::world::{Change, Inputs, Lists, World};
use serde_json::{Value, json};
use support::{NETWORKS, kubevirt, nad, object};

fn world(objects: &[&Value]) -> World {
    World::of(Inputs {
        objects: objects.iter().map(|value| object(value)).collect(),
        declared: Declared::parse(NETWORKS, "cluster.yaml").unwrap(),
        lists: Lists { nads: true, ..Lists::default() },
        ..Inputs::default()
    })
}

/// The review of a write, as the webhook makes it.
fn write(world: &World, before: Option<&Value>, after: Option<&Value>) -> ChangeReview {
    let change = Change { before: before.map(object), after: after.map(object) };
    let before =
        change.before.as_ref().map_or_else(|| world.clone(), |old| world.with(old.reference(), Some(old.clone())));
    review_change(&change, &before, &Policy::default(), date(2026, 11, 24))
}

fn denied(review: &ChangeReview) -> Vec<&str> {
    review.denied.iter().map(|finding| finding.rule).collect()
}

fn warned(review: &ChangeReview) -> Vec<&str> {
    review.warned.iter().map(|finding| finding.rule).collect()
}

fn named(mut nad: Value, name: &str, namespace: &str) -> Value {
    nad["metadata"]["name"] = json!(name);
    nad["metadata"]["namespace"] = json!(namespace);
    nad
}

fn hyperconverged(network: &str) -> Value {
    json!({"apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": "kubevirt"},
        "spec": {"liveMigrationConfig": {"network": network}}})
}

fn cr() -> Value {
    kubevirt("mig", 1, 0, 0)
}

#[test]
fn deleting_a_nad_in_use_is_refused_and_says_so_once() {
    let good = nad("192.168.150.0/24");
    let world = world(&[&good, &cr()]);
    let review = write(&world, Some(&good), None);
    assert_eq!(denied(&review), ["attachment-in-use"]);
    assert_eq!(warned(&review), [""; 0]);
}

#[test]
fn deleting_a_nad_is_free_once_nothing_refers_to_it() {
    let good = nad("192.168.150.0/24");
    let mut leaving = cr();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    for objects in [vec![&good], vec![&good, &leaving]] {
        let review = write(&world(&objects), Some(&good), None);
        assert_eq!((denied(&review).len(), warned(&review).len()), (0, 0));
    }
}

#[test]
fn two_crs_that_name_it_are_two_findings() {
    let good = nad("192.168.150.0/24");
    let world = world(&[&good, &cr(), &hyperconverged("mig")]);
    let review = write(&world, Some(&good), None);
    assert_eq!(denied(&review), ["attachment-in-use"; 2]);
}

#[test]
fn an_edit_of_the_range_is_warned_of_and_a_bad_one_refused() {
    let good = nad("192.168.150.0/24");
    let world = world(&[&good, &cr()]);
    let review = write(&world, Some(&good), Some(&nad("192.168.151.0/24")));
    assert_eq!((denied(&review), warned(&review)), (vec![], vec!["edit-in-use"]));
    let review = write(&world, Some(&good), Some(&nad("10.244.7.0/24")));
    assert_eq!((denied(&review), warned(&review)), (vec!["pod-network-overlap"], vec!["edit-in-use"]));
}

#[test]
fn an_unrelated_edit_of_a_bad_object_is_admitted_with_a_warning() {
    let bad = nad("10.244.7.0/24");
    let mut edited = bad.clone();
    edited["metadata"]["labels"] = json!({"a": "b"});
    let world = world(&[&bad, &cr()]);
    let review = write(&world, Some(&bad), Some(&edited));
    assert_eq!((denied(&review), warned(&review)), (vec![], vec!["pod-network-overlap"]));
    assert!(review.warned.iter().all(|finding| finding.level == Level::Warn));
    let mut labelled = cr();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let review = write(&world, Some(&cr()), Some(&labelled));
    assert_eq!((denied(&review), warned(&review)), (vec![], vec!["pod-network-overlap"]));
}

#[test]
fn another_range_that_also_overlaps_is_refused() {
    let bad = nad("10.244.7.0/24");
    let review = write(&world(&[&bad, &cr()]), Some(&bad), Some(&nad("10.244.8.0/24")));
    assert_eq!(denied(&review), ["pod-network-overlap"]);
}

#[test]
fn plugins_and_keys_moved_about_are_no_new_problem() {
    let config = |text: &str| {
        let mut bad = nad("10.244.7.0/24");
        bad["spec"]["config"] = json!(text);
        bad
    };
    let one = config(
        r#"{"cniVersion":"0.3.1","plugins":[{"type":"macvlan","master":"eth1","ipam":{"type":"whereabouts","range":"10.244.7.0/24"}},{"type":"tuning"}]}"#,
    );
    let two = config(
        r#"{"plugins":[{"ipam":{"range":"10.244.7.0/24","type":"whereabouts"},"type":"macvlan","master":"eth1"}],"cniVersion":"0.3.1"}"#,
    );
    let three = config(
        r#"{"cniVersion":"0.3.1","plugins":[{"type":"macvlan","master":"eth1","ipam":{"type":"whereabouts","ipRanges":[{"range":"10.244.7.0/24"}]}}]}"#,
    );
    for other in [&two, &three] {
        let review = write(&world(&[&one, &cr()]), Some(&one), Some(other));
        assert_eq!(denied(&review), [""; 0]);
    }
}

#[test]
fn a_level_that_rises_under_one_identity_is_refused() {
    let bad = nad("10.244.7.0/24");
    let kubeadm = ObjectRef {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: Some("kube-system".into()),
        name: "kubeadm-config".into(),
    };
    let found = |confidence| {
        let mut found = Found::about(kubeadm.clone(), "kubeadm-config");
        found.claim_text(Class::Pod, "10.244.0.0/16", confidence, "data");
        found
    };
    let objects = vec![object(&bad), object(&cr()), Object::Found(found(Confidence::Stale).into())];
    let before = World::of(Inputs { objects, ..Inputs::default() });
    let today = date(2026, 11, 24);
    let level = |world: &World| {
        let findings = review(world, &Policy::default(), today).findings;
        findings.iter().find(|f| f.rule == "pod-network-overlap").map(|f| f.level)
    };
    assert_eq!(level(&before), Some(Level::Warn));
    let change = |confidence| Change { before: None, after: Some(Object::Found(found(confidence).into())) };
    let same = review_change(&change(Confidence::Stale), &before, &Policy::default(), today);
    assert_eq!(denied(&same), [""; 0]);
    let risen = review_change(&change(Confidence::Live), &before, &Policy::default(), today);
    assert_eq!(denied(&risen), ["pod-network-overlap"]);
}

#[test]
fn the_first_reference_to_a_labelled_bad_nad_is_refused() {
    let mut bad = nad("10.244.7.0/24");
    bad["metadata"]["labels"] = json!({"kubevirt-preflight.io/migration-network": "true"});
    let world = world(&[&bad]);
    let found = review(&world, &Policy::default(), date(2026, 11, 24));
    assert_eq!(found.findings.iter().map(|f| f.rule).collect::<Vec<_>>(), ["pod-network-overlap"]);
    assert_eq!(denied(&write(&world, None, Some(&cr()))), ["pod-network-overlap"]);
}

#[test]
fn a_service_network_added_over_a_migration_network_is_refused_for_that_alone() {
    let good = nad("192.168.150.0/24");
    let world = world(&[&good, &cr()]);
    let name = ObjectRef {
        api_version: "networking.k8s.io/v1".into(),
        kind: "ServiceCIDR".into(),
        namespace: None,
        name: "more".into(),
    };
    let change = |cidr: &str| {
        let mut found = Found::about(name.clone(), "servicecidr");
        found.claim_text(Class::Service, cidr, Confidence::Live, "spec.cidrs[0]");
        Change { before: None, after: Some(Object::Found(found.into())) }
    };
    let asked = |change: &Change| review_change(change, &world, &Policy::default(), date(2026, 11, 24));
    assert_eq!(denied(&asked(&change("192.168.0.0/16"))), ["service-network-overlap"]);
    let free = asked(&change("172.30.0.0/16"));
    assert_eq!((denied(&free).len(), warned(&free).len()), (0, 0));
}

#[test]
fn a_kubevirt_that_is_being_deleted_refers_to_nothing() {
    let bad = nad("10.244.7.0/24");
    let mut leaving = cr();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    let review = write(&world(&[&bad]), None, Some(&leaving));
    assert_eq!((denied(&review), warned(&review)), (vec![], vec![]));
}

#[test]
fn a_bystander_hears_nothing() {
    let bad = nad("10.244.7.0/24");
    let other = named(nad("192.168.9.0/24"), "unrelated", "tenant");
    let review = write(&world(&[&bad, &cr()]), None, Some(&other));
    assert_eq!((denied(&review), warned(&review)), (vec![], vec![]));
}

#[test]
fn a_nad_over_the_same_space_is_told_of_its_new_collision() {
    let good = nad("192.168.150.0/24");
    let mut other = named(nad("192.168.150.0/25"), "other", "tenant");
    let config = other["spec"]["config"].as_str().unwrap().replace("\"range\"", "\"network_name\":\"x\",\"range\"");
    other["spec"]["config"] = json!(config);
    let review = write(&world(&[&good, &cr()]), None, Some(&other));
    assert_eq!((denied(&review), warned(&review)), (vec!["duplicate-pool"], vec![]));
}

#[test]
fn the_operators_copy_of_a_judged_network_is_only_warned_of() {
    let bad = nad("10.244.7.0/24");
    let world = world(&[&bad, &hyperconverged("mig")]);
    let review = write(&world, None, Some(&cr()));
    assert_eq!(denied(&review), [""; 0]);
    assert!(warned(&review).contains(&"pod-network-overlap"));
    let review = write(&world, None, Some(&kubevirt("absent", 1, 0, 0)));
    assert_eq!(warned(&review), ["unseen-attachment"]);
}

#[test]
fn a_reference_to_the_wrong_namespace_is_refused() {
    let elsewhere = named(nad("192.168.150.0/24"), "mig", "default");
    let review = write(&world(&[&elsewhere]), None, Some(&cr()));
    assert_eq!(denied(&review), ["foreign-namespace-attachment"]);
}

#[test]
fn review_minus_itself_is_empty_and_undo_restores() {
    let bad = nad("10.244.7.0/24");
    let world = world(&[&bad, &cr()]);
    let today = date(2026, 11, 24);
    let same = write(&world, Some(&bad), Some(&bad));
    assert_eq!(denied(&same), [""; 0]);
    let gone = world.with(object(&bad).reference(), None);
    let back = gone.with(object(&bad).reference(), Some(object(&bad)));
    assert_eq!(review(&world, &Policy::default(), today), review(&back, &Policy::default(), today));
}

#[test]
fn to_take_the_reference_away_is_no_new_problem() {
    let mut bad = nad("10.244.7.0/24");
    bad["metadata"]["labels"] = json!({"kubevirt-preflight.io/migration-network": "true"});
    let mut rescued = cr();
    rescued["spec"]["configuration"]["migrations"] = json!({});
    let review = write(&world(&[&bad, &cr()]), Some(&cr()), Some(&rescued));
    assert_eq!(denied(&review), [""; 0]);
}

#[test]
fn a_nad_of_the_same_name_elsewhere_is_not_refused_for_a_reference_that_was_broken_before() {
    let elsewhere = named(nad("192.168.9.0/24"), "mig", "blue");
    let review = write(&world(&[&cr()]), None, Some(&elsewhere));
    assert_eq!((denied(&review), warned(&review)), (vec![], vec![]));
}

#[test]
fn a_pool_of_many_is_told_of_in_a_bounded_number_of_findings() {
    let many: Vec<_> = (0..30).map(|n| named(nad("192.168.150.0/24"), &format!("net-{n:02}"), "tenant")).collect();
    let (good, cr) = (nad("192.168.150.0/24"), cr());
    let world = world(&many.iter().chain([&good, &cr]).collect::<Vec<_>>());
    let found = review(&world, &Policy::default(), date(2026, 11, 24)).findings;
    assert_eq!(found.iter().filter(|finding| finding.rule == "shared-pool").count(), 20);
    assert_eq!(found.iter().filter(|finding| finding.message.contains("as do 10 more")).count(), 1);
}
