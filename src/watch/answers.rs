//! What the API server answers: lists by pages, and what else is asked for, each within a time and a size.

use super::client::{Failure, get};
use super::resource::Resource;
use super::wire::{self, Reading};
use axum::body::Bytes;
use axum::http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::timeout;

/// Objects of a page; what a page is read into is dropped before the next.
const PAGE: usize = 100;
/// Bytes of a page. A page that is larger is asked for again with fewer objects; one object is 3 MiB at most.
const PAGE_BYTES: usize = 16 << 20;
/// Bytes of a line of a watch.
const LINE_BYTES: usize = 16 << 20;
/// For a page, or the beginning of a watch.
const ANSWER: Duration = Duration::from_secs(30);

/// A whole list.
pub(super) struct List<T> {
    pub(super) objects: Vec<T>,
    pub(super) unread: Vec<String>,
    pub(super) version: String,
}

/// Reads a list, page by page, each object by `reading`.
pub(super) async fn list<T>(
    client: &Client,
    resource: &Resource,
    version: &str,
    reading: &Reading<T>,
) -> Result<List<T>, Failure> {
    let mut list = List { objects: Vec::new(), unread: Vec::new(), version: String::new() };
    let (mut next, mut limit) = (String::new(), PAGE);
    loop {
        let path = format!("{}limit={limit}{next}", resource.list(version));
        let body = Limited::new(answer(client, &path).await?.into_body(), PAGE_BYTES);
        let bytes = match timeout(ANSWER, body.collect()).await {
            Ok(Ok(bytes)) => bytes.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() && limit > 1 => {
                limit = (limit / 8).max(1);
                continue;
            }
            Ok(Err(error)) => return Err(Failure::Other(error.to_string())),
            Err(_) => return Err(Failure::Other(format!("a page took longer than {ANSWER:?}"))),
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| Failure::Other(error.to_string()))?;
        let page = wire::page(text, resource, version, reading)?;
        list.objects.extend(page.objects);
        list.unread.extend(page.unread);
        match page.next {
            Some(token) => next = format!("&continue={}", escaped(&token)),
            None => return Ok(List { version: page.version, ..list }),
        }
    }
}

/// The first of the resource's versions that the cluster serves it in.
pub(super) async fn served(client: &Client, resource: &Resource) -> Result<Option<&'static str>, Failure> {
    #[derive(Deserialize)]
    struct Served {
        name: String,
    }
    #[derive(Deserialize)]
    struct Group {
        #[serde(default)]
        resources: Vec<Served>,
    }
    for version in resource.reads.versions {
        let response = match answer(client, &resource.root(version)).await {
            Ok(response) => response,
            Err(Failure::NotFound) => continue,
            Err(failure) => return Err(failure),
        };
        let group: Group = serde_json::from_slice(&whole(response, PAGE_BYTES).await?)
            .map_err(|error| Failure::Other(format!("the API server's answer cannot be read: {error}")))?;
        if group.resources.iter().any(|served| served.name == resource.reads.plural) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The body of an answer, of at most so many bytes, within the time for an answer.
pub(crate) async fn whole(response: Response<Body>, most: usize) -> Result<Bytes, Failure> {
    let body = timeout(ANSWER, Limited::new(response.into_body(), most).collect()).await;
    let body = body.map_err(|_| Failure::Other(format!("the answer takes longer than {ANSWER:?}")))?;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| Failure::Other(error.to_string()))
}

/// The answer to a GET, if it is a success.
pub(super) async fn answer(client: &Client, path: &str) -> Result<Response<Body>, Failure> {
    answer_to(client, get(path)?.map(Body::from)).await
}

/// The answer to this request, if it is a success.
pub(crate) async fn answer_to(client: &Client, request: Request<Body>) -> Result<Response<Body>, Failure> {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        message: String,
    }
    let sent = timeout(ANSWER, client.send(request)).await;
    let response = sent.map_err(|_| Failure::Other(format!("no answer within {ANSWER:?}")))?.map_err(Failure::from)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = whole(response, 1 << 20).await.unwrap_or_default();
    let said = serde_json::from_slice::<Status>(&body).map(|status| status.message).unwrap_or_default();
    Err(Failure::of(status.as_u16(), &said))
}

/// Bytes cut into lines.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Up to here there is no end of a line.
    seen: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > LINE_BYTES {
            return Err(Failure::Other(format!("a line of the watch is longer than {LINE_BYTES} bytes")));
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let Some(end) = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let rest = self.bytes.split_off(self.seen + end + 1);
        self.seen = 0;
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

fn escaped(token: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    token.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_arrive() {
        let text = b"{\"a\":1}\n\n{\"b\":\n";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut all = Vec::new();
            for part in text.chunks(size) {
                lines.push(part).unwrap();
                all.extend(std::iter::from_fn(|| lines.next()));
            }
            assert_eq!(all.concat(), text, "{size}");
            assert_eq!(all.len(), 3);
        }
    }

    #[test]
    fn a_token_is_safe_in_a_query() {
        assert_eq!(escaped("aB-_.~+/="), "aB-_.~%2B%2F%3D");
    }
}
