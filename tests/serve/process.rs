//! The program as a process on files of its own: its verdicts, its log, its plain listener, and its end.

use crate::client::{Sender, config, connect};
use crate::pki::Ca;
use crate::server::NAME;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The cluster of most tests: a KubeVirt that names `kubevirt/mig`, and that NAD.
pub const WORLD: &str = "apiVersion: kubevirt.io/v1\nkind: KubeVirt\nmetadata: {name: kubevirt, namespace: kubevirt}\n\
    spec: {configuration: {migrations: {network: mig}}}\n";

/// Files to start with, in a folder of their own.
pub struct Folder {
    pub dir: TempDir,
    pub ca: Arc<Ca>,
}

/// `serve` without a word about its settings, neither here nor from outside.
pub fn serve() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"));
    command.env_clear().arg("serve").stdin(Stdio::null());
    command
}

impl Folder {
    /// With certificate, networks and world.
    pub fn new() -> Self {
        Self::of(Arc::new(Ca::new("test CA")))
    }

    /// With a certificate of this CA.
    pub fn of(ca: Arc<Ca>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        ca.server(NAME).write(dir.path());
        let folder = Self { dir, ca };
        folder.write("networks.yaml", crate::bodies::NETWORKS);
        folder.write("world.yaml", WORLD);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// `serve` with the certificate and these further arguments; `@name` is a file of the folder.
    pub fn serve(&self, arguments: &[&str]) -> Command {
        let mut command = serve();
        // Flags may say otherwise.
        command.env("KUBEVIRT_PREFLIGHT_BIND", "127.0.0.1:0").env("KUBEVIRT_PREFLIGHT_OBSERVE_BIND", "127.0.0.1:0");
        command.env("KUBEVIRT_PREFLIGHT_DRAIN_DELAY", "0s");
        command.env("KUBEVIRT_PREFLIGHT_TLS_CERT", self.path("tls.crt"));
        command.env("KUBEVIRT_PREFLIGHT_TLS_KEY", self.path("tls.key"));
        for argument in arguments {
            match argument.strip_prefix('@') {
                Some(name) => command.arg(self.path(name)),
                None => command.arg(argument),
            };
        }
        command
    }

    /// Started with networks and world, logging JSON.
    pub fn start(self, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let given = ["--networks", "@networks.yaml", "--world", "@world.yaml", "--log-format", "json"];
        let mut command = self.serve(&[&given, arguments].concat());
        command.envs(variables.iter().copied());
        Process::start(command, self)
    }
}

/// A server that answers.
pub struct Process {
    pub bind: SocketAddr,
    pub observe: SocketAddr,
    pub folder: Folder,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    pub fn start(command: Command, folder: Folder) -> Self {
        Self::begun(command, folder, |_| true)
    }

    /// One whose standard error nobody reads, once it serves.
    pub fn unheard(command: Command, folder: Folder) -> Self {
        Self::begun(command, folder, |line| !line.contains("serving"))
    }

    /// `goes_on`: whether the next line is read after this one.
    fn begun(mut command: Command, folder: Folder, goes_on: fn(&str) -> bool) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (errors, sink) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&lines));
        let reader = std::thread::spawn(move || {
            for line in errors.split(b'\n') {
                let line = String::from_utf8(line.unwrap()).unwrap();
                let goes_on = goes_on(&line);
                sink.lock().unwrap().push(line);
                if !goes_on {
                    // The pipe stays open.
                    loop {
                        std::thread::park();
                    }
                }
            }
        });
        let any = "127.0.0.1:0".parse().unwrap();
        let mut process = Self { bind: any, observe: any, folder, child, lines, reader: Some(reader) };
        let line = process.line(" listening", |line| line.contains("serving"));
        let address = |scheme: &str| {
            let rest = line.split(&format!("{scheme}://")).nth(1).unwrap();
            let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
            rest[..end].parse().unwrap()
        };
        (process.bind, process.observe) = (address("https"), address("http"));
        process
    }

    /// All that it has logged.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line of this message.
    pub fn event(&self, message: &str) -> Value {
        self.line(&format!(" of {message}"), |line| line.contains(&format!(r#""message":"{message}""#)));
        self.logged(message).remove(0)
    }

    /// The lines of this message.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let lines = self
            .lines()
            .into_iter()
            .map(|line| serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        lines.filter(|line| line["message"] == message).collect()
    }

    /// Waits for a line.
    pub fn line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.lines().iter().find(|line| wanted(line)) {
                return line.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "no line{what}: {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub async fn sender(&self) -> Sender {
        let config = config(self.folder.ca.der(), "http/1.1", None);
        Sender::over(connect(self.bind, config, NAME).await.unwrap()).await
    }

    /// The verdict on a review: `allowed`, `warned` or `denied`, and all that was said.
    pub async fn verdict(&self, body: Vec<u8>) -> (&'static str, String) {
        let answer = self.sender().await.post(body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let response = &answer.body["response"];
        let word = match (response["allowed"].as_bool().unwrap(), response["warnings"].is_null()) {
            (true, true) => "allowed",
            (true, false) => "warned",
            (false, _) => "denied",
        };
        (word, response.to_string())
    }

    /// Asks until the verdict is this one.
    pub async fn becomes(&self, body: &[u8], wanted: &str) {
        let begun = Instant::now();
        loop {
            let (verdict, said) = self.verdict(body.to_vec()).await;
            if verdict == wanted {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{said}\n{:#?}", self.lines());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Status and body of a path of the plain listener.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = get(self.observe, path).await;
        (status.as_u16(), body)
    }

    /// What the kernel says of its memory, in KiB: `VmRSS`, `VmHWM`.
    pub fn memory(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The value of a metric.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").await.1;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// Waits for a metric to have this value.
    pub async fn metric_becomes(&self, series: &str, wanted: f64) {
        let begun = Instant::now();
        loop {
            let value = self.metric(series).await;
            if value.is_some_and(|value| (value - wanted).abs() < 0.5) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{series} is {value:?}: {:#?}", self.lines());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// How it ended, which it must within `time`.
    pub async fn exit(&mut self, time: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < time, "it does not stop: {:#?}", self.lines());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends SIGTERM and waits for the end and the last line.
    pub async fn stop(&mut self) -> ExitStatus {
        self.terminate();
        let status = self.exit(PATIENCE).await;
        self.reader.take().unwrap().join().unwrap();
        status
    }
}

/// Replaces a file as editors do: what reads it never sees a half.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// A GET in the clear.
pub async fn get(address: SocketAddr, path: &str) -> (StatusCode, HeaderMap, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "x").body(Empty::<Bytes>::new()).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}
