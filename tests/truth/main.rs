//! Holds what we say of a NAD against what real Multus and real CNI plugins make of it: `make truth`.
//!
//! ```text
//! texts (cases, random) ─► lab (API server, Multus, plugins, a pod's namespace) ─► Observed
//!                      └─► program (preview, check)                            ─► Said
//!                                                        compare (reading, harm) ─► tally, page
//! ```
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs, unreachable_pub)]

mod arguments;
mod cases;
mod cluster;
mod comparison;
mod dhcp;
mod harm;
mod idle;
mod lab;
mod observed;
mod page;
mod places;
mod random;
mod reading;
mod references;
mod said;
mod tally;

#[path = "../lab/plane.rs"]
mod plane;
#[path = "../lab/private.rs"]
mod private;
#[path = "../lab/process.rs"]
mod process;
#[path = "../lab/tools.rs"]
mod tools;

use arguments::Arguments;
use std::process::ExitCode;
use std::time::Instant;
use tally::Tally;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    // Everything below happens in namespaces that end with this process, whichever way it ends.
    if let Some(code) = private::enter() {
        return code;
    }
    let (with_server, cases): (Vec<_>, Vec<_>) =
        cases::read(arguments.only.as_deref()).into_iter().partition(|case| case.server.is_some());
    let begun = Instant::now();
    let mut lab = lab::Lab::start();
    println!("control plane ready after {:.1} s", begun.elapsed().as_secs_f64());
    let mut tally = Tally::default();
    for group in cases.chunk_by(|one, next| one.group() == next.group()) {
        for case in group {
            tally.add(case, comparison::Comparison::of(&mut lab, case));
        }
        println!("{}", tally.line(group[0].group()));
    }
    let dhcp = dhcp::run_all(&mut lab, &with_server);
    println!("{dhcp}");
    let references = references::run_all(&mut lab, arguments.only.as_deref());
    println!("{references}");
    // Counts of a part of the texts are none for the page.
    let whole = arguments.only.is_none() && dhcp.skipped == 0;
    let further = [dhcp.to_string(), references.to_string()];
    let stale = if whole { page::settle(&tally, &further) } else { None };
    let random = random::run(&mut lab, arguments.random, arguments.seed.unwrap_or_else(seed));
    print!("{tally}");
    println!("{}", lab.pace());
    if let Some(why) = &stale {
        println!("{why}");
    }
    let failures = tally.differences() + dhcp.failures.len() + references.failures.len() + random.failures.len();
    ExitCode::from(u8::from(failures > 0 || stale.is_some()))
}

/// Another one for every run.
fn seed() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}
