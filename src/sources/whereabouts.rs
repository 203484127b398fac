//! whereabouts IPPools: the ranges that pods have got addresses from. The object of a range is made with the first of
//! them, and its name says which NADs share it (pkg/storage/kubernetes:IPPoolName).

use super::{Found, Reads, Source};
use crate::networks::{Class, Confidence};
use crate::tree::Node;
use std::sync::Arc;

/// whereabouts IPPools.
pub static SOURCE: Source = Source {
    name: "whereabouts",
    reads: &[Reads {
        group: "whereabouts.cni.cncf.io",
        versions: &["v1alpha1"],
        plural: "ippools",
        kind: "IPPool",
        namespace: None,
        name: None,
    }],
    knows: &[],
    whole_in_itself: false,
    learn,
};

fn learn(object: &Node<'_>, found: &mut Found) {
    let key: Arc<str> = Arc::from(format!("whereabouts/{}", found.object.name));
    if let Some(range) = object.text_at(&["spec", "range"]) {
        found.claim_text(Class::Secondary, range, Confidence::Live, "spec.range");
    }
    found.claims.iter_mut().for_each(|claim| claim.origin.set_pool(&key));
}

#[cfg(test)]
mod tests {
    use super::super::testing::learnt;
    use super::SOURCE;

    #[test]
    fn a_range_is_claimed_as_the_pool_that_the_name_says() {
        let named = |name: &str, spec: &str| learnt(&SOURCE, name, spec).claims;
        assert_eq!(
            named("mig-10.77.3.0-24", r#"{"range":"10.77.3.0/24","allocations":{}}"#),
            ["secondary 10.77.3.0/24 live spec.range of whereabouts/mig-10.77.3.0-24"]
        );
        assert_eq!(named("x", "{}"), Vec::<String>::new());
        assert_eq!(learnt(&SOURCE, "x", r#"{"range":"10.77.3.0/40"}"#).bad, ["spec.range"]);
    }
}
