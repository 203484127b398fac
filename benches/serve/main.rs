//! The server under load beside one of the same stack that only echoes the uid. Ratios within one run are what counts.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod bodies;
mod control;
mod load;
#[path = "../../tests/serve/pki.rs"]
#[allow(dead_code)]
mod pki;
mod process;
mod tables;

use bodies::{NETWORKS, kubevirt, nad, review};
use load::{Client, Connection, Post, Slice};
use pki::Ca;
use process::{Cores, Process};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tables::Cell;

/// The name that the certificate is for.
const NAME: &str = "preflight.kubevirt.svc";
/// Keep-alive connections at once.
const CONNECTIONS: [usize; 3] = [1, 8, 64];
/// Rounds of all slices, unless `--rounds N` says otherwise; `--only NAD` leaves out the other body.
const ROUNDS: usize = 9;
/// Of one slice, of which the first part does not count.
const SLICE: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(320));
/// Starts of each server.
const STARTS: usize = 11;

/// The servers, in the order of the tables.
pub const SERVERS: [&str; 3] = ["control", "kubevirt-preflight", "  --log warn"];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, word, address, folder] = args.as_slice()
        && word == "control"
    {
        return control::run(address.parse().unwrap(), Path::new(folder));
    }
    let value = |flag| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
    let rounds = value("--rounds").and_then(|rounds| rounds.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let only = value("--only").map_or("", String::as_str);
    runtime.block_on(run(rounds.unwrap_or(ROUNDS), only));
}

async fn run(rounds: usize, only: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ca = Ca::new("bench CA");
    ca.server(NAME).write(folder.path());
    fs::write(folder.path().join("networks.yaml"), NETWORKS).unwrap();
    let world = format!("{}\n---\n{}\n", nad("192.168.150.0/24"), kubevirt("mig", 4, 1, 4));
    fs::write(folder.path().join("world.yaml"), world).unwrap();
    let client = Client::new(ca.der());
    let posts = [
        Post::new("NAD CREATE", review("CREATE", nad("192.168.150.0/24"), Value::Null)),
        Post::new("KubeVirt UPDATE", review("UPDATE", kubevirt("mig", 28, 3, 160), kubevirt("mig", 27, 3, 160))),
    ];
    let cores = Cores::choose();
    println!("{}", cores.told());
    let starts = starts(&cores, folder.path(), &client, &posts[0]).await;
    let mut servers = Vec::new();
    for which in 0..SERVERS.len() {
        servers.push(Loaded::start(Process::start(which, &cores, folder.path()), &client, &posts).await);
    }
    let asked = posts.iter().filter(|post| post.name.contains(only));
    let pairs = asked.flat_map(|post| CONNECTIONS.map(|count| (post, count)));
    let mut cells: Vec<_> =
        pairs.map(|(post, count)| Cell { post, count, slices: vec![Vec::new(); SERVERS.len()] }).collect();
    for round in 0..rounds {
        for cell in &mut cells {
            for turn in 0..SERVERS.len() {
                let which = (turn + round) % SERVERS.len();
                let Loaded { process, connections, .. } = &mut servers[which];
                let connections = &mut connections[..cell.count];
                Slice::measure(process, connections, cell.post, SLICE.0).await;
                cell.slices[which].push(Slice::measure(process, connections, cell.post, SLICE.1).await);
            }
        }
    }
    let ends: Vec<_> = servers.into_iter().map(Loaded::end).collect();
    tables::print(&cells, &starts, &ends);
}

/// A server and the connections to it.
struct Loaded {
    process: Process,
    connections: Vec<Connection>,
    idle: u64,
}

impl Loaded {
    /// Before anything is timed, the answers are what they have to be.
    async fn start(process: Process, client: &Client, posts: &[Post]) -> Self {
        let mut connections = vec![client.connect(process.address).await];
        connections[0].ask(&posts[0]).await;
        let idle = process.memory("VmRSS");
        for post in posts {
            post.verify(&mut connections[0]).await;
        }
        while connections.len() < CONNECTIONS[CONNECTIONS.len() - 1] {
            connections.push(client.connect(process.address).await);
        }
        for connection in &mut connections {
            connection.ask(&posts[0]).await;
        }
        Self { process, connections, idle }
    }

    fn end(self) -> End {
        let Self { process, connections, idle } = self;
        let memory = [idle, process.memory("VmRSS"), process.memory("VmHWM")];
        let asked = connections.iter().map(|connection| connection.asked).sum();
        drop(connections);
        End { memory, asked, lines: process.stop() }
    }
}

/// What is known of a server once it has ended.
pub struct End {
    /// KiB: resident when idle, after the load, and at most.
    pub memory: [u64; 3],
    /// Reviews that were sent to it.
    pub asked: u64,
    /// Lines of its log.
    pub lines: u64,
}

/// From exec to the end of the first answer, of every server.
async fn starts(cores: &Cores, folder: &Path, client: &Client, post: &Post) -> Vec<Vec<Duration>> {
    let mut starts = vec![Vec::new(); SERVERS.len()];
    for _ in 0..STARTS {
        for (which, times) in starts.iter_mut().enumerate() {
            let process = Process::start(which, cores, folder);
            let mut connection = client.connect(process.address).await;
            connection.ask(post).await;
            times.push(process.started.elapsed());
            drop(connection);
            process.stop();
        }
    }
    starts
}
