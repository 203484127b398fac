//! What a large cluster costs: 15,000 nodes and 5,000 NADs as the watcher gets them, from the text of each object to a
//! world, and to the next world after a change.
//!
//! Times are those of the thread on a CPU. Memory is the resident set of a child process (`VmRSS` of /proc/self/status) less that of a child with ten nodes and
//! ten NADs; its peak is `VmHWM`, reset through /proc/self/clear_refs right before the rebuild.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "support/large.rs"]
mod large;
mod support;

use jiff::civil::date;
use kubevirt_preflight::admission::respond;
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::{Object, WANTED, name_of};
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::sources::shared::Shared;
use kubevirt_preflight::sources::{SOURCES, wanted};
use kubevirt_preflight::tree::{Want, pick_text};
use kubevirt_preflight::world::{Inputs, Lists, World};
use large::{EDITED, FEW, NADS, NODES, edited_nad, nad, node};
use serde_json::Value;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 11;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--resident") {
        Some(at) => resident(arguments[at + 1].parse().expect("nodes"), arguments[at + 2].parse().expect("NADs")),
        None => report(),
    }
}

/// The object in `text` as the watcher reads it, which knows version and kind from the list.
fn read(text: &str, version: &str, kind: &str, want: &'static Want) -> Object {
    let whole = format!("{{\"apiVersion\":\"{version}\",\"kind\":\"{kind}\",{}", &text[1..]);
    let node = pick_text(&whole, want).expect("JSON");
    Object::read(&node, name_of(&node).expect("a name"), None).expect("a kind that is read")
}

fn wanted_of_nodes() -> &'static Want {
    let reads = SOURCES.iter().flat_map(|source| source.reads);
    reads.filter(|reads| reads.kind == "Node").map(wanted).next().expect("a source of nodes")
}

fn objects(nodes: usize, nads: usize) -> Vec<Object> {
    let nodes = (0..nodes).map(|at| read(&node(at), "v1", "Node", wanted_of_nodes()));
    let nads = (0..nads).map(|at| read(&nad(at), "k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", &WANTED));
    let crs = [support::object(&support::kubevirt("tenant-0/tenant-net-3", 4, 1, 4))];
    let mut shared = Shared::default();
    nodes.chain(nads).chain(crs).map(|object| shared.share(object)).collect()
}

fn inputs(objects: &[Object]) -> Inputs {
    let kinds = SOURCES.iter().flat_map(|source| source.reads);
    Inputs {
        objects: objects.to_vec(),
        declared: Declared::parse(support::NETWORKS, "cluster.yaml").expect("a networks file"),
        lists: Lists {
            nads: true,
            kinds: kinds.map(|reads| (reads.group.to_owned(), reads.kind.to_owned())).collect(),
            at_rest: false,
        },
        ..Inputs::default()
    }
}

/// The same objects, one NAD of them edited.
fn edited(objects: &[Object]) -> Vec<Object> {
    let mut objects = objects.to_vec();
    let first = objects.iter().position(|object| matches!(object, Object::Nad(_))).expect("a NAD");
    let at = first + EDITED;
    let edited = read(&edited_nad(), "k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", &WANTED);
    let old = std::mem::replace(&mut objects[at], edited);
    assert_ne!(old, objects[at], "an edit that changes nothing is none");
    objects
}

/// KiB of the line `key` in /proc/self/status.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a line of this key");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The child: prints KiB resident with the objects, with their world, and at most during a rebuild.
fn resident(nodes: usize, nads: usize) {
    let objects = objects(nodes, nads);
    let read = status("VmRSS");
    let world = World::of(inputs(&objects));
    let made = status("VmRSS");
    let edited = edited(&objects);
    std::fs::write("/proc/self/clear_refs", "5").expect("one's own peak can be reset");
    let next = World::renewed(&world, inputs(&edited));
    println!("{read} {made} {}", status("VmHWM"));
    black_box((objects, world, next));
}

/// The three numbers of a child.
fn child(nodes: usize, nads: usize) -> [u64; 3] {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args(["--resident", &nodes.to_string(), &nads.to_string()]).output();
    let text = String::from_utf8(output.expect("a child").stdout).expect("text");
    let numbers: Vec<_> = text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    numbers.try_into().expect("three numbers")
}

/// How long this thread has run on a CPU: what others do on the machine does not count.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number"))
}

/// The median of some rounds, each of so many runs; what is made is dropped outside of the time.
fn timed<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = on_cpu();
            let made: Vec<_> = (0..runs).map(|_| run()).collect();
            let time = on_cpu().saturating_sub(start);
            drop(black_box(made));
            time / u32::try_from(runs).unwrap_or(u32::MAX)
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn report() {
    let mut out = String::new();
    let mut line = |what: &str, value: String, aim: &str| {
        let _ = writeln!(out, "{what:<58} {value:>12}  {aim}");
    };
    let text = node(7);
    let parse = timed(200, || read(&text, "v1", "Node", wanted_of_nodes()));
    line(&format!("read a Node of {} KB", text.len() / 1000), format!("{parse:.1?}"), "");
    times(&mut line);
    let base = child(FEW, FEW);
    let mib = |kib: u64| format!("{:.1} MiB", f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0);
    let nodes = child(NODES, FEW);
    let nads = child(FEW, NADS);
    let all = child(NODES, NADS);
    line("resident, 10 nodes and 10 NADs", mib(base[1]), "");
    let each = |all: u64, base: u64, count: usize| format!("{} B", all.saturating_sub(base) * 1024 / count as u64);
    line("more for each node, as kept by the watcher", each(nodes[0], base[0], NODES), "");
    line("more for each node, with the world", each(nodes[1], base[1], NODES), "");
    line("more for each NAD, as kept by the watcher", each(nads[0], base[0], NADS), "");
    line("more for each NAD, with the world", each(nads[1], base[1], NADS), "");
    line("more with 15,000 nodes and 5,000 NADs", mib(all[1] - base[1]), "32 MiB at most");
    line("more at most while the next world is made", mib(all[2] - base[1]), "32 MiB at most");
    print!("{out}");
}

fn times(line: &mut impl FnMut(&str, String, &str)) {
    let objects = objects(NODES, NADS);
    let edited = edited(&objects);
    let world = World::of(inputs(&objects));
    let show = |time: Duration| format!("{time:.1?}");
    let gather = timed(1, || inputs(&edited));
    line("gather the objects", show(gather), "");
    line("the first world", show(timed(1, || World::of(inputs(&objects)))), "");
    line(
        "the next world after one change",
        show(timed(1, || World::renewed(&world, inputs(&edited)))),
        "50 ms at most",
    );
    let write = |range: &str| support::review("CREATE", support::nad(range), Value::Null);
    let policy = Policy::default();
    let answer = |body: &[u8]| timed(500, || respond(body, &world, &policy, date(2026, 11, 24)).expect("a review"));
    line("the response to a NAD that nothing is wrong with", show(answer(&write("192.0.2.0/24"))), "");
    line("the response to a NAD that meets the pods of a node", show(answer(&write("10.64.7.0/24"))), "");
}
