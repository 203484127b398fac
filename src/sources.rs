//! Where the cluster's networks can be learned: one file a source, and the one list of them.
//!
//! A [`Source`] names the objects that it reads and has a pure function from such an object to what it says. The
//! watcher, `check`, `snapshot` and the webhook's reverse direction all call that same function.

use crate::cni::Pool;
use crate::finding::ObjectRef;
use crate::net::Interval;
use crate::net::parse::strict_interval;
use crate::networks::{Claim, Class, Confidence, Origin};
use crate::tree::Node;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A way to learn networks.
#[derive(Debug)]
pub struct Source {
    /// As `networks` and the metrics name it.
    pub name: &'static str,
    /// The objects it reads.
    pub reads: &'static [Reads],
    /// The classes that it makes known where its list is whole (or the one object it reads is there).
    pub knows: &'static [Class],
    /// Whether one object is the whole truth about `knows`, so that it counts even among files.
    pub whole_in_itself: bool,
    /// What an object says.
    pub learn: fn(&Node<'_>, &mut Found),
}

/// A resource that a source reads; the chart's RBAC is made from these.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Served versions, the preferred one first.
    pub versions: &'static [&'static str],
    /// Resource name in the API.
    pub plural: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Only objects in this namespace.
    pub namespace: Option<&'static str>,
    /// Only the object of this name.
    pub name: Option<&'static str>,
}

/// What one object says about the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The object.
    pub object: ObjectRef,
    /// Which document it was read from.
    pub document: Option<usize>,
    /// The source that read it.
    pub source: &'static str,
    /// Addresses in use.
    pub claims: Vec<Claim>,
    /// Pools that a NAD can draw from, by the key that NADs name them with.
    pub pools: Vec<Pool>,
    /// Set by Node objects.
    pub node: Option<NodeFacts>,
    /// Fields that could not be read: path and why.
    pub bad: Vec<(String, String)>,
}

/// What decides whether virt-handler runs on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// `metadata.name`
    pub name: String,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `spec.taints` with effect NoSchedule or NoExecute: key, value, effect.
    pub taints: Vec<(String, String, String)>,
}

impl Found {
    /// Nothing yet, about `object`.
    pub fn about(object: ObjectRef, source: &'static str) -> Self {
        Self { object, document: None, source, claims: Vec::new(), pools: Vec::new(), node: None, bad: Vec::new() }
    }

    /// Claims `interval` for `class`.
    pub fn claim(&mut self, class: Class, interval: Interval, confidence: Confidence, path: impl Into<String>) {
        let origin = Arc::new(Origin { object: self.object.clone(), path: path.into() });
        self.claims.push(Claim { interval, class, confidence, origin, pool: None });
    }

    /// Claims the CIDR or range `text` for `class`; what cannot be read is noted in `bad`.
    pub fn claim_text(&mut self, class: Class, text: &str, confidence: Confidence, path: &str) {
        match strict_interval(text.trim()) {
            Ok(interval) => self.claim(class, interval, confidence, path),
            Err(error) => self.bad.push((path.to_owned(), error.to_string())),
        }
    }
}

/// Every source.
pub static SOURCES: &[&Source] = &[];
