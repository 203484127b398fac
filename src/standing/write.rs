//! The writes: each a server-side apply under our own name.

use super::event::{News, Note, Series, WRITER};
use crate::place::ObjectRef;
use crate::watch::answers::{answer_to, whole};
use crate::watch::client::Failure;
use crate::watch::resource::{Resource, resources};
use axum::http::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// Of the object only this is asked for.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// What is read here is small; an object that comes whole all the same has 3 MiB at most.
const BYTES: usize = 4 << 20;
/// A replica renews an Event after half an hour: one that is younger needs no second writing.
const YOUNG: Duration = Duration::from_secs(20 * 60);

/// Writes Events and reports.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    resources: Vec<Resource>,
}

/// What became of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It is written.
    New,
    /// It was there, so old.
    Already(Duration),
    /// There is nothing to write about: the object is gone, or what is to be taken back is.
    Nothing,
}

#[derive(Deserialize)]
struct Meta {
    metadata: Uid,
}

#[derive(Debug, Default, Deserialize)]
struct Uid {
    #[serde(default)]
    uid: String,
}

/// An Event that is there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    involved_object: Uid,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    first_timestamp: Option<String>,
    #[serde(default)]
    last_timestamp: Option<String>,
}

impl Writer {
    /// By this way to the API server.
    pub fn new(client: Client) -> Self {
        Self { client, resources: resources(true) }
    }

    /// Writes the Event, unless another replica just has.
    pub async fn event(&self, note: &Note) -> Result<Wrote, Failure> {
        let path = format!("/api/v1/namespaces/{}/events/{}", note.namespace(), note.name);
        let found: Option<Found> = match self.read(&path, "application/json").await {
            Ok(found) => Some(found),
            // Without the right to read it, it is written as a new one.
            Err(Failure::NotFound | Failure::Forbidden(_)) => None,
            Err(failure) => return Err(failure),
        };
        let now = Timestamp::now();
        if let Some(wrote) = found
            .as_ref()
            .map_or((note.news == News::Ended).then_some(Wrote::Nothing), |found| found.suffices(note, now))
        {
            return Ok(wrote);
        }
        // What is taken back may be about an object that is gone.
        let known = found.as_ref().filter(|_| note.news == News::Ended).map(|found| found.involved_object.uid.clone());
        let uid = match known {
            Some(uid) => Some(uid).filter(|uid| !uid.is_empty()),
            None => match self.uid(&note.about).await {
                Ok(uid) => uid,
                Err(Failure::NotFound) => return Ok(Wrote::Nothing),
                Err(failure) => return Err(failure),
            },
        };
        let series = found.map_or(Series { first: now, count: 1 }, |found| found.continued(note, now));
        match self.apply(&path, &note.body(uid.as_deref(), series, now)).await {
            Ok(()) => Ok(Wrote::New),
            // With its namespace the object goes, too.
            Err(Failure::NotFound) => Ok(Wrote::Nothing),
            Err(Failure::Forbidden(why)) if why.contains("being terminated") => Ok(Wrote::Nothing),
            Err(failure) => Err(failure),
        }
    }

    /// Writes an object whole.
    pub async fn apply(&self, path: &str, body: &Value) -> Result<(), Failure> {
        let request = Request::patch(format!("{path}?fieldManager={WRITER}&force=true"));
        // JSON is YAML, and this is the type that every supported API server takes.
        let request = request.header(CONTENT_TYPE, "application/apply-patch+yaml");
        let request = request.body(Body::from(body.to_string().into_bytes()));
        let request = request.map_err(|error| Failure::Other(error.to_string()))?;
        answer_to(&self.client, request).await.map(drop)
    }

    /// The uid of an object; `None` where it may not be read.
    async fn uid(&self, object: &ObjectRef) -> Result<Option<String>, Failure> {
        let is_its = |one: &&Resource| one.reads.group == object.group() && one.reads.kind == object.kind;
        let Some(resource) = self.resources.iter().find(is_its) else { return Ok(None) };
        let version = object.api_version.rsplit('/').next().unwrap_or_default();
        match self.read::<Meta>(&resource.object(version, object), METADATA).await {
            Ok(read) => Ok(Some(read.metadata.uid).filter(|uid| !uid.is_empty())),
            Err(Failure::Forbidden(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, accept: &str) -> Result<T, Failure> {
        let request = Request::get(path).header(ACCEPT, accept).body(Body::from(Vec::new()));
        let response = answer_to(&self.client, request.map_err(|error| Failure::Other(error.to_string()))?).await?;
        serde_json::from_slice(&whole(response, BYTES).await?)
            .map_err(|error| Failure::Other(format!("the answer cannot be read: {error}")))
    }
}

impl Found {
    fn is_same(&self, note: &Note) -> bool {
        self.kind == note.kind() && self.reason == note.reason
    }

    /// Whether nothing is to be written.
    fn suffices(&self, note: &Note, now: Timestamp) -> Option<Wrote> {
        let age = now.duration_since(time(self.last_timestamp.as_deref()).unwrap_or_default());
        let age = Duration::try_from(age).unwrap_or_default();
        let same = self.is_same(note) && (note.news == News::Ended || self.message == note.text);
        let young = note.news != News::Refused && (age < YOUNG || note.news == News::Ended);
        (same && young).then_some(Wrote::Already(age))
    }

    fn continued(&self, note: &Note, now: Timestamp) -> Series {
        let first = time(self.first_timestamp.as_deref()).filter(|_| self.is_same(note));
        first.map_or(Series { first: now, count: 1 }, |first| Series { first, count: self.count.saturating_add(1) })
    }
}

/// RFC 3339; old-style Events of others may have none.
fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}
