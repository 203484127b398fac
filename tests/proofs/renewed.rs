//! A world that is made from the one before it is the world made anew, and reads only what changed.

use crate::worlds::{Scene, edits, nads, read, scenes};
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::sources::shared::Shared;
use kubevirt_preflight::world::{Attached, World};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::sync::Arc;

/// Everything that a world holds.
fn all(world: &World) -> String {
    format!("{world:#?}")
}

proptest! {
    #[test]
    fn a_renewed_world_is_the_world_made_anew(
        (scene, at, edit) in (scenes(), any::<Index>()).prop_flat_map(|(scene, at)| {
            let at = at.index(scene.objects.len());
            let edit = edits(&scene.objects[at]);
            (Just(scene), Just(at), edit)
        }),
        more in nads(),
    ) {
        let first: Vec<Object> = scene.objects.iter().filter_map(read).collect();
        let world = World::of(scene.inputs(first.clone()));
        let mut edited = first.clone();
        if let Some(place) = edited.get_mut(at) {
            *place = read(&edit).unwrap();
        }
        let mut removed = first.clone();
        drop(removed.drain(at.min(first.len())..(at + 1).min(first.len())));
        let added = first.iter().cloned().chain(read(&more)).collect();
        for objects in [first, edited, removed, added] {
            let renewed = World::renewed(&world, scene.inputs(objects.clone()));
            prop_assert_eq!(all(&renewed), all(&World::of(scene.inputs(objects))));
        }
    }

    #[test]
    fn sharing_changes_no_object(scene in scenes()) {
        let mut shared = Shared::default();
        for object in scene.objects.iter().filter_map(read) {
            prop_assert_eq!(shared.share(object.clone()), object);
        }
    }
}

fn nad(name: &str, config: &Value) -> Object {
    read(&json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": "kubevirt"}, "spec": {"config": config.to_string()}}))
    .unwrap()
}

/// A kube-ovn Subnet that NADs draw from.
fn subnet(prefix: &str) -> Object {
    read(&json!({"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": "mig"},
        "spec": {"cidrBlock": prefix, "provider": "mig.kubevirt.ovn"}}))
    .unwrap()
}

/// Addresses of pods.
fn pool(prefix: &str) -> Object {
    read(&json!({"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": {"name": "p"},
        "spec": {"cidr": prefix}}))
    .unwrap()
}

/// How many attachments the second world has from the first one.
fn kept(first: Vec<Object>, second: Vec<Object>) -> usize {
    let scene = Scene::undeclared(Vec::new());
    let before = World::of(scene.inputs(first));
    let after = World::renewed(&before, scene.inputs(second.clone()));
    assert_eq!(all(&after), all(&World::of(scene.inputs(second))));
    let is_kept = |one: &&Arc<Attached>| before.nads().any(|other| Arc::ptr_eq(one, other));
    after.nads().filter(is_kept).count()
}

#[test]
fn only_what_changed_is_read() {
    let drawn = nad(
        "drawn",
        &json!({"cniVersion": "1.0.0", "name": "n", "type": "macvlan", "master": "eth1",
        "ipam": {"type": "kube-ovn", "provider": "mig.kubevirt.ovn", "server_socket": "/run/openvswitch/kube-ovn-daemon.sock"}}),
    );
    let plain = |name: &str, range: &str| {
        nad(
            name,
            &json!({"cniVersion": "1.0.0", "name": "n", "type": "macvlan", "master": "eth1",
            "ipam": {"type": "whereabouts", "range": range}}),
        )
    };
    let (one, other) = (plain("one", "10.9.0.0/24"), plain("other", "10.8.0.0/24"));
    let first = subnet("10.5.0.0/24");
    let all = vec![drawn.clone(), one.clone(), other.clone(), first.clone()];
    assert_eq!(kept(all.clone(), all.clone()), 3);
    let edited = vec![drawn.clone(), plain("one", "10.7.0.0/24"), other.clone(), first];
    assert_eq!(kept(all.clone(), edited), 2);
    // What a NAD means rests on the pools, and on whether pods have IPv6 addresses.
    assert_eq!(kept(all.clone(), vec![drawn, one, other, subnet("10.5.0.0/16")]), 0);
    let with = |pods: &str| all.iter().cloned().chain([pool(pods)]).collect::<Vec<_>>();
    assert_eq!(kept(with("10.250.0.0/16"), with("10.251.0.0/16")), 3);
    assert_eq!(kept(with("10.250.0.0/16"), with("fd00:99::/64")), 0);
}
