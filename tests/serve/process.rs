//! The program itself.

use crate::bodies::NETWORKS;
use crate::volume::Volume;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A running `serve`, which ends with the value.
pub struct Process {
    child: Child,
    lines: Receiver<Value>,
    _folder: TempDir,
    pub bind: SocketAddr,
    pub observe: SocketAddr,
}

/// `serve` without a word about certificates, and without settings from outside.
pub fn serve() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"));
    command.env_clear().arg("serve").stdin(Stdio::null());
    command
}

impl Process {
    /// On this volume, with ports that the system chose, and log lines in JSON.
    pub fn start(volume: &Volume) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let networks = folder.path().join("networks.yaml");
        fs::write(&networks, NETWORKS).unwrap();
        let mut command = serve();
        command.args(["--bind", "127.0.0.1:0", "--observe-bind", "127.0.0.1:0", "--drain-delay", "0s"]);
        command.args(["--log-format", "json", "--networks"]).arg(networks);
        command.arg("--tls-cert").arg(volume.file("tls.crt")).arg("--tls-key").arg(volume.file("tls.key"));
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let _ = sender.send(value);
            }
        });
        let any = SocketAddr::from(([0; 4], 0));
        let mut process = Self { child, lines, _folder: folder, bind: any, observe: any };
        let line = process.line("serving");
        let address = |name: &str| line[name].as_str().unwrap().split('/').nth(2).unwrap().parse().unwrap();
        (process.bind, process.observe) = (address("reviews"), address("observe"));
        process
    }

    /// Waits for the log line with this in its message.
    pub fn line(&self, message: &str) -> Value {
        let end = Instant::now() + LONG;
        let mut others = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if line["message"].as_str().is_some_and(|text| text.contains(message)) {
                return line;
            }
            others.push(line);
        }
        panic!("no log line says {message}: {others:?}");
    }

    /// Status and body of a path of the plain listener.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.observe).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Ends it as the kubelet does.
    pub fn terminate(mut self) -> ExitStatus {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
