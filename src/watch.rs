//! The cluster as it is now: what is read of it, kept up to date, and made into what reviews are judged with.
//!
//! ```text
//! resource (what is read) ─► follow (list, watch, list again) ─► kept (states and objects) ─► judging ─► Judge
//! reread (a few objects, now)      once (all lists, once: audit, networks, snapshot; reduced) ─► kept
//! named (tells that one object has changed)
//! ```
//!
//! kube-runtime's watcher is not used: it hides the version of a list and the bookmarks, which age rests on, and keeps
//! whole objects, of which a cluster's nodes take half a gigabyte.

pub mod answers;
pub mod client;
pub mod follow;
pub mod judging;
pub mod kept;
pub mod named;
pub mod once;
pub mod pace;
pub mod reduced;
pub mod reread;
pub mod resource;
pub mod wire;
