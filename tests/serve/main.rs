//! The server over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod api;
mod basics;
#[path = "../../benches/support/mod.rs"]
mod bodies;
mod certificates;
mod client;
mod client_certificates;
mod descriptors;
mod files;
mod in_cluster;
mod kept;
mod limits;
mod logs;
mod malformed;
mod metrics;
mod pki;
mod process;
mod raw;
mod reread;
mod rotation;
mod self_managed;
mod server;
mod simulation;
mod startup;
mod stop;
mod telemetry;
mod tls;
mod volume;
mod wire;
