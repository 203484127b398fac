//! kubevirt-preflight judges a KubeVirt live-migration network before it lands.
//!
//! A write is a change to a world of objects; review the world before and after; refuse what the write would make worse.
//!
//! ```text
//! AdmissionReview ─► Change ──┐
//! manifests ──────────────────┼─► World ─► RULES ─► [Finding] ─► admission response | report
//! watched or listed objects ──┘
//! ```

pub mod admission;
pub mod cni;
pub mod finding;
pub mod manifests;
pub mod net;
pub mod networks;
pub mod objects;
pub mod place;
pub mod policy;
pub mod report;
pub mod review;
pub mod rules;
#[cfg(feature = "shell")]
pub mod serve;
pub mod sources;
#[cfg(feature = "shell")]
pub mod standing;
pub mod tree;
#[cfg(feature = "shell")]
pub mod watch;
pub mod words;
pub mod world;
