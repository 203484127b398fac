//! What must hold for every world, every write and every byte.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../benches/support/mod.rs"]
mod support;

mod bytes;
mod corpus;
mod equivalence;
mod moved;
mod overlap;
mod renewed;
#[path = "../../fuzz/targets.rs"]
mod targets;
mod worlds;
mod writes;
