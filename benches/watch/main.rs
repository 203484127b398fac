//! The program on a large cluster: 15,000 nodes of 31 KB and 5,000 NADs, served by a stand-in for the API server.
//!
//! `--program FILE` measures another build of it, for example that of the image; `--relist` waits eleven minutes for the
//! nodes to be listed anew.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod bodies;
#[path = "../support/large.rs"]
mod large;
#[path = "../serve/load.rs"]
#[allow(dead_code)]
mod load;
#[path = "../../tests/serve/pki.rs"]
#[allow(dead_code)]
mod pki;
#[path = "../serve/process.rs"]
#[allow(dead_code)]
mod process;
mod program;
mod stand_in;

use bodies::{nad, review};
use large::{FEW, NADS, NODES};
use load::Post;
use program::Running;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The name that the certificate is for.
const NAME: &str = "preflight.kubevirt.svc";
/// A review is sent so long after the last answer.
const BETWEEN: Duration = Duration::from_millis(2);
/// Reviews are timed for so long, quiet and with writes.
const WINDOW: Duration = Duration::from_secs(8);
/// A NAD is written so often.
const WRITES: Duration = Duration::from_millis(300);
/// The nodes are listed anew after ten minutes, a tenth more at most.
const RELIST: Duration = Duration::from_secs(11 * 60 + 15);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, nodes, nads] = args.as_slice()
        && word == "stand-in"
    {
        return stand_in::run(nodes.parse().unwrap(), nads.parse().unwrap());
    }
    let value = |flag| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).map(String::as_str);
    let program = value("--program").unwrap_or(env!("CARGO_BIN_EXE_kubevirt-preflight"));
    let relist = args.iter().any(|arg| arg == "--relist");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let idle = seen(program, FEW, FEW, false).await;
        let large = seen(program, NODES, NADS, relist).await;
        print(&idle, &large);
    });
}

/// What was seen of one run. Memory is resident, in KiB.
#[derive(Default)]
struct Seen {
    /// From the end of the last list that readiness waits for to readiness.
    ready: Duration,
    /// From the end of the last list of all to a verdict that knows it.
    known: Duration,
    /// From exec to readiness, and to the end of the last list.
    begun: [Duration; 2],
    memory: Vec<(&'static str, u64, u64)>,
    /// Of the rebuilds after writes: how long each took, as the program says.
    rebuilds: Vec<Duration>,
    /// CPU time for a write: the rebuild, and the audit after it.
    cpu: Duration,
    /// How long reviews took, quiet and with writes.
    reviews: [Vec<Duration>; 2],
    /// Objects that the program wrote.
    written: usize,
}

async fn seen(program: &str, nodes: usize, nads: usize, relist: bool) -> Seen {
    let mut seen = Seen::default();
    let mut running = Running::start(program, nodes, nads);
    let began = running.epoch;
    let ready = running.ready().await;
    let last = running.judge_known(nodes).await;
    let ends = running.ends();
    let needed = ends.iter().filter(|(path, at)| !path.ends_with("/nodes") && *at <= ready).map(|(_, at)| *at).max();
    let all = ends.iter().map(|(_, at)| *at).max().unwrap();
    seen.begun = [ready.saturating_sub(began), all.saturating_sub(began)];
    seen.ready = ready.saturating_sub(needed.unwrap());
    seen.known = last.saturating_sub(all);
    // The audit and its Events come to rest.
    sleep(Duration::from_secs(4)).await;
    seen.memory.push(("at rest after the first lists", running.memory("VmRSS"), running.memory("VmHWM")));

    running.reset_peak();
    let (before, count) = (running.spent(), 10);
    for _ in 0..count {
        running.command("edit");
        sleep(Duration::from_millis(1700)).await;
    }
    seen.cpu = running.spent().saturating_sub(before) / count;
    seen.rebuilds = running.rebuilds();
    seen.memory.push(("after ten rebuilds, each with its audit", running.memory("VmRSS"), running.memory("VmHWM")));

    running.command("end");
    sleep(Duration::from_secs(4)).await;
    seen.memory.push(("after the NADs are listed anew", running.memory("VmRSS"), running.memory("VmHWM")));
    seen.reviews = [reviews(&mut running, false).await, reviews(&mut running, true).await];
    seen.memory.push(("after reviews and writes", running.memory("VmRSS"), running.memory("VmHWM")));
    if relist {
        sleep(RELIST.saturating_sub(running.started().elapsed())).await;
        seen.memory.push(("after the nodes are listed anew", running.memory("VmRSS"), running.memory("VmHWM")));
    }
    seen.written = running.written();
    running.stop();
    seen
}

/// How long each review took, one after the other; with a NAD written now and then.
async fn reviews(running: &mut Running, writes: bool) -> Vec<Duration> {
    let post = Post::new("NAD CREATE", review("CREATE", nad("192.0.2.0/24"), Value::Null));
    let mut connection = running.connect().await;
    post.verify(&mut connection).await;
    let (start, mut written, mut took) = (Instant::now(), Instant::now(), Vec::new());
    while start.elapsed() < WINDOW {
        if writes && written.elapsed() > WRITES {
            running.command("edit");
            written = Instant::now();
        }
        let asked = Instant::now();
        connection.ask(&post).await;
        took.push(asked.elapsed());
        sleep(BETWEEN).await;
    }
    took.sort_unstable();
    took
}

fn print(idle: &Seen, large: &Seen) {
    let line = |what: &str, value: String, aim: &str| println!("{what:<62} {value:>14}  {aim}");
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let mib = |kib: u64| format!("{:.1} MiB", f64::from(u32::try_from(kib).unwrap()) / 1024.0);
    line("from exec: ready", ms(large.begun[0]), "");
    line("from exec: end of the last list, the nodes'", ms(large.begun[1]), "");
    line("ready, after the last list that readiness waits for", ms(large.ready), "1 s at most");
    line("judged with the nodes, after the end of their list", ms(large.known), "1 s at most");
    for ((what, rss, peak), (_, few, few_peak)) in large.memory.iter().zip(&idle.memory) {
        line(&format!("resident {what}"), mib(*rss), "");
        line("  more than with 10 nodes and 10 NADs", mib(rss.saturating_sub(*few)), "32 MiB at most");
        line("  more at most until then", mib(peak.saturating_sub(*few)), "");
        line("  with 10 nodes and 10 NADs, at most until then", format!("{}, {}", mib(*few), mib(*few_peak)), "");
    }
    let mut rebuilds = large.rebuilds.clone();
    rebuilds.sort_unstable();
    // A program that logs none at level debug has none.
    if let (Some(median), Some(longest)) = (rebuilds.get(rebuilds.len() / 2), rebuilds.last()) {
        line("a rebuild, median", ms(*median), "50 ms at most");
        line("a rebuild, longest", ms(*longest), "");
    }
    line("CPU of a write: rebuild and audit", ms(large.cpu), "");
    for (what, took) in ["quiet", "a NAD written every 300 ms"].into_iter().zip(&large.reviews) {
        let at = |per_mille: usize| ms(took[(took.len() * per_mille / 1000).min(took.len() - 1)]);
        line(&format!("a review, {what}: p50, p99"), format!("{}, {}", at(500), at(990)), "");
        line(&format!("a review, {what}: p99.9, longest"), format!("{}, {}", at(999), at(1000)), "");
    }
    line("objects that the program wrote, such as Events", large.written.to_string(), "");
}
