//! All lists, read once.

use super::answers::{List, answer, list, served, whole};
use super::client::Failure;
use super::kept::Kept;
use super::reduced::reduced;
use super::resource::Resource;
use super::wire::{self, Reading};
use crate::objects::Object;
use crate::sources::shared::Shared;
use crate::tree::Node;
use kube::Client;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Lists at once.
const AT_ONCE: usize = 8;
/// An object is 3 MiB at most.
const NAMESPACE_BYTES: usize = 4 << 20;

/// Reads every list to its end; one that fails is noted with why.
pub async fn read(client: &Client, resources: Vec<Resource>) -> Kept {
    let mut kept = Kept::of(resources.clone());
    for (at, read) in each(client, resources, sharing(wire::object, |object| object)).await {
        note(&mut kept, at, read);
    }
    kept
}

/// The same, with what a snapshot holds of each object, in the order of the lists.
pub async fn read_reduced(client: &Client, resources: Vec<Resource>) -> (Kept, Vec<Node<'static>>) {
    let mut kept = Kept::of(resources.clone());
    let mut nodes = Vec::new();
    for (at, read) in each(client, resources, sharing(reduced, |(object, _)| object)).await {
        let read = read.map(|read| {
            read.map(|(version, List { objects, unread, version: at })| {
                let (objects, trees): (Vec<Object>, Vec<_>) = objects.into_iter().unzip();
                nodes.extend(trees);
                (version, List { objects, unread, version: at })
            })
        });
        note(&mut kept, at, read);
    }
    (kept, nodes)
}

/// Which cluster it is: the UID of its namespace kube-system.
pub async fn cluster(client: &Client) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Namespace {
        metadata: Meta,
    }
    #[derive(Deserialize)]
    struct Meta {
        uid: String,
    }
    let bytes = whole(answer(client, "/api/v1/namespaces/kube-system").await?, NAMESPACE_BYTES).await?;
    let read = serde_json::from_slice(&bytes).map(|Namespace { metadata }| metadata.uid);
    read.map_err(|error| Failure::Other(format!("the API server's answer cannot be read: {error}")))
}

/// A reading whose objects take the parts that others have already in place of their own equal ones.
fn sharing<T: 'static>(
    read: fn(&str, &Resource, &str) -> Result<Option<T>, String>,
    object: fn(&mut T) -> &mut Object,
) -> Reading<T> {
    let shared = Mutex::new(Shared::default());
    Arc::new(move |text, resource, version| {
        let mut read = read(text, resource, version)?;
        if let Some(object) = read.as_mut().map(object) {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            *object = shared.share(object.clone());
        }
        Ok(read)
    })
}

/// A list with the version it was read in; `None` where the cluster does not serve it.
type Read<T> = Result<Option<(&'static str, List<T>)>, Failure>;

/// Every list by its place in `resources`, in their order.
async fn each<T: Send + 'static>(
    client: &Client,
    resources: Vec<Resource>,
    reading: Reading<T>,
) -> Vec<(usize, Read<T>)> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut reads = JoinSet::new();
    for (at, resource) in resources.into_iter().enumerate() {
        let (client, room, reading) = (client.clone(), Arc::clone(&room), Arc::clone(&reading));
        reads.spawn(async move {
            let _place = room.acquire_owned().await;
            (at, one(&client, &resource, reading).await)
        });
    }
    let mut all = Vec::new();
    while let Some(read) = reads.join_next().await {
        // A read that ended by a defect stays as not read.
        all.extend(read);
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

async fn one<T>(client: &Client, resource: &Resource, reading: Reading<T>) -> Read<T> {
    let Some(version) = served(client, resource).await? else { return Ok(None) };
    let read = match list(client, resource, version, &reading).await {
        // A page that was long in coming: the list is begun anew, once.
        Err(Failure::Gone) => list(client, resource, version, &reading).await,
        read => read,
    };
    read.map(|list| Some((version, list)))
}

fn note(kept: &mut Kept, at: usize, read: Read<Object>) {
    match read {
        Ok(Some((version, list))) => drop(kept.listed(at, version, list.objects, &list.unread)),
        Ok(None) => drop(kept.absent(at)),
        Err(failure) => drop(kept.failed(at, failure)),
    }
}
