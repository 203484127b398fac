//! Where it is written that addresses are in use.

use crate::place::ObjectRef;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::sync::Arc;

/// The field that says a range is in use; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The object; for the networks file and flags kind `ClusterNetworks` with the file's name or `flags`.
    pub object: Arc<ObjectRef>,
    field: Arc<Field>,
}

/// A field of some object: thousands of nodes share theirs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Field {
    path: Box<str>,
    label: Option<Box<str>>,
    pool: Option<Arc<str>>,
}

impl Origin {
    /// The field `path` of `object`, without a name of its own.
    pub fn new(object: impl Into<Arc<ObjectRef>>, path: impl Into<String>) -> Self {
        let field = Field { path: path.into().into(), label: None, pool: None };
        Self { object: object.into(), field: field.into() }
    }

    /// The same entry under the name that people call it.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Self {
        let field = Field { label: Some(label.into().into()), ..self.field.as_ref().clone() };
        Self { field: field.into(), ..self }
    }

    /// Dotted path of the field, or the flag.
    pub fn path(&self) -> &str {
        &self.field.path
    }

    /// What people call the entry, if it has a name.
    pub fn label(&self) -> Option<&str> {
        self.field.label.as_deref()
    }

    /// The pool that its range is, if it is one that a NAD can draw from: see [`crate::cni::Attachment::own`].
    pub fn pool(&self) -> Option<&str> {
        self.field.pool.as_deref()
    }

    /// From now on its range is this pool.
    pub fn set_pool(&mut self, pool: &Arc<str>) {
        Arc::make_mut(&mut self.field).pool = Some(Arc::clone(pool));
    }

    pub(crate) fn field_mut(&mut self) -> &mut Arc<Field> {
        &mut self.field
    }
}

/// `IPPool default-pool (spec.cidr)`, `ClusterNetworks c.yaml (internal[0].prefix, join)`, `flag --pod-cidr`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (object, path) = (&self.object, self.path());
        match self.label() {
            Some(label) if path.starts_with("--") => write!(f, "flag {path}, {label}"),
            None if path.starts_with("--") => write!(f, "flag {path}"),
            Some(label) => write!(f, "{object} ({path}, {label})"),
            None => write!(f, "{object} ({path})"),
        }
    }
}

/// `{"object": ..., "path": "spec.cidr"}`
impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Origin", 2)?;
        members.serialize_field("object", self.object.as_ref())?;
        members.serialize_field("path", self.path())?;
        members.end()
    }
}
