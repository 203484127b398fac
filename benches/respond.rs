//! What one review costs, by size of the body and of the cluster. Ratios within one run are what counts.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use divan::{Bencher, black_box, counter::BytesCount};
use jiff::civil::date;
use kubevirt_preflight::admission::respond;
use kubevirt_preflight::policy::Policy;
use serde_json::Value;
use support::{kubevirt, nad, object, review, world};

const SIZES: [usize; 4] = [10, 1_000, 15_000, 100_000];

fn main() {
    divan::main();
}

fn run(bencher: Bencher<'_, '_>, networks: usize, body: &[u8]) {
    let objects = vec![object(&nad("192.168.150.0/24")), object(&kubevirt("mig", 4, 1, 4))];
    let world = world(networks, objects);
    let policy = Policy::default();
    let today = date(2026, 11, 24);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| respond(black_box(body), &world, &policy, today).unwrap());
}

/// CREATE of a NAD that nothing is wrong with.
#[divan::bench(args = SIZES)]
fn nad_create(bencher: Bencher<'_, '_>, networks: usize) {
    run(bencher, networks, &review("CREATE", nad("192.168.150.0/24"), Value::Null));
}

/// CREATE of a NAD that meets pods.
#[divan::bench(args = SIZES)]
fn nad_denied(bencher: Bencher<'_, '_>, networks: usize) {
    run(bencher, networks, &review("CREATE", nad("10.64.0.0/24"), Value::Null));
}

/// UPDATE of a KubeVirt, 59 KB with managedFields.
#[divan::bench(args = SIZES)]
fn kubevirt_update(bencher: Bencher<'_, '_>, networks: usize) {
    let body = review("UPDATE", kubevirt("mig", 28, 3, 160), kubevirt("mig", 27, 3, 160));
    run(bencher, networks, &body);
}

/// What any serde_json reader pays for the same KubeVirt body: every byte looked at, nothing kept.
#[divan::bench]
fn floor_skip_everything(bencher: Bencher<'_, '_>) {
    let body = review("UPDATE", kubevirt("mig", 28, 3, 160), kubevirt("mig", 27, 3, 160));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&body)).unwrap());
}

/// The same floor for the NAD body.
#[divan::bench]
fn floor_skip_everything_nad(bencher: Bencher<'_, '_>) {
    let body = review("CREATE", nad("192.168.150.0/24"), Value::Null);
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&body)).unwrap());
}

/// The usual way for comparison: a generic value of the whole KubeVirt body.
#[divan::bench]
fn generic_value(bencher: Bencher<'_, '_>) {
    let body = review("UPDATE", kubevirt("mig", 28, 3, 160), kubevirt("mig", 27, 3, 160));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| serde_json::from_slice::<Value>(black_box(&body)).unwrap());
}
