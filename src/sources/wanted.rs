//! What of an object a source can look at: a Node has some 30 KB of JSON, and few of them matter.

use super::Reads;
use crate::tree::Want;

/// What of the objects of `reads` is read. It leaves out only what no source reads and what is large.
pub fn wanted(reads: &Reads) -> &'static Want {
    match (reads.group, reads.kind) {
        ("", "Node") => &NODE,
        _ => &OTHER,
    }
}

static OTHER: Want = Want::Rest(&[("metadata", METADATA)]);

/// Without what kubelet reports of images, volumes and health.
static NODE: Want = Want::Rest(&[
    ("metadata", METADATA),
    (
        "status",
        Want::Rest(&[
            ("allocatable", Want::Nothing),
            ("capacity", Want::Nothing),
            ("conditions", Want::Nothing),
            ("images", Want::Nothing),
            ("volumesAttached", Want::Nothing),
            ("volumesInUse", Want::Nothing),
        ]),
    ),
]);

const METADATA: Want = Want::Rest(&[
    ("managedFields", Want::Nothing),
    ("annotations", Want::Rest(&[("kubectl.kubernetes.io/last-applied-configuration", Want::Nothing)])),
]);
