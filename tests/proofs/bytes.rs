//! No bytes make anything panic: neither noise, nor texts that are almost right.

use crate::support::{kubevirt, nad, review};
use crate::worlds::{Scene, configs, today};
use kubevirt_preflight::admission::respond;
use kubevirt_preflight::cni::{Pools, Setting, read};
use kubevirt_preflight::manifests::{Input, Manifests};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::world::World;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use std::sync::LazyLock;

static WORLD: LazyLock<World> =
    LazyLock::new(|| Scene::of(vec![nad("192.168.150.0/24"), kubevirt("mig", 1, 0, 0)]).world());

const MANIFEST: &str = "%YAML 1.2\n---\n# c\napiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n\
    metadata: &m {name: mig, namespace: kubevirt, <<: *m}\nspec:\n  config: |-\n    {\"cniVersion\": \"1.0.0\",\n     \
    \"type\": \"macvlan\",\n     \"ipam\": {\"type\": \"dhcp\"}}\n...\n---\n{\"kind\": \"List\", \"items\": [{\"a\": \
    \"\\u00e9\"}, null]}\n--- >2\n  folded\n- ? [a, !!str b]\n  : 'it''s'\n";
const NETWORKS: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\npods: [10.244.0.0/16]\n\
    nodes:\n- {name: n1, addresses: [172.16.0.1/24, \"fd00::1\"], virtHandler: false}\nother: [{name: x, prefix: 1.2.3.4-1.2.3.9}]\n";
const POLICY: &str = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: Policy\nprofile: strict\nunknown: deny\n\
    rules: {default-route: warn}\nnetworks: {pods: [10.0.0.0/8]}\nexceptions:\n- {rule: default-route, reason: r, \
    expires: 2026-12-31, object: {kind: KubeVirt, name: 'k*'}}\n";

/// A cut, a doubling, or bytes put in.
#[derive(Clone, Debug)]
enum Damage {
    Cut(Index, u8),
    Double(Index, u8),
    Put(Index, Vec<u8>),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let pieces: Vec<&[u8]> = vec![
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\"",
        b"{",
        b"[",
        b"]",
        b"\n",
        b"\r",
        b"\t",
        b": ",
        b"- ",
        b"\\u",
        b"\\ud800",
        b"1e999",
        b"-",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!binary ",
        b"|9\n",
        b"/",
        b"@",
        b"%",
        b"::",
        b"\xef\xbb\xbf",
        b"{{",
        b"null",
        b"99999999999999999999",
    ];
    let damage = prop_oneof![
        (any::<Index>(), 0..9u8).prop_map(|(at, len)| Damage::Cut(at, len)),
        (any::<Index>(), 0..40u8).prop_map(|(at, len)| Damage::Double(at, len)),
        (any::<Index>(), proptest::sample::select(pieces)).prop_map(|(at, piece)| Damage::Put(at, piece.to_vec())),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Damage::Put(at, bytes)),
    ];
    prop::collection::vec(damage, 0..6)
}

fn damaged(text: &[u8], damages: &[Damage]) -> Vec<u8> {
    damages.iter().fold(text.to_vec(), |mut bytes, damage| {
        if bytes.is_empty() {
            return bytes;
        }
        let place = |at: &Index, len: u8, all: usize| {
            let start = at.index(all);
            start..(start + usize::from(len)).min(all)
        };
        match damage {
            Damage::Cut(at, len) => drop(bytes.drain(place(at, *len, bytes.len()))),
            Damage::Double(at, len) => {
                let part = bytes[place(at, *len, bytes.len())].to_vec();
                let start = at.index(bytes.len());
                bytes.splice(start..start, part);
            }
            Damage::Put(at, piece) => {
                let start = at.index(bytes.len());
                bytes.splice(start..start, piece.iter().copied());
            }
        }
        bytes
    })
}

/// Everything that reads bytes reads these; an answer is always a review that can be sent.
pub(crate) fn read_everywhere(bytes: &[u8]) {
    match respond(bytes, &WORLD, &Policy::default(), today()) {
        Ok(answer) => {
            let value: Value = serde_json::from_slice(&answer.bytes).unwrap();
            assert!(value["response"]["allowed"].is_boolean() && value["response"]["uid"] == answer.summary.uid);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let text = String::from_utf8_lossy(bytes);
    let pools = Pools::new();
    let setting = Setting { namespace: Some("kubevirt"), name: "mig", pools: &pools, pods_have_v6: None };
    let _ = read(&text, setting);
    let _ = Declared::parse(&text, "networks.yaml");
    let _ = Policy::parse(&text, "policy.yaml");
    for name in ["a.yaml", "a.json"] {
        let input = Input { name: name.into(), bytes: bytes.to_vec(), explicit: true };
        let manifests = Manifests::read(vec![input], None);
        for document in &manifests.documents {
            for path in ["", "kind", "metadata.name", "spec.config", "spec.configuration.migrations.network", "a[0].b"]
            {
                let place = manifests.place(document.id, path, Some("/plugins/0/ipam/range"));
                assert!(place.line >= 1 && place.column >= 1);
            }
        }
    }
}

proptest! {
    #[test]
    fn noise_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        read_everywhere(&bytes);
        read_everywhere(text.as_bytes());
    }

    #[test]
    fn what_is_almost_a_review_is_read_without_a_panic(config in configs(), damages in damages(), kind in 0..3u8) {
        let mut nad = nad("10.244.7.0/24");
        nad["metadata"]["managedFields"] = Value::Null;
        nad["spec"]["config"] = config.to_string().into();
        let body = match kind {
            0 => review("CREATE", nad, Value::Null),
            1 => review("UPDATE", kubevirt("mig", 1, 0, 0), kubevirt("x", 1, 0, 0)),
            _ => review("DELETE", Value::Null, nad),
        };
        read_everywhere(&damaged(&body, &damages));
    }

    #[test]
    fn what_is_almost_a_config_is_read_without_a_panic(config in configs(), damages in damages()) {
        read_everywhere(&damaged(config.to_string().as_bytes(), &damages));
    }

    #[test]
    fn what_is_almost_a_file_is_read_without_a_panic(damages in damages(), file in 0..3usize) {
        read_everywhere(&damaged([MANIFEST, NETWORKS, POLICY][file].as_bytes(), &damages));
    }
}
