//! When what is known of the cluster is made into a world.

use super::follow::Cluster;
use std::sync::Arc;
use tokio::time::{Instant, sleep, timeout_at};

/// Calls `publish` once the judged kinds are known, or given up, and after each change from then on.
pub async fn follow(cluster: Arc<Cluster>, publish: impl Fn() + Send + Sync + 'static) {
    let publish = Arc::new(publish);
    let mut changes = cluster.changes();
    let (begun, pace) = (Instant::now(), cluster.pace);
    loop {
        let (given_up, waited): (Vec<_>, bool) = {
            let kept = cluster.kept();
            (kept.awaited().map(ToString::to_string).collect(), !kept.is_tried())
        };
        let until = begun + if given_up.is_empty() { pace.courtesy } else { pace.patience };
        if given_up.is_empty() && !waited {
            break;
        }
        if !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
            if !given_up.is_empty() {
                tracing::error!(lists = given_up.join(", "), "judging without lists that could not be read");
            }
            break;
        }
    }
    loop {
        changes.mark_unchanged();
        let publish = Arc::clone(&publish);
        // Tens of milliseconds on a large cluster, and requests are answered on these threads.
        let begun = Instant::now();
        if tokio::task::spawn_blocking(move || publish()).await.is_ok() {
            tracing::debug!(took = ?begun.elapsed(), "the world was made");
        } else {
            tracing::error!("the world could not be made by a defect of kubevirt-preflight; the last one stays in use");
        }
        if changes.changed().await.is_err() {
            return;
        }
        sleep(pace.debounce).await;
    }
}
