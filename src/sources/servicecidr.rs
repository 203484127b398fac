//! ServiceCIDR, the ranges of ClusterIPs (KEP-1880, GA in Kubernetes 1.33). One that is not Ready counts, too: addresses
//! from it may live on.

use super::field::Field;
use super::{Reads, Source};
use crate::networks::{Class, Confidence};

/// `networking.k8s.io` ServiceCIDR, `spec.cidrs`.
pub static SOURCE: Source = Source {
    name: "servicecidr",
    reads: &[Reads::all("networking.k8s.io", &["v1", "v1beta1"], "servicecidrs", "ServiceCIDR")],
    knows: &[Class::Service],
    whole_in_itself: false,
    learn: |node, found| {
        let cidrs = Field::root(node).at(&["spec", "cidrs"], found).required(found);
        cidrs.claim_each(Class::Service, Confidence::Live, found);
    },
};
