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

/// What is wrong with the documents themselves, apart from what their objects say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A document that cannot be read, or beyond a limit.
    Unreadable {
        /// Where reading stopped.
        place: Place,
        /// Why, one sentence without its full stop.
        why: String,
        /// What to do, one sentence.
        help: String,
    },
    /// A kind or apiVersion that is a letter off.
    Misspelt {
        /// The document.
        document: usize,
        /// The object under its misspelt name.
        object: ObjectRef,
        /// The key `kind` or `apiVersion`.
        place: Place,
        /// `kind` or `apiVersion`.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What was probably meant.
        meant: String,
    },
    /// An object that the files hold more than once.
    Duplicate {
        /// The later one.
        document: usize,
        /// The object.
        object: ObjectRef,
        /// The key `name` of the later one.
        place: Place,
        /// The key `name` of the first one.
        first: Place,
    },
}
