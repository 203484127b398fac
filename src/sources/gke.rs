//! Networks of GKE's pods (GoogleCloudPlatform/gke-networking-api apis/network/v1: `GKENetworkParamSetStatus`).

use super::field::Field;
use super::{Reads, Source};
use crate::networks::{Class, Confidence};

/// GKENetworkParamSet, `status.podCIDRs.cidrBlocks`: that of the name `default` is the pods' own network, though a pool
/// of nodes may have another range; the others are of further interfaces.
pub static SOURCE: Source = Source {
    name: "gke",
    reads: &[Reads::all("networking.gke.io", &["v1", "v1alpha1"], "gkenetworkparamsets", "GKENetworkParamSet")],
    knows: &[],
    whole_in_itself: false,
    learn: |node, found| {
        let default = found.object.name == "default";
        let class = if default { Class::Pod } else { Class::Secondary };
        let confidence = if default { Confidence::Floor } else { Confidence::Live };
        let blocks = Field::root(node).at(&["status", "podCIDRs", "cidrBlocks"], found);
        blocks.claim_each(class, confidence, found);
    },
};
