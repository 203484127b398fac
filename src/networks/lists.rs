//! The fields of the networks file and of a policy's `networks`, as they are written.

use crate::net::parse::{PrefixError, strict_interval, strict_ip, strict_prefix};
use crate::net::{Interval, Prefix};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::net::IpAddr;

/// The fields that the networks file and a policy's `networks` share, with what stands before them.
macro_rules! with_lists {
    ($(#[$meta:meta])* $name:ident { $($extra:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct $name {
            $($extra)*
            /// Addresses of pods on the default network.
            #[serde(default)]
            pub pods: Option<Vec<Range>>,
            /// Addresses of Services (ClusterIPs).
            #[serde(default)]
            pub services: Option<Vec<Range>>,
            /// Where the API servers answer; bare addresses are allowed.
            #[serde(default)]
            pub api_servers: Option<Vec<LooseRange>>,
            /// The nodes with their primary addresses.
            #[serde(default)]
            pub nodes: Option<Vec<NodeEntry>>,
            /// Ranges that the CNI keeps for itself: join, transit, masquerade.
            #[serde(default)]
            pub internal: Option<Vec<NamedRange>>,
            /// Pools for Services of type LoadBalancer.
            #[serde(default)]
            pub load_balancers: Option<Vec<NamedRange>>,
            /// Further interfaces of the nodes, and other attachments.
            #[serde(default)]
            pub secondary: Option<Vec<NamedRange>>,
            /// Everything else.
            #[serde(default)]
            pub other: Option<Vec<NamedRange>>,
        }
    };
}

with_lists! {
    /// The networks file.
    ClusterNetworks {
        /// `kubevirt-preflight.io/v1alpha1`
        pub api_version: ApiVersion,
        /// `ClusterNetworks`
        pub kind: Kind,
    }
}

with_lists! {
    /// The networks that a policy or a networks file names.
    #[derive(Default)]
    Lists {}
}

/// The one version of our files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[default]
    #[serde(rename = "kubevirt-preflight.io/v1alpha1")]
    V1Alpha1,
}

/// The kind of the networks file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Kind {
    /// The only one.
    ClusterNetworks,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NodeEntry {
    /// The Node's name.
    pub name: String,
    /// Primary addresses; one with a length (`192.168.10.11/24`) gives the node's on-link prefix, too.
    #[serde(default)]
    pub addresses: Option<Vec<NodeAddress>>,
    /// Whether virt-handler runs there; true if left out.
    #[serde(default)]
    pub virt_handler: Option<bool>,
}

/// A range with a name for people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedRange {
    /// What it is.
    pub name: String,
    /// Its addresses.
    pub prefix: Range,
}

/// A prefix in CIDR form without host bits, or a range `a-b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Range(pub(super) Interval);

/// A [`Range`], or a bare address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LooseRange(pub(super) Interval);

/// An address of a node, with the length of its on-link prefix if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeAddress {
    pub(super) address: IpAddr,
    pub(super) on_link: Option<Prefix>,
}

impl TryFrom<String> for Range {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        strict_interval(&text).map(Self)
    }
}

impl TryFrom<String> for LooseRange {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        match strict_interval(&text) {
            Err(PrefixError::NoLength(..)) => strict_ip(&text).map(Interval::single).map(Self),
            other => other.map(Self),
        }
    }
}

impl TryFrom<String> for NodeAddress {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        let address = strict_ip(text.split('/').next().unwrap_or_default())?;
        match strict_prefix(&text) {
            Ok(prefix) | Err(PrefixError::HostBits(_, prefix)) => Ok(Self { address, on_link: Some(prefix) }),
            Err(PrefixError::NoLength(..)) => Ok(Self { address, on_link: None }),
            Err(error) => Err(error),
        }
    }
}

impl From<ClusterNetworks> for Lists {
    fn from(file: ClusterNetworks) -> Self {
        let ClusterNetworks { pods, services, api_servers, nodes, internal, load_balancers, secondary, other, .. } =
            file;
        Self { pods, services, api_servers, nodes, internal, load_balancers, secondary, other }
    }
}

/// A string in the schema; what it must hold is said in words, for a pattern would be longer and less exact.
macro_rules! text_schema {
    ($name:ident: $description:literal, $($example:literal),+) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "description": $description, "examples": [$($example),+]})
            }
        }
    };
}

text_schema!(Range: "A prefix in CIDR form without host bits, or a range a-b.", "10.244.0.0/16", "192.168.20.10-192.168.20.99");
text_schema!(LooseRange: "An address, a prefix in CIDR form without host bits, or a range a-b.", "192.168.10.5");
text_schema!(NodeAddress: "A primary address; with a length it gives the on-link prefix, too.", "192.168.10.11/24", "192.168.10.11");
