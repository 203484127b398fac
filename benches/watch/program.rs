//! The program and the stand-in, each a process of its own.

use crate::bodies::{nad, review};
use crate::load::{Client, Connection, Post};
use crate::pki::Ca;
use crate::process::{Cores, Process};
use crate::{NAME, large};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::time::sleep;

/// Both, with what they say.
pub struct Running {
    server: Process,
    observe: SocketAddr,
    client: Client,
    log: Arc<Mutex<Vec<u8>>>,
    stand_in: Child,
    commands: ChildStdin,
    said: Arc<Mutex<Vec<String>>>,
    /// When the program was started, of the clock of the system.
    pub epoch: Duration,
    _folder: TempDir,
}

pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Free a moment ago: somebody else has to be quick to take it.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Running {
    pub fn start(program: &str, nodes: usize, nads: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new("bench CA");
        ca.server(NAME).write(folder.path());
        let (stand_in, commands, port, said) = stand_in(nodes, nads);
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{{name: x, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
            users: [{{name: x, user: {{}}}}]\ncontexts: [{{name: x, context: {{cluster: x, user: x}}}}]\n"
        );
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("kubeconfig"), kubeconfig).unwrap();
        let (address, observe) = (free(), free());
        let mut command = Command::new(program);
        command
            .args([
                "serve",
                "--cluster",
                "--drain-delay",
                "0s",
                "--log",
                "info,kubevirt_preflight::watch::judging=debug",
                "--kubeconfig",
            ])
            .arg(path("kubeconfig"))
            .args(["--bind", &address.to_string(), "--observe-bind", &observe.to_string()])
            .args(["--tls-cert".into(), path("tls.crt"), "--tls-key".into(), path("tls.key")]);
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&log);
        let epoch = now();
        let server = Process::of(command, address, &Cores::any(), move |text| written.lock().unwrap().extend(text));
        let client = Client::new(ca.der());
        Self { server, observe, client, log, stand_in, commands, said, epoch, _folder: folder }
    }

    /// When /readyz first said so.
    pub async fn ready(&self) -> Duration {
        loop {
            if get(self.observe, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return now();
            }
            self.is_in_time();
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// When a verdict first named the last of the nodes.
    pub async fn judge_known(&self, nodes: usize) -> Duration {
        let node: Value = serde_json::from_str(&large::node(nodes - 1)).unwrap();
        let range = node["spec"]["podCIDR"].as_str().unwrap();
        // The network that the KubeVirt names.
        let mut written = nad(range);
        written["metadata"]["namespace"] = "tenant-0".into();
        written["metadata"]["name"] = "tenant-net-3".into();
        let post = Post::new("NAD CREATE", review("CREATE", written, Value::Null));
        let name = node["metadata"]["name"].as_str().unwrap();
        let mut connection = self.connect().await;
        loop {
            if String::from_utf8_lossy(&connection.send(&post).await).contains(name) {
                return now();
            }
            self.is_in_time();
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn is_in_time(&self) {
        let log = || String::from_utf8_lossy(&self.log.lock().unwrap()).chars().take(4000).collect::<String>();
        assert!(self.server.started.elapsed() < Duration::from_secs(60), "it takes too long: {}", log());
    }

    /// When each list came to its end.
    pub fn ends(&self) -> Vec<(String, Duration)> {
        let said = self.said.lock().unwrap();
        let ends = said.iter().filter_map(|line| line.strip_prefix("listed ")?.split_once(' '));
        ends.map(|(path, at)| (path.to_owned(), Duration::from_micros(at.parse().unwrap()))).collect()
    }

    /// How often the program wrote an object.
    pub fn written(&self) -> usize {
        self.said.lock().unwrap().iter().filter(|line| line.as_str() == "written").count()
    }

    /// How long each world took that was made since the last call.
    pub fn rebuilds(&self) -> Vec<Duration> {
        let log = String::from_utf8_lossy(&std::mem::take(&mut *self.log.lock().unwrap())).into_owned();
        let lines = log.lines().filter(|line| line.contains("the world was made"));
        lines.filter_map(|line| time(line.split_once("took=")?.1.split(' ').next()?)).collect()
    }

    pub fn command(&mut self, word: &str) {
        writeln!(self.commands, "{word}").unwrap();
    }

    pub async fn connect(&self) -> Connection {
        self.client.connect(self.server.address).await
    }

    pub fn memory(&self, key: &str) -> u64 {
        self.server.memory(key)
    }

    /// The peak counts from here on.
    pub fn reset_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.server.id()), "5").unwrap();
    }

    pub fn spent(&self) -> Duration {
        self.server.spent().running
    }

    pub fn started(&self) -> Instant {
        self.server.started
    }

    pub fn stop(mut self) {
        self.server.stop();
        drop(self.commands);
        self.stand_in.wait().unwrap();
    }
}

/// The stand-in, its commands, its port, and what it says.
fn stand_in(nodes: usize, nads: usize) -> (Child, ChildStdin, String, Arc<Mutex<Vec<String>>>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["stand-in", &nodes.to_string(), &nads.to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut port = String::new();
    lines.read_line(&mut port).unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&said);
    std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(|line| all.lock().unwrap().push(line)));
    let commands = child.stdin.take().unwrap();
    (child, commands, port.trim().to_owned(), said)
}

/// The answer to a GET.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// A time as the log says it: `12.3ms`.
fn time(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        _ => 1e-6,
    };
    Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * seconds))
}
