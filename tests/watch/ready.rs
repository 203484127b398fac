//! When the first world is made, and when the next.

use crate::api::{Followed, HCOS, KUBEVIRTS, NADS, Says, kubevirt, nad, quick, until};
use kubevirt_preflight::watch::judging;
use kubevirt_preflight::watch::pace::Pace;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts the worlds that are made.
fn worlds(followed: &Followed) -> Arc<AtomicUsize> {
    let worlds = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&worlds);
    let publish = move || {
        made.fetch_add(1, Ordering::Relaxed);
    };
    tokio::spawn(judging::follow(Arc::clone(&followed.cluster), publish));
    worlds
}

#[tokio::test]
async fn a_world_is_made_of_the_lists_and_again_of_each_change() {
    let followed = Followed::with(&[(KUBEVIRTS, Says::Objects(1, vec![kubevirt("mig")])), (HCOS, Says::Absent)]).await;
    let worlds = worlds(&followed);
    until("a world", || worlds.load(Ordering::Relaxed) == 1).await;
    followed.api.line(NADS, json!({"type": "ADDED", "object": nad("mig", 6)})).await;
    until("another", || worlds.load(Ordering::Relaxed) == 2).await;
    // The same again is no change.
    followed.api.line(NADS, json!({"type": "MODIFIED", "object": nad("mig", 7)})).await;
    followed.api.line(NADS, json!({"type": "ADDED", "object": nad("b", 8)})).await;
    followed.nads(&["b", "mig"]).await;
    until("a third", || worlds.load(Ordering::Relaxed) == 3).await;
}

#[tokio::test]
async fn a_judged_kind_that_cannot_be_read_is_given_up_after_a_while() {
    let patience = Duration::from_millis(400);
    for says in [Says::Fails(403), Says::Fails(500), Says::Away, Says::Silent] {
        let followed = Followed::at(Pace { patience, ..quick() }, &[(NADS, says.clone())]).await;
        let (begun, worlds) = (Instant::now(), worlds(&followed));
        until("a world", || worlds.load(Ordering::Relaxed) > 0).await;
        assert!(begun.elapsed() + Duration::from_millis(50) >= patience, "{says:?}: {:?}", begun.elapsed());
        assert!(!followed.cluster.kept().lists(false).nads, "{says:?}: it is partial");
    }
}

#[tokio::test]
async fn a_list_with_an_object_that_cannot_be_read_is_not_waited_for() {
    let mut bad = nad("b", 4);
    bad["metadata"] = json!({"namespace": "kubevirt"});
    let patience = Duration::from_secs(60);
    let followed = Followed::at(Pace { patience, ..quick() }, &[(NADS, Says::Objects(5, vec![bad]))]).await;
    let worlds = worlds(&followed);
    until("a world", || worlds.load(Ordering::Relaxed) > 0).await;
}
