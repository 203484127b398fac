//! What a world is made from.

use crate::networks::declared::Declared;
use crate::objects::Object;
use crate::place::{ObjectRef, Place};
use std::collections::BTreeSet;

/// The parts of a world to be.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The objects.
    pub objects: Vec<Object>,
    /// What the networks file, flags and policy declare.
    pub declared: Declared,
    /// Which lists are whole.
    pub lists: Lists,
    /// What policy and flags say about the world.
    pub settings: Settings,
    /// Documents that are no good.
    pub problems: Vec<Problem>,
}

/// Whether absence from the world is a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// All NADs are in the world.
    pub nads: bool,
    /// Group and kind of the other lists that are whole.
    pub kinds: BTreeSet<(String, String)>,
    /// Nothing is about to follow: not an admission, where the next write may bring what is missing.
    pub at_rest: bool,
}

/// What policy and flags say about the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Namespaces that KubeVirt is installed in although no CR says so.
    pub install_namespaces: Vec<String>,
    /// Whether Multus isolates namespaces; `None` leaves it to what the world shows.
    pub namespace_isolation: Option<bool>,
    /// Namespaces that every pod may refer to; `None` is Multus's default list.
    pub global_namespaces: Option<Vec<String>>,
    /// References made by CRs outside the world: namespace and name.
    pub migration_networks: Vec<(String, String)>,
    /// Judge every NAD as a candidate.
    pub all_nads: bool,
}

/// A document that is no good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It cannot be read.
    Unreadable {
        /// Where reading stopped.
        place: Place,
        /// Why.
        why: String,
        /// What to do.
        help: String,
    },
    /// Its kind or group is that of a judged kind but for case or one letter.
    Misspelt {
        /// As written.
        object: ObjectRef,
        /// Where the word stands.
        place: Place,
        /// The word.
        found: String,
        /// The word that is meant.
        meant: String,
    },
    /// An object of the same name stood before.
    Duplicate {
        /// The object.
        object: ObjectRef,
        /// This document.
        document: usize,
        /// Where this one stands.
        place: Place,
        /// Where the first one stands.
        first: Place,
    },
}
