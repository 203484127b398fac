//! What the API server sends: a page of a list, a line of a watch.

use super::client::Failure;
use super::resource::Resource;
use crate::objects::{self, Object};
use crate::place::ObjectRef;
use crate::tree::{Map, Node, pick_text};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// What is made of an object of a list, given its text, its resource and the version; `None` if it is nothing to us.
pub type Reading<T> = Arc<dyn Fn(&str, &Resource, &str) -> Result<Option<T>, String> + Send + Sync>;

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What of its objects matters.
    pub objects: Vec<T>,
    /// The list's resourceVersion.
    pub version: String,
    /// Where the next page goes on.
    pub next: Option<String>,
    /// How many objects there are beyond it, if the server says so.
    pub remaining: u64,
    /// Objects that cannot be read, and why.
    pub unread: Vec<String>,
}

/// A line of a watch.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// The object is now like this; `None` if it is nothing to us.
    Applied(Box<Option<Object>>, String),
    /// The object is gone.
    Deleted(ObjectRef, String),
    /// Nothing happened up to this version.
    Bookmark(String),
    /// The watch ends.
    Failed(Failure),
}

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(default)]
    metadata: ListMeta<'a>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta<'a> {
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    next: Cow<'a, str>,
    #[serde(default)]
    remaining_item_count: Option<i64>,
}

#[derive(Deserialize)]
struct RawLine<'a> {
    #[serde(borrow, rename = "type")]
    what: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow)]
    metadata: Versioned<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned<'a> {
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(default)]
    code: u16,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
}

/// Reads a page of the list of `resource` in `version`, each object by `reading`.
pub fn page<T>(text: &str, resource: &Resource, version: &str, reading: &Reading<T>) -> Result<Page<T>, Failure> {
    let raw: RawPage<'_> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let mut page = Page {
        version: raw.metadata.resource_version.into_owned(),
        next: Some(raw.metadata.next.into_owned()).filter(|next| !next.is_empty()),
        remaining: raw.metadata.remaining_item_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        objects: Vec::new(),
        unread: Vec::new(),
    };
    for item in raw.items.unwrap_or_default() {
        match reading(item.get(), resource, version) {
            Ok(object) => page.objects.extend(object),
            Err(why) => page.unread.push(why),
        }
    }
    Ok(page)
}

/// Reads a line of the watch of `resource` in `version`.
pub fn line(text: &str, resource: &Resource, version: &str) -> Result<Line, Failure> {
    let raw: RawLine<'_> = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let object = raw.object.get();
    if raw.what == "ERROR" {
        let status: Status<'_> = serde_json::from_str(object).map_err(|error| unreadable(&error))?;
        return Ok(Line::Failed(Failure::of(status.code, &status.message)));
    }
    let meta: Meta<'_> = serde_json::from_str(object).map_err(|error| unreadable(&error))?;
    let at = meta.metadata.resource_version.into_owned();
    match raw.what.as_ref() {
        "BOOKMARK" => Ok(Line::Bookmark(at)),
        what @ ("ADDED" | "MODIFIED" | "DELETED") => {
            let (name, object) = read(object, resource, version).map_err(Failure::Other)?;
            Ok(if what == "DELETED" { Line::Deleted(name, at) } else { Line::Applied(Box::new(object), at) })
        }
        what => Err(Failure::Other(format!("the API server sends a line of type `{what}`, which no watch has"))),
    }
}

/// Reads one object of `resource`.
pub fn read(text: &str, resource: &Resource, version: &str) -> Result<(ObjectRef, Option<Object>), String> {
    let (name, node) = named(text, resource, version)?;
    let object = Object::read(&node, name.clone(), None);
    Ok((name, object))
}

/// The same without its name: the usual [`Reading`].
pub fn object(text: &str, resource: &Resource, version: &str) -> Result<Option<Object>, String> {
    read(text, resource, version).map(|(_, object)| object)
}

/// Name and content of an object; items of a list leave out their kind.
pub(super) fn named<'t>(text: &'t str, resource: &Resource, version: &str) -> Result<(ObjectRef, Node<'t>), String> {
    let mut node = pick_text(text, resource.want).map_err(|error| format!("an object of {resource} is {error}"))?;
    if let Node::Map(Map(members)) = &mut node {
        members.retain(|(key, _)| key != "apiVersion" && key != "kind");
        members.push(("apiVersion".into(), Node::Text(resource.api_version(version).into())));
        members.push(("kind".into(), Node::Text(resource.reads.kind.into())));
    }
    let name = objects::name_of(&node).filter(|name| !name.name.is_empty());
    let name = name.ok_or_else(|| format!("an object of {resource} has no name"))?;
    Ok((name, node))
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::Other(format!("the API server's answer cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::resource::{JUDGED, resources};
    use super::*;

    #[test]
    fn items_of_a_list_get_the_kind_of_the_list() {
        let all = resources(true);
        let nodes = all.iter().find(|resource| resource.reads.kind == "Node").unwrap();
        let text = r#"{"kind":"NodeList","metadata":{"resourceVersion":"7","continue":"x","remainingItemCount":3},
            "items":[{"metadata":{"name":"a"},"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}}]}"#;
        let page = page(text, nodes, "v1", &(Arc::new(object) as Reading<Object>)).unwrap();
        assert_eq!((page.version.as_str(), page.next.as_deref(), page.remaining), ("7", Some("x"), 3));
        assert_eq!(page.objects[0].reference().to_string(), "Node a");
        let Object::Found(found) = &page.objects[0] else { panic!() };
        assert_eq!(found.claims.len(), 1);
    }

    #[test]
    fn each_kind_of_line() {
        let kubevirt = &JUDGED[0];
        let object = r#"{"metadata":{"name":"k","namespace":"kubevirt","resourceVersion":"9"}}"#;
        let read = |what: &str| line(&format!(r#"{{"type":"{what}","object":{object}}}"#), kubevirt, "v1").unwrap();
        assert!(matches!(read("ADDED"), Line::Applied(one, at) if one.is_some() && at == "9"));
        assert!(matches!(read("DELETED"), Line::Deleted(name, _) if name.to_string() == "KubeVirt kubevirt/k"));
        assert_eq!(read("BOOKMARK"), Line::Bookmark("9".into()));
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        assert_eq!(line(gone, kubevirt, "v1").unwrap(), Line::Failed(Failure::Gone));
        assert!(line(r#"{"type":"OTHER","object":{"metadata":{}}}"#, kubevirt, "v1").is_err());
    }
}
