//! One object, watched by its name for nothing but the news that it has changed. The right to watch an object by name
//! tells no more of it than the right to get it, and RBAC grants both by `resourceNames`.

use super::answers::{Lines, answer_to};
use super::client::{Failure, get};
use super::follow::jittered;
use super::pace::Pace;
use axum::http::HeaderValue;
use axum::http::header::ACCEPT;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Of an object only its metadata is sent: a Secret's keys are not needed to know that it is another one.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// The API server ends a watch after this time; the next one begins with the object as it is.
const LASTS: Duration = Duration::from_secs(290);
/// Between two tries.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// Where it may not be watched.
const FORBIDDEN: Duration = Duration::from_secs(300);

/// An object to watch.
#[derive(Clone, Debug)]
pub struct Named {
    /// As the log names it.
    pub what: String,
    /// The path of its list.
    pub list: String,
    /// Its name, which needs no escaping in a query.
    pub name: String,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    what: String,
    #[serde(default)]
    object: Object,
}

#[derive(Default, Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Meta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    resource_version: String,
}

impl Named {
    /// Wakes `changed` at each change, for ever. Where that is not allowed it says so once, and tries again now and then.
    pub async fn follow(self, client: Client, changed: Arc<Notify>) {
        let (mut last, mut pause, mut told) = (String::new(), PAUSES[0], false);
        loop {
            match self.watch(&client, &mut last, &changed).await {
                Ok(()) => (pause, told) = (PAUSES[0], false),
                Err(Failure::Forbidden(why)) => {
                    pause = FORBIDDEN;
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(what = self.what, why, "changes are noticed late: it may not be watched");
                    }
                }
                Err(failure) => {
                    tracing::debug!(what = self.what, %failure, "watch ended");
                    pause = (pause * 2).min(PAUSES[1]);
                }
            }
            sleep(jittered(pause)).await;
        }
    }

    /// One watch to its end. It begins with the object as it is now, so nothing is missed between two.
    async fn watch(&self, client: &Client, last: &mut String, changed: &Notify) -> Result<(), Failure> {
        let Self { list, name, .. } = self;
        let lasts = LASTS.as_secs();
        let selected = format!("watch=true&fieldSelector=metadata.name%3D{name}");
        let path = format!("{list}?{selected}&allowWatchBookmarks=true&timeoutSeconds={lasts}");
        let mut request = get(&path)?.map(Body::from);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA));
        let mut body = answer_to(client, request).await?.into_body();
        let (mut lines, silence) = (Lines::default(), Pace::default().silence);
        loop {
            let frame = timeout(silence, body.frame()).await;
            let frame = frame.map_err(|_| Failure::Other("the watch fell silent".to_owned()))?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(Failure::from)?;
            lines.push(frame.data_ref().map(AsRef::as_ref).unwrap_or_default())?;
            while let Some(line) = lines.next() {
                if is_news(&line, last)? {
                    changed.notify_one();
                }
            }
        }
    }
}

/// Whether a line tells of another state than `last`, which becomes that of the line.
fn is_news(line: &[u8], last: &mut String) -> Result<bool, Failure> {
    let line: Line =
        serde_json::from_slice(line).map_err(|_| Failure::Other("the API server's watch cannot be read".to_owned()))?;
    let version = line.object.metadata.resource_version;
    match line.what.as_str() {
        "ERROR" => Err(Failure::Other("the API server ended the watch".to_owned())),
        "BOOKMARK" => Ok(false),
        _ => {
            let is_news = *last != version;
            *last = version;
            Ok(is_news)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_news_once() {
        let mut last = String::new();
        let mut news = |what: &str, version: &str| {
            let line = format!(r#"{{"type":"{what}","object":{{"metadata":{{"resourceVersion":"{version}"}}}}}}"#);
            is_news(line.as_bytes(), &mut last)
        };
        assert_eq!(news("ADDED", "1"), Ok(true));
        assert_eq!(news("BOOKMARK", "5"), Ok(false));
        assert_eq!(news("ADDED", "1"), Ok(false), "the next watch begins with the same");
        assert_eq!([news("MODIFIED", "6"), news("DELETED", "7")], [Ok(true), Ok(true)]);
        assert!(news("ERROR", "").is_err());
        assert!(is_news(b"{", &mut String::new()).is_err());
    }
}
