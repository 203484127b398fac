//! Watches that break, and histories that do.

use crate::api::{Followed, NADS, Says, nad, quick, until};
use serde_json::json;
use std::time::Duration;

const NAD: &str = "network-attachment-definitions.k8s.cni.cncf.io";

async fn followed() -> Followed {
    let followed = Followed::with(&[(NADS, Says::Objects(100, vec![nad("a", 4)]))]).await;
    followed.state(NAD, "ready").await;
    followed.api.watched(NADS, 1).await;
    followed
}

#[tokio::test]
async fn a_watch_that_ends_in_order_is_followed_by_the_next() {
    let followed = followed().await;
    followed.api.line(NADS, json!({"type": "ADDED", "object": nad("b", 101)})).await;
    followed.nads(&["a", "b"]).await;
    // The API server's own time is minutes; what ends at once is another matter.
    tokio::time::sleep(2 * quick().pauses[0]).await;
    followed.api.cut(NADS).await;
    followed.api.watched(NADS, 2).await;
    followed.api.line(NADS, json!({"type": "ADDED", "object": nad("c", 102)})).await;
    followed.nads(&["a", "b", "c"]).await;
    assert_eq!(followed.api.listed(NADS), 1);
}

#[tokio::test]
async fn a_watch_that_is_lost_leads_to_another_list() {
    let followed = followed().await;
    followed.api.says(NADS, Says::Objects(101, vec![nad("b", 101)]));
    followed.api.lose(NADS).await;
    followed.nads(&["b"]).await;
    followed.state(NAD, "ready").await;
}

#[tokio::test]
async fn a_history_that_is_gone_leads_to_another_list() {
    let followed = followed().await;
    followed.api.says(NADS, Says::Objects(101, vec![nad("b", 101)]));
    let gone =
        json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}});
    followed.api.line(NADS, gone).await;
    followed.nads(&["b"]).await;
}

/// As after a restore of etcd: what the restored cluster never had is gone.
#[tokio::test]
async fn a_lower_version_replaces_what_is_known() {
    let followed = followed().await;
    followed.api.says(NADS, Says::Objects(50, vec![nad("old", 40)]));
    followed.api.line(NADS, json!({"type": "MODIFIED", "object": nad("a", 51)})).await;
    followed.nads(&["old"]).await;
}

#[tokio::test]
async fn a_bookmark_moves_on_without_a_list() {
    let followed = followed().await;
    let bookmark = |version| json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}});
    followed.api.line(NADS, bookmark("200")).await;
    followed.api.line(NADS, json!({"type": "ADDED", "object": nad("b", 201)})).await;
    followed.nads(&["a", "b"]).await;
    assert_eq!(followed.api.listed(NADS), 1);
    // Older than the bookmark, though newer than the list.
    followed.api.says(NADS, Says::Objects(150, vec![]));
    followed.api.line(NADS, bookmark("150")).await;
    followed.nads(&[]).await;
}

#[tokio::test]
async fn a_watch_that_falls_silent_is_lost() {
    let pace = kubevirt_preflight::watch::pace::Pace { silence: Duration::from_millis(50), ..quick() };
    let followed = Followed::at(pace, &[(NADS, Says::Objects(100, vec![nad("a", 4)]))]).await;
    followed.state(NAD, "ready").await;
    followed.api.says(NADS, Says::Objects(101, vec![nad("b", 101)]));
    followed.nads(&["b"]).await;
}

#[tokio::test]
async fn all_is_listed_again_after_a_while() {
    let pace = kubevirt_preflight::watch::pace::Pace { relist: Duration::from_millis(50), ..quick() };
    // A watch is asked for at least five seconds, and the script ends it earlier.
    let followed = Followed::at(pace, &[(NADS, Says::Objects(100, vec![nad("a", 4)]))]).await;
    followed.api.watched(NADS, 1).await;
    followed.api.says(NADS, Says::Objects(101, vec![nad("b", 101)]));
    tokio::time::sleep(Duration::from_millis(60)).await;
    followed.api.cut(NADS).await;
    followed.nads(&["b"]).await;
}

/// As with a right to list and none to watch.
#[tokio::test]
async fn what_cannot_be_watched_is_listed_with_growing_pauses() {
    let followed = followed().await;
    followed.api.script().watches = Some(403);
    followed.api.lose(NADS).await;
    let begun = std::time::Instant::now();
    until("lists", || followed.api.listed(NADS) >= 8).await;
    // 10, 20, 40 and then 50 ms, a tenth less at most.
    assert!(begun.elapsed() > Duration::from_millis(200), "{:?}", begun.elapsed());
    followed.state(NAD, "ready").await;
}
