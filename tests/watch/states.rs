//! Each state of a list, and the ways between them, as /metrics shows them.

use crate::api::{Followed, HCOS, KUBEVIRTS, NADS, Says, nad};
use serde_json::json;

const NAD: &str = "network-attachment-definitions.k8s.cni.cncf.io";
const HCO: &str = "hyperconvergeds.hco.kubevirt.io";

#[tokio::test]
async fn what_is_listed_is_ready_and_followed() {
    let followed = Followed::with(&[(NADS, Says::Objects(5, vec![nad("a", 4)]))]).await;
    followed.state(NAD, "ready").await;
    followed.nads(&["a"]).await;
    followed.api.line(NADS, json!({"type": "ADDED", "object": nad("b", 6)})).await;
    followed.nads(&["a", "b"]).await;
    followed.api.line(NADS, json!({"type": "DELETED", "object": nad("a", 7)})).await;
    followed.nads(&["b"]).await;
    assert_eq!(followed.api.listed(NADS), 1, "the watch was enough");
    assert!(followed.cluster.kept().lists(false).nads);
}

#[tokio::test]
async fn what_is_forbidden_is_read_once_it_is_granted() {
    let followed = Followed::with(&[(NADS, Says::Fails(403))]).await;
    followed.state(NAD, "forbidden").await;
    assert!(!followed.cluster.kept().lists(false).nads);
    followed.api.says(NADS, Says::Objects(5, vec![nad("a", 4)]));
    followed.state(NAD, "ready").await;
    assert!(followed.cluster.kept().lists(false).nads);
}

#[tokio::test]
async fn a_kind_that_is_installed_later_is_found_and_its_removal_too() {
    let followed = Followed::with(&[(HCOS, Says::Absent), (NADS, Says::Absent)]).await;
    followed.state(HCO, "absent").await;
    followed.state(NAD, "absent").await;
    assert!(followed.cluster.kept().lists(false).nads, "that there are none is known");
    followed.api.says(NADS, Says::Objects(5, vec![nad("a", 4)]));
    followed.state(NAD, "ready").await;
    followed.nads(&["a"]).await;
    followed.api.watched(NADS, 1).await;
    followed.api.says(NADS, Says::Absent);
    let mut changes = followed.cluster.changes();
    changes.mark_unchanged();
    followed.api.cut(NADS).await;
    followed.state(NAD, "absent").await;
    followed.nads(&[]).await;
    assert!(changes.has_changed().unwrap(), "that they are gone is news");
}

#[tokio::test]
async fn an_aggregated_api_that_is_away_is_bad_and_not_absent() {
    let followed = Followed::with(&[(NADS, Says::Objects(5, vec![nad("a", 4)]))]).await;
    followed.state(NAD, "ready").await;
    followed.api.watched(NADS, 1).await;
    followed.api.says(NADS, Says::Away);
    followed.api.cut(NADS).await;
    followed.state(NAD, "bad").await;
    followed.nads(&["a"]).await;
    assert!(followed.cluster.kept().lists(false).nads, "what was known stays in use");
    followed.api.says(NADS, Says::Objects(6, vec![]));
    followed.state(NAD, "ready").await;
    followed.nads(&[]).await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_makes_its_list_bad_until_it_is_mended() {
    let mut bad = nad("b", 4);
    bad["metadata"] = json!({"namespace": "kubevirt"});
    let followed = Followed::with(&[(NADS, Says::Objects(5, vec![nad("a", 4), bad]))]).await;
    followed.state(NAD, "bad").await;
    followed.nads(&["a"]).await;
    assert!(!followed.cluster.kept().lists(false).nads, "one may be missing");
    followed.api.says(NADS, Says::Objects(6, vec![nad("a", 4), nad("b", 6)]));
    followed.api.line(NADS, json!({"type": "MODIFIED", "object": nad("b", 6)})).await;
    followed.state(NAD, "ready").await;
    followed.nads(&["a", "b"]).await;
}

#[tokio::test]
async fn a_list_that_is_never_read_shows_in_the_age() {
    let followed = Followed::with(&[(KUBEVIRTS, Says::Silent)]).await;
    followed.state("kubevirts.kubevirt.io", "syncing").await;
    followed.state(NAD, "ready").await;
    let age = || {
        let text = followed.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix("kubevirt_preflight_world_age_seconds "));
        line.unwrap().parse::<f64>().unwrap()
    };
    crate::api::until("an age", || age() > 0.1).await;
}
