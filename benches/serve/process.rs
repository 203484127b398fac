//! A server as a process of its own, on a core of its own if it is to have one, and what the kernel says of it.

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// One core for the server, one for the load.
pub struct Cores(Option<[usize; 2]>);

impl Cores {
    /// All, for all.
    #[allow(dead_code)]
    pub fn any() -> Self {
        Self(None)
    }

    /// The first two that this process may use.
    pub fn choose() -> Self {
        let allowed = sched_getaffinity(None).unwrap();
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        Self(cores.next().zip(cores.next()).map(|(server, load)| [server, load]))
    }

    pub fn told(&self) -> String {
        match self.0 {
            Some([server, load]) => format!("servers on core {server}, load on core {load}"),
            None => "there is one core only: servers and load share it, and no figure means much".to_owned(),
        }
    }

    /// This thread, and what it starts, run on the server's core or on the other one.
    fn move_to(&self, which: usize) {
        if let Some(cores) = self.0 {
            let mut set = CpuSet::new();
            set.set(cores[which]);
            sched_setaffinity(None, &set).unwrap();
        }
    }
}

/// A running server.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    pub started: Instant,
    lines: JoinHandle<u64>,
}

/// What all threads of a process had of the processor.
#[derive(Clone, Copy)]
pub struct Spent {
    pub running: Duration,
    pub waiting: Duration,
}

impl Spent {
    pub fn since(self, before: Self) -> Self {
        Self {
            running: self.running.saturating_sub(before.running),
            waiting: self.waiting.saturating_sub(before.waiting),
        }
    }
}

impl Process {
    /// The server of this index in [`crate::SERVERS`].
    pub fn start(which: usize, cores: &Cores, folder: &Path) -> Self {
        // Free a moment ago: somebody else has to be quick to take it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = match which {
            0 => Command::new(std::env::current_exe().unwrap()),
            _ => Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight")),
        };
        let path = |name| folder.join(name).into_os_string();
        match which {
            0 => command.arg("control").arg(address.to_string()).arg(folder),
            _ => command
                .args(["serve", "--observe-bind", "127.0.0.1:0", "--drain-delay", "0s", "--bind"])
                .arg(address.to_string())
                .args(["--tls-cert".into(), path("tls.crt"), "--tls-key".into(), path("tls.key")])
                .args(["--networks".into(), path("networks.yaml"), "--world".into(), path("world.yaml")]),
        };
        if which == 2 {
            command.args(["--log", "warn"]);
        }
        Self::of(command, address, cores, |_| ())
    }

    /// The server that this command starts; `log` gets what it writes.
    pub fn of(
        mut command: Command,
        address: SocketAddr,
        cores: &Cores,
        log: impl FnMut(&[u8]) + Send + 'static,
    ) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        cores.move_to(0);
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        cores.move_to(1);
        let errors = child.stderr.take().unwrap();
        Self { child, address, started, lines: thread::spawn(move || lines(errors, log)) }
    }

    /// Its number in the system.
    #[allow(dead_code)]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// From `/proc/PID/task/*/schedstat`: nanoseconds running, nanoseconds ready but not running.
    pub fn spent(&self) -> Spent {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let texts = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
        let sums = texts.fold((0, 0), |(running, waiting), text| {
            let mut parts = text.split(' ').map(|part| part.trim().parse::<u64>().unwrap());
            (running + parts.next().unwrap(), waiting + parts.next().unwrap())
        });
        Spent { running: Duration::from_nanos(sums.0), waiting: Duration::from_nanos(sums.1) }
    }

    /// A line of `/proc/PID/status` in KiB.
    pub fn memory(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends it in order; how many lines of log it has written.
    pub fn stop(mut self) -> u64 {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
        self.lines.join().unwrap()
    }
}

/// Takes the log as a container runtime does: as it comes, from a pipe.
fn lines(mut errors: ChildStderr, mut log: impl FnMut(&[u8])) -> u64 {
    let (mut buffer, mut count) = (vec![0; 64 * 1024], 0);
    loop {
        let read = errors.read(&mut buffer).unwrap();
        if read == 0 {
            return count;
        }
        log(&buffer[..read]);
        let ends = buffer[..read].iter().map(|byte| u64::from(*byte == b'\n'));
        count += ends.sum::<u64>();
    }
}
