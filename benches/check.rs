//! What `check` costs on a large repository: 10,000 manifests, 6,000 of them NADs that are all judged.
#![allow(clippy::expect_used, missing_docs)]

mod support;

use divan::{Bencher, counter::ItemsCount};
use jiff::civil::date;
use kubevirt_preflight::manifests::{Input, Manifests};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::{Review, review};
use kubevirt_preflight::world::{Inputs, Settings, World};
use std::fmt::Write as _;

const MANIFESTS: usize = 10_000;
/// Documents in a file.
const TOGETHER: usize = 20;

fn main() {
    divan::main();
}

/// Six NADs in ten, each with a range of its own, but for one in a hundred that meets pods and one that meets another
/// NAD; four CRs; ConfigMaps and Deployments.
fn manifest(at: usize) -> String {
    let namespace = at / 100;
    let (high, low) = (at >> 8, at & 255);
    match at % 10 {
        0..6 => {
            let range = match at % 100 {
                0 => format!("10.244.{low}.0/24"),
                1 => "172.30.0.0/24".to_owned(),
                _ => format!("10.{}.{low}.0/24", high + 10),
            };
            format!(
                "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nmetadata:\n  name: net-{at}\n  \
                 namespace: tenant-{namespace}\nspec:\n  config: |-\n    {{\n      \"cniVersion\": \"0.3.1\",\n      \
                 \"name\": \"net-{at}\",\n      \"type\": \"macvlan\",\n      \"master\": \"eth1\",\n      \"ipam\": \
                 {{\n        \"type\": \"whereabouts\",\n        \"range\": \"{range}\"\n      }}\n    }}\n"
            )
        }
        6 if at % 2_500 == 6 => format!(
            "apiVersion: kubevirt.io/v1\nkind: KubeVirt\nmetadata: {{name: kubevirt, namespace: tenant-{namespace}}}\n\
             spec:\n  configuration:\n    migrations:\n      network: net-{}\n",
            at - 4
        ),
        6 | 7 => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-{at}\n  namespace: tenant-{namespace}\ndata:\n  \
             key: value\n  text: |\n    several\n    lines\n"
        ),
        _ => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{at}\n  namespace: tenant-{namespace}\n  \
             labels: {{app: app-{at}}}\nspec:\n  replicas: 3\n  selector: {{matchLabels: {{app: app-{at}}}}}\n  \
             template:\n    metadata: {{labels: {{app: app-{at}}}}}\n    spec:\n      containers:\n      - name: main\n        \
             image: registry/app:{at}\n        resources: {{limits: {{cpu: 1, memory: 1Gi}}}}\n"
        ),
    }
}

fn inputs(count: usize) -> Vec<Input> {
    let manifests: Vec<_> = (0..count).map(manifest).collect();
    let files = manifests.chunks(TOGETHER).enumerate().map(|(at, chunk)| {
        let text = chunk.iter().fold(String::new(), |mut text, manifest| {
            let _ = write!(text, "---\n{manifest}");
            text
        });
        Input { name: format!("{at}.yaml"), bytes: text.into_bytes(), explicit: false }
    });
    files.collect()
}

fn world(manifests: &Manifests) -> World {
    let read = manifests
        .documents
        .iter()
        .filter_map(|document| Object::read(&document.node, document.object.clone(), Some(document.id)));
    let declared = Declared::parse(support::NETWORKS, "cluster.yaml").expect("a networks file");
    let settings = Settings { all_nads: true, ..Settings::default() };
    World::of(Inputs { objects: read.collect(), declared, settings, ..Inputs::default() })
}

fn judged(world: &World) -> Review {
    review(world, &Policy::default(), date(2026, 11, 24))
}

/// From bytes to findings, with half and with all the manifests: twice as many take twice as long.
#[divan::bench(args = [MANIFESTS / 2, MANIFESTS], sample_count = 5, sample_size = 1)]
fn check(bencher: Bencher<'_, '_>, count: usize) {
    bencher.counter(ItemsCount::new(count)).with_inputs(|| inputs(count)).bench_local_values(|inputs| {
        let review = judged(&world(&Manifests::read(inputs, None)));
        assert!(review.findings.len() > count / 200);
        review
    });
}

/// The first part of it.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| inputs(MANIFESTS)).bench_local_values(|inputs| Manifests::read(inputs, None));
}

/// The second.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn draw(bencher: Bencher<'_, '_>) {
    let manifests = Manifests::read(inputs(MANIFESTS), None);
    bencher.bench_local(|| world(&manifests));
}

/// The third.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn judge(bencher: Bencher<'_, '_>) {
    let world = world(&Manifests::read(inputs(MANIFESTS), None));
    bencher.bench_local(|| judged(&world));
}
