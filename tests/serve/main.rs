//! The server over real sockets.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code)]

mod basics;
#[path = "../../benches/support/mod.rs"]
mod bodies;
mod client;
mod pki;
mod server;
