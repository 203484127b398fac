//! The real program, on files.

use crate::client::{Sender, config, connect};
use crate::pki::Ca;
use crate::server::NAME;
use kubevirt_preflight::serve::Addresses;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubevirt-preflight");

/// It ends with the test.
pub struct Program {
    pub addresses: Addresses,
    child: Mortal,
    _folder: TempDir,
}

/// Does not outlive the test, however that ends.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// Starts with these further flags, and waits until it serves.
    pub async fn start(ca: &Ca, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        ca.server(NAME).write(folder.path());
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        tokio::task::spawn_blocking(move || Self::run(folder, &flags)).await.unwrap()
    }

    fn run(folder: TempDir, flags: &[String]) -> Self {
        let child = Command::new(PROGRAM)
            .args(["serve", "--bind", "127.0.0.1:0", "--observe-bind", "127.0.0.1:0", "--log-format", "json"])
            .args(["--networks", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cluster.yaml"), "--tls-cert"])
            .arg(folder.path().join("tls.crt"))
            .arg("--tls-key")
            .arg(folder.path().join("tls.key"))
            .args(flags)
            .stderr(Stdio::piped())
            .spawn();
        let mut child = Mortal(child.unwrap());
        let lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        // Reads to the end, for nobody writes to a full pipe.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut told = String::new();
        loop {
            let line = receiver.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|error| panic!("it does not serve ({error}): {told}"));
            let fields: Value = serde_json::from_str(&line).unwrap_or_default();
            if fields["message"] == "serving" {
                let bind = address(&fields["reviews"], "https://");
                let addresses = Addresses { bind, observe: address(&fields["observe"], "http://") };
                return Self { addresses, child, _folder: folder };
            }
            told = told + &line + "\n";
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let done = Command::new("kill").args(["-TERM", &self.child.0.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Its exit code, which must come within `time`.
    pub async fn exit(&mut self, time: Duration) -> i32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                return status.code().expect("killed by a signal");
            }
            assert!(began.elapsed() < time, "it still runs after {time:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A connection to it.
    pub async fn sender(&self, ca: &Ca) -> Sender {
        let config = config(ca.der(), "http/1.1", None);
        Sender::over(connect(self.addresses.bind, config, NAME).await.unwrap()).await
    }

    /// What the kernel says of its memory, in KiB: `VmRSS`, `VmHWM`.
    pub fn memory(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }
}

fn address(url: &Value, scheme: &str) -> SocketAddr {
    let url = url.as_str().unwrap().strip_prefix(scheme).unwrap();
    url.split('/').next().unwrap().parse().unwrap()
}
