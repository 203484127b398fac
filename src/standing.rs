//! The background audit of `serve`: what stands in the cluster as it is, and where that is told.
//!
//! ```text
//! Judge ─► follow (review at rest) ─► state (what stands, what is due) ─► metrics, Events, one report object
//! a refused write ─► denials ─► Events
//! ```
//!
//! Every replica does so, and there is no leader: an Event's name derives from what it tells, and it is written by
//! server-side apply, so that a second replica's write is the same write. Nothing is ever repaired.

pub mod denials;
pub mod event;
pub mod follow;
pub mod report;
pub mod state;
pub mod write;
