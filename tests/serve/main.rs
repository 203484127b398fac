//! The server over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod basics;
#[path = "../../benches/support/mod.rs"]
mod bodies;
mod certificates;
mod client;
mod client_certificates;
mod pki;
mod process;
mod rotation;
mod server;
mod tls;
mod volume;
