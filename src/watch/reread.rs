//! A few objects as they are now, before a refusal that rests on them.

use super::answers::{answer, whole};
use super::client::Failure;
use super::follow::Cluster;
use super::resource::{JUDGED, Resource};
use super::wire;
use crate::objects::{Object, kind_of};
use crate::place::ObjectRef;
use crate::serve::judge::{Live, Reread};
use std::sync::Arc;

/// An object is 3 MiB at most.
const OBJECT_BYTES: usize = 4 << 20;
/// More than a write can rest on; what is beyond is judged by the snapshot.
const MOST: usize = 16;

/// Reads from this cluster.
pub fn reread(cluster: Arc<Cluster>) -> Reread {
    Box::new(move |names| {
        let cluster = Arc::clone(&cluster);
        Box::pin(async move { all(&cluster, names).await })
    })
}

async fn all(cluster: &Arc<Cluster>, names: Vec<ObjectRef>) -> Result<Live, String> {
    if names.len() > MOST {
        return Err(format!("it rests on {} objects, and at most {MOST} are read live", names.len()));
    }
    let mut reads = tokio::task::JoinSet::new();
    for name in names {
        let cluster = Arc::clone(cluster);
        reads.spawn(async move {
            let read = one(&cluster, &name).await;
            (name, read)
        });
    }
    let mut live = Live::new();
    while let Some(read) = reads.join_next().await {
        let (name, read) = read.map_err(|error| format!("a live read failed: {error}"))?;
        let object = read.map_err(|failure| format!("the live read of {name} failed: {failure}"))?;
        live.push((name, object));
    }
    Ok(live)
}

async fn one(cluster: &Cluster, name: &ObjectRef) -> Result<Option<Object>, Failure> {
    let Some((resource, version)) = served(cluster, name) else {
        return Err(Failure::Other("its kind is not served".to_owned()));
    };
    let bytes = match answer(&cluster.client, &resource.object(version, name)).await {
        Ok(response) => whole(response, OBJECT_BYTES).await?,
        Err(Failure::NotFound) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| Failure::Other(error.to_string()))?;
    wire::read(text, &resource, version).map(|(_, object)| object).map_err(Failure::Other)
}

fn served(cluster: &Cluster, name: &ObjectRef) -> Option<(Resource, &'static str)> {
    kind_of(name)?;
    let resource = JUDGED.into_iter().find(|one| one.reads.group == name.group() && one.reads.kind == name.kind)?;
    let kept = cluster.kept();
    let slot = kept.slots().iter().find(|slot| {
        slot.resource.reads.group == resource.reads.group && slot.resource.reads.kind == resource.reads.kind
    });
    let version = slot.and_then(|slot| slot.version).unwrap_or(resource.reads.versions[0]);
    Some((resource, version))
}
