//! The server over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod basics;
#[path = "../../benches/support/mod.rs"]
mod bodies;
mod client;
mod limits;
mod malformed;
mod pki;
mod program;
mod raw;
mod reread;
mod server;
mod stop;
mod wire;
