//! What people say about the cluster's networks: the networks file, the `networks` of a policy, and flags.
//!
//! ```yaml
//! apiVersion: kubevirt-preflight.io/v1alpha1
//! kind: ClusterNetworks
//! pods: [10.244.0.0/16, "fd00:10:244::/56"]
//! services: [10.96.0.0/12]
//! apiServers: [192.168.10.5]
//! nodes:
//! - {name: node-1, addresses: [192.168.10.11/24]}
//! - {name: node-2, addresses: [192.168.10.12/24], virtHandler: false}
//! loadBalancers:
//! - {name: metallb, prefix: 192.168.20.10-192.168.20.99}
//! ```
//!
//! What is left out is unknown; an empty list says that there is none.

use super::file_error::FileError;
use super::lists::{ClusterNetworks, Lists, LooseRange, NamedRange, NodeAddress, NodeEntry, Range};
use super::{Claim, Class, Confidence, Origin};
use crate::net::parse::PrefixError;
use crate::net::{Interval, Prefix};
use crate::place::ObjectRef;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// `apiVersion` of our own files.
pub const API_VERSION: &str = "kubevirt-preflight.io/v1alpha1";
/// `kind` of the networks file.
pub const KIND: &str = "ClusterNetworks";

/// Why a flag is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// `--pod-cidr` or `--service-cidr` has no prefix and no range.
    #[error("{flag} {value}: {why}; give one prefix, or one range a-b, to each {flag}.")]
    Range {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: PrefixError,
    },
    /// `--node` has an address that cannot be read.
    #[error("--node {value}: {why}; write NAME=ADDRESS or NAME=ADDRESS/LENGTH.")]
    Node {
        /// The flag's value.
        value: String,
        /// What is wrong with it.
        why: PrefixError,
    },
    /// `--node` has no name or no `=`.
    #[error("--node {0}: the name is missing; write NAME=ADDRESS or NAME=ADDRESS/LENGTH.")]
    NoName(String),
}

/// Everything that people said, in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    claims: Vec<Claim>,
    knows: BTreeSet<Class>,
    nodes: BTreeMap<String, Option<bool>>,
    counts_nodes: bool,
}

impl Declared {
    /// The networks file `text`; `file_name` is how messages call it.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, FileError> {
        let file: ClusterNetworks = serde_saphyr::from_str(text).map_err(|error| FileError::of(file_name, &error))?;
        Ok(Self::of(&file.into(), &object(file_name), ""))
    }

    /// What `lists` say; they stand in `origin` below the path `root` (empty, or for example `networks.`).
    pub fn of(lists: &Lists, origin: &ObjectRef, root: &str) -> Self {
        let mut declared = Self::default();
        let origin = &Arc::new(origin.clone());
        let mut add = |class, key: &str, entries: Option<Vec<Entry>>| {
            let Some(entries) = entries else { return };
            declared.knows.insert(class);
            for Entry { place, label, interval } in entries {
                let origin = Origin::new(Arc::clone(origin), format!("{root}{key}{place}"));
                let origin = label.into_iter().fold(origin, Origin::labelled);
                declared.claim(class, interval, origin);
            }
        };
        add(Class::Pod, "pods", ranges(lists.pods.as_deref()));
        add(Class::Service, "services", ranges(lists.services.as_deref()));
        add(Class::CniInternal, "internal", named(lists.internal.as_deref()));
        add(Class::LoadBalancer, "loadBalancers", named(lists.load_balancers.as_deref()));
        add(Class::Secondary, "secondary", named(lists.secondary.as_deref()));
        add(Class::Other, "other", named(lists.other.as_deref()));
        for (at, LooseRange(interval)) in lists.api_servers.iter().flatten().enumerate() {
            declared.claim(Class::Node, *interval, Origin::new(Arc::clone(origin), format!("{root}apiServers[{at}]")));
        }
        if let Some(nodes) = &lists.nodes {
            declared.add_nodes(nodes, origin, root);
        }
        declared
    }

    /// With what the flags `--pod-cidr`, `--service-cidr` and `--node` add. Nodes that flags alone name are neither
    /// known to be all nor counted.
    pub fn with_flags(
        self,
        pod_cidrs: &[String],
        service_cidrs: &[String],
        nodes: &[String],
    ) -> Result<Self, FlagError> {
        let (mut declared, origin) = (self, Arc::new(object("flags")));
        for (flag, class, values) in
            [("--pod-cidr", Class::Pod, pod_cidrs), ("--service-cidr", Class::Service, service_cidrs)]
        {
            for value in values {
                let Range(interval) = Range::try_from(value.clone()).map_err(|why| FlagError::Range {
                    flag,
                    value: value.clone(),
                    why,
                })?;
                declared.knows.insert(class);
                declared.claim(class, interval, Origin::new(Arc::clone(&origin), flag));
            }
        }
        for value in nodes {
            let (name, address) = node_flag(value)?;
            declared.claim_address(address, &Origin::new(Arc::clone(&origin), "--node").labelled(&*name));
            declared.nodes.entry(name).or_default();
        }
        Ok(declared)
    }

    /// Both together: claims and classes of each, nodes by name. Where they differ about virt-handler, it runs.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.claims.extend(other.claims);
        self.knows.extend(other.knows);
        self.counts_nodes |= other.counts_nodes;
        for (name, said) in other.nodes {
            self.add_node(name, said);
        }
        self
    }

    /// The networks.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The classes of which everything was said.
    pub fn knows(&self) -> &BTreeSet<Class> {
        &self.knows
    }

    /// The nodes by name, each with whether virt-handler runs there.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, bool)> {
        self.nodes.iter().map(|(name, said)| (name.as_str(), said.unwrap_or(true)))
    }

    /// Whether `nodes` are all there are, so that they can be counted.
    pub fn counts_nodes(&self) -> bool {
        self.counts_nodes
    }

    fn claim(&mut self, class: Class, interval: Interval, origin: Origin) {
        self.claims.push(Claim { interval, class, confidence: Confidence::Declared, origin });
    }

    /// The on-link prefix, where there is a length, and the exact address.
    fn claim_address(&mut self, address: NodeAddress, origin: &Origin) {
        for prefix in address.on_link.into_iter().chain([Prefix::single(address.address)]) {
            self.claim(Class::Node, prefix.interval(), origin.clone());
        }
    }

    /// The addresses of nodes are known if no entry leaves them out.
    fn add_nodes(&mut self, nodes: &[NodeEntry], origin: &Arc<ObjectRef>, root: &str) {
        self.counts_nodes = true;
        if nodes.iter().all(|node| node.addresses.is_some()) {
            self.knows.insert(Class::Node);
        }
        for (at, node) in nodes.iter().enumerate() {
            for (part, address) in node.addresses.iter().flatten().enumerate() {
                let path = format!("{root}nodes[{at}].addresses[{part}]");
                self.claim_address(*address, &Origin::new(Arc::clone(origin), path).labelled(&*node.name));
            }
            self.add_node(node.name.clone(), node.virt_handler);
        }
    }

    fn add_node(&mut self, name: String, said: Option<bool>) {
        let known = self.nodes.entry(name).or_default();
        *known = (*known).max(said);
    }
}

/// The object that origins of the networks file and of flags name.
fn object(name: &str) -> ObjectRef {
    ObjectRef { api_version: API_VERSION.to_owned(), kind: KIND.to_owned(), namespace: None, name: name.to_owned() }
}

/// A range of a list: where it stands in the list, and what people call it.
struct Entry {
    place: String,
    label: Option<String>,
    interval: Interval,
}

fn ranges(list: Option<&[Range]>) -> Option<Vec<Entry>> {
    let entry = |(at, range): (usize, &Range)| Entry { place: format!("[{at}]"), label: None, interval: range.0 };
    Some(list?.iter().enumerate().map(entry).collect())
}

fn named(list: Option<&[NamedRange]>) -> Option<Vec<Entry>> {
    let entry = |(at, range): (usize, &NamedRange)| Entry {
        place: format!("[{at}].prefix"),
        label: Some(range.name.clone()),
        interval: range.prefix.0,
    };
    Some(list?.iter().enumerate().map(entry).collect())
}

fn node_flag(value: &str) -> Result<(String, NodeAddress), FlagError> {
    let pair = value.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, address) = pair.ok_or_else(|| FlagError::NoName(value.to_owned()))?;
    let address = NodeAddress::try_from(address.to_owned());
    address.map(|address| (name.to_owned(), address)).map_err(|why| FlagError::Node { value: value.to_owned(), why })
}

#[cfg(test)]
mod tests;
