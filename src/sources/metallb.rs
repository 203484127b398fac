//! MetalLB's address pools for Services of type LoadBalancer.

use super::field::Field;
use super::{Reads, Source};
use crate::networks::{Class, Confidence};

/// `metallb.io` IPAddressPool, `spec.addresses`: prefixes or ranges, blanks round the dash allowed.
pub static SOURCE: Source = Source {
    name: "metallb",
    reads: &[Reads::all("metallb.io", &["v1beta1"], "ipaddresspools", "IPAddressPool")],
    knows: &[Class::LoadBalancer],
    whole_in_itself: false,
    learn: |node, found| {
        let addresses = Field::root(node).at(&["spec", "addresses"], found).required(found);
        addresses.claim_each(Class::LoadBalancer, Confidence::Live, found);
    },
};
