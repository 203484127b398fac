//! Holds what we say of a NAD against what real Multus and real CNI plugins make of it: `make truth`.
//!
//! ```text
//! texts (cases, random) ─► lab (API server, Multus, plugins, a pod's namespace) ─► Observed
//!                      └─► program (preview, check)                            ─► Said
//!                                                        compare (reading, harm) ─► report
//! ```
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs, unreachable_pub)]

mod arguments;
mod cases;
mod cluster;
mod harm;
mod lab;
mod observed;
mod private;
mod random;
mod reading;
mod said;
mod tools;

use arguments::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    // Everything below happens in namespaces that end with this process, whichever way it ends.
    if let Some(code) = private::enter() {
        return code;
    }
    if let Some(count) = arguments.random {
        let outcome = random::run(&mut lab::Lab::start(), count, arguments.seed.unwrap_or_else(seed));
        return ExitCode::from(u8::from(!outcome.failures.is_empty()));
    }
    let cases = cases::read(arguments.only.as_deref());
    let mut lab = lab::Lab::start();
    let mut failures = 0;
    for case in &cases {
        let observed = lab.attach(case);
        let said = said::Said::of(case);
        let differences = [reading::differences(&said, &observed), harm::missed(&said, &observed)].concat();
        if differences.is_empty() {
            println!("ok       {}", case.name);
        } else {
            failures += 1;
            println!("DIFFERS  {}\n{}\n  {}", case.name, case.config, differences.join("\n  "));
        }
    }
    println!("{} cases, {failures} differ", cases.len());
    ExitCode::from(u8::from(failures > 0))
}

/// Another one for every run.
fn seed() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}
