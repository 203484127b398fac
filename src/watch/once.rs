//! All lists, read once.

use super::follow::{list, served};
use super::kept::Kept;
use super::resource::Resource;
use kube::Client;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Lists at once.
const AT_ONCE: usize = 8;

/// Reads every list to its end; one that fails is noted with why.
pub async fn read(client: &Client, resources: Vec<Resource>) -> Kept {
    let mut kept = Kept::of(resources.clone());
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut reads = JoinSet::new();
    for (at, resource) in resources.into_iter().enumerate() {
        let (client, room) = (client.clone(), Arc::clone(&room));
        reads.spawn(async move {
            let _place = room.acquire_owned().await;
            let read = match served(&client, &resource).await {
                Ok(Some(version)) => list(&client, &resource, version).await.map(|list| Some((version, list))),
                Ok(None) => Ok(None),
                Err(failure) => Err(failure),
            };
            (at, read)
        });
    }
    while let Some(read) = reads.join_next().await {
        // A read that ended by a defect stays as not read.
        let Ok((at, read)) = read else { continue };
        match read {
            Ok(Some((version, list))) => drop(kept.listed(at, version, list.objects, &list.unread)),
            Ok(None) => drop(kept.absent(at)),
            Err(failure) => drop(kept.failed(at, failure)),
        }
    }
    kept
}
