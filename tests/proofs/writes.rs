//! Writes to worlds: the same again, there and back, away with the cause, in another order.

use crate::worlds::{Scene, cause, causes, edits, read, scenes, today};
use kubevirt_preflight::finding::Finding;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::{review, review_change};
use kubevirt_preflight::world::{Change, World};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

fn found(world: &World) -> Vec<Finding> {
    review(world, &Policy::default(), today()).findings
}

fn helpless(world: &World) -> Vec<Finding> {
    found(world).into_iter().map(|finding| Finding { help: String::new(), ..finding }).collect()
}

/// A scene, one of its objects, and another state of that.
fn edited() -> impl Strategy<Value = (Scene, usize, Value)> {
    (scenes(), any::<Index>()).prop_flat_map(|(scene, at)| {
        let at = at.index(scene.objects.len());
        let edit = edits(&scene.objects[at]);
        (Just(scene), Just(at), edit)
    })
}

proptest! {
    #[test]
    fn a_write_that_changes_nothing_is_refused_nothing(scene in scenes()) {
        let world = scene.world();
        for object in scene.objects.iter().filter_map(read) {
            let change = Change { before: Some(object.clone()), after: Some(object) };
            let review = review_change(&change, &world, &Policy::default(), today());
            prop_assert_eq!(review.denied, vec![]);
        }
    }

    #[test]
    fn a_change_undone_leaves_the_review_as_it_was((scene, at, edit) in edited()) {
        let world = scene.world();
        let (was, is) = (read(&scene.objects[at]).unwrap(), read(&edit).unwrap());
        for state in [Some(is), None] {
            let there = world.with(was.reference(), state);
            let back = there.with(was.reference(), Some(was.clone()));
            prop_assert_eq!(found(&back), found(&world));
        }
    }

    /// A write laid over a world is the world made anew with it, as far as NADs and CRs go. The help may differ: a free
    /// subnet is sought among what was there before the write.
    #[test]
    fn a_write_laid_over_is_the_world_made_anew((scene, at, edit) in edited()) {
        let is = read(&edit).unwrap();
        prop_assume!(!matches!(is, kubevirt_preflight::objects::Object::Found(_)));
        let laid = scene.world().with(is.reference(), Some(is.clone()));
        let mut objects = scene.objects.clone();
        objects[at] = edit;
        prop_assert_eq!(helpless(&laid), helpless(&scene.with(objects).world()));
        let gone = scene.world().with(is.reference(), None);
        prop_assert_eq!(helpless(&gone), helpless(&scene.without(at).world()));
    }

    #[test]
    fn without_its_object_a_finding_is_gone(scene in scenes()) {
        let world = scene.world();
        for finding in found(&world) {
            let without = found(&world.with(&finding.object, None));
            prop_assert!(!causes(&without).contains_key(&cause(&finding)), "{finding:?}");
        }
    }

    #[test]
    fn without_its_fact_an_overlap_is_gone(scene in scenes()) {
        let world = scene.world();
        for finding in found(&world) {
            let Some(fact) = finding.fact.filter(|fact| fact.origin.object.kind != "ClusterNetworks") else { continue };
            let without = found(&world.with(&fact.origin.object, None));
            let rests = |one: &Finding| one.fact.as_ref().is_some_and(|f| f.origin.object.is_same(&fact.origin.object));
            prop_assert!(!without.iter().any(rests), "{fact:?}");
        }
    }

    #[test]
    fn the_order_of_the_objects_decides_nothing((scene, turned) in scenes().prop_flat_map(|scene| {
        let objects = Just(scene.objects.clone()).prop_shuffle();
        (Just(scene), objects)
    })) {
        prop_assert_eq!(scene.review(), scene.with(turned).review());
    }
}
