//! Where something stands: in which object, and where in a file.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// The name of one Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// `group/version`, or `v1` for the core group.
    pub api_version: String,
    /// For example `NetworkAttachmentDefinition`.
    pub kind: String,
    /// `None` for a cluster-scoped object and for a manifest that leaves it out.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectRef {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Whether both name the same object, in whatever version.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.namespace == other.namespace
            && self.group() == other.group()
    }

    /// Whether the API can have an object of this name: then it is safe in a path. A review is written by whoever reaches
    /// the port, and says what it likes.
    pub fn can_exist(&self) -> bool {
        is_name(&self.name) && self.namespace.as_deref().is_none_or(is_name)
    }
}

/// Whether an object may have this name (RFC 1123, as in a path of the API).
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().last()];
    let inside = text.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'.');
    text.len() <= 253 && inside && ends.iter().all(|end| end.is_some_and(plain))
}

/// `NetworkAttachmentDefinition kubevirt/mig`
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None if self.name.is_empty() => f.write_str(&self.kind),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// A place in a file; 1-based, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// As named on the command line, or found below a directory named there.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}
