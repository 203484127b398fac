//! The whole of it on a real API server: `make e2e`.
//!
//! ```text
//! etcd, kube-apiserver, kube-controller-manager, helm, KubeVirt's CRD: real
//! chart ─► helm ─► Deployment ─► ReplicaSet ─► Pods ─► kubelet (played) ─► program, by its Service
//! scenarios ─► kubectl ─► API server ─► program: what is said, what is stored, what is measured
//! ```
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs, unreachable_pub)]

mod api;
mod faults;
mod image;
mod kubelet;
mod lab;
mod load;
mod metrics;
mod said;
mod scenarios;

#[allow(dead_code)]
#[path = "../serve/pki.rs"]
mod pki;
#[path = "../lab/plane.rs"]
mod plane;
#[path = "../lab/private.rs"]
mod private;
#[path = "../lab/process.rs"]
mod process;
#[path = "../lab/tools.rs"]
mod tools;

use lab::Lab;
use scenarios::SCENARIOS;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// `[--image ARCHIVE] [PART OF A NAME]`
struct Arguments {
    only: String,
    image: Option<PathBuf>,
}

impl Arguments {
    fn read() -> Self {
        let mut words: Vec<_> = std::env::args().skip(1).collect();
        let at = words.iter().position(|word| word == "--image");
        let image = at.map(|at| words.drain(at..=at + 1).next_back().unwrap_or_default().into());
        Self { only: words.pop().unwrap_or_default(), image }
    }
}

fn main() -> ExitCode {
    // Everything below happens in namespaces that end with this process, whichever way it ends.
    if let Some(code) = private::enter() {
        return code;
    }
    let Arguments { only, image } = Arguments::read();
    let begun = Instant::now();
    let image = image.map_or_else(image::Image::of_cargo, |archive| image::Image::of_archive(&archive));
    println!("{}", image.told);
    let mut lab = Lab::start(image);
    println!("control plane ready after {:.1} s", begun.elapsed().as_secs_f64());
    let installed = run(&mut lab, "the chart installs and two replicas answer", scenarios::installs);
    if !installed && lab.replicas().len() != 2 {
        // There is nothing to try.
        return ExitCode::FAILURE;
    }
    let mut failed = usize::from(!installed);
    for (name, scenario) in SCENARIOS.iter().filter(|(name, _)| name.contains(&only)) {
        failed += usize::from(!run(&mut lab, name, *scenario));
    }
    println!("{failed} scenarios failed, {:.0} s", begun.elapsed().as_secs_f64());
    ExitCode::from(u8::from(failed > 0))
}

/// Runs one and tells; whether all went as it should.
fn run(lab: &mut Lab, name: &str, scenario: fn(&mut Lab)) -> bool {
    let begun = Instant::now();
    let whole = catch_unwind(AssertUnwindSafe(|| scenario(lab)));
    let (mut failures, checks) = lab.taken();
    if let Err(panic) = whole {
        let told = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        failures.push(format!("ended early: {}", told.unwrap_or("a panic")));
    }
    let (time, mark) = (begun.elapsed().as_secs_f64(), if failures.is_empty() { "ok  " } else { "FAIL" });
    println!("{mark} {name}: {checks} checks, {time:.1} s");
    for failure in &failures {
        println!("  - {failure}");
    }
    if !failures.is_empty() {
        // The next one begins on what it expects.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            lab.reset();
            lab.policy(&scenarios::policy());
        }));
        lab.taken();
    }
    failures.is_empty()
}
