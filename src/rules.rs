//! The rules: one file each beside its page, and the one list of them.
//!
//! A [`Rule`] is a static value. Its page is documentation, the text of `explain`, SARIF help and a test at once.
//! Levels, exceptions and enforcement are applied in [`crate::review`], never here.

mod overlap;
mod uplink;

use crate::finding::{Finding, Level};
use crate::world::{Change, World};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Names the pattern flagged; reads well after "allow".
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The level in each profile.
    pub levels: Levels,
    /// Its page, Markdown.
    pub page: &'static str,
    /// What it looks at.
    pub check: Check,
}

/// The level of a rule in each profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// Recommended, strict, relaxed.
    Set(Level, Level, Level),
    /// What policy says under `unknown`; warn in every profile.
    Unknown,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A state of the world.
    State(fn(&World) -> Vec<Finding>),
    /// A write with the world before and after it.
    Change(fn(&Change, &World, &World) -> Vec<Finding>),
    /// The policy itself; the review does it.
    Policy,
}

/// The rule of this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

/// Shorthands for the tables of levels.
mod levels {
    pub(super) use crate::finding::Level::{Deny as D, Off as O, Warn as W};
}

macro_rules! rules {
    ($($module:ident)*) => {
        $(mod $module;)*

        /// Every rule, in the order of reports.
        pub static RULES: &[&Rule] = &[$(&$module::RULE),*];
    };
}

rules! {
    reference_syntax
    odd_reference
    missing_attachment
    unseen_attachment
    foreign_namespace_attachment
    cross_namespace_attachment
    customized_network
    ignored_kubevirt
    cleartext_migration
    attachment_in_use
    edit_in_use
    pod_network_overlap
    service_network_overlap
    node_network_overlap
    cni_internal_overlap
    secondary_network_overlap
    special_range
    unusual_range
    no_address
    no_route_to_peers
    node_local_ipam
    duplicate_pool
    shared_pool
    range_too_small
    tight_range
    gateway_outside_network
    missing_interface
    weak_interface
    default_route
    routes_off_network
    dhcp_routes
    dhcp_may_route
    shared_l2_gateway
    unusable_config
    ambiguous_config
    odd_spelling
    opaque_config
    unchecked_networks
    implicit_master
    resource_not_requested
    unreadable_document
    misspelt_kind
    duplicate_object
    expired_exception
}
