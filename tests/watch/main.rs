//! How the cluster is followed, held against a stand-in API server on loopback that says what a test tells it to: a real
//! one cannot be made to fail at a given line. What the real one says is in `make e2e`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod api;
mod breaking;
mod ready;
mod reread;
mod standing;
mod states;
