//! etcd and the API server, kubectl for an administrator, and a way to the API server without TLS.

use super::private::run;
use super::process::{told, within};
use super::tools::tool;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the test itself asks the API server: a kubectl for each request would take most of the time.
pub const API: &str = "http://127.0.0.1:8001";
const TOKEN: &str = "admin-token-of-this-run";

/// What runs; it ends with the run's process namespace.
pub struct Plane {
    pub folder: PathBuf,
    pub flags: Vec<String>,
    pub etcd: Child,
    pub api: Child,
    proxy: Option<Child>,
}

impl Plane {
    /// Starts both, with these flags of the API server beside the common ones, and waits until it is ready.
    pub fn start(flags: &[&str]) -> Self {
        let folder = PathBuf::from("/run/lab");
        fs::create_dir_all(&folder).unwrap();
        // Three users: one may do everything, the other two nothing but what a test grants them.
        let users = [(TOKEN, "admin,1,system:masters"), ("jane-token", "jane,2"), ("joe-token", "joe,3")];
        let tokens: String = users.iter().map(|(token, user)| format!("{token},{user}\n")).collect();
        fs::write(folder.join("tokens"), tokens).unwrap();
        run("openssl", &["genrsa", "-out", &folder.join("sa.key").to_string_lossy(), "2048"]);
        let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (etcd, api) = (etcd(&folder), api(&folder, &flags));
        let mut plane = Self { folder, flags, etcd, api, proxy: None };
        let kubeconfig = plane.kubeconfig("admin", TOKEN);
        fs::write(plane.path("kubeconfig"), kubeconfig).unwrap();
        plane.until("the API server is ready", |plane| plane.kubectl(&["get", "--raw", "/readyz"], "").is_ok());
        plane.proxy();
        plane
    }

    /// A file of the run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The text of a kubeconfig for a user by a token.
    pub fn kubeconfig(&self, user: &str, token: &str) -> String {
        let port = self.flags.iter().find_map(|flag| flag.strip_prefix("--secure-port=")).unwrap_or("6443");
        let server = format!("https://127.0.0.1:{port}");
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": server, "insecure-skip-tls-verify": true}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}]})
        .to_string()
    }

    /// Runs kubectl as the administrator.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut command = Command::new(tool("kubernetes", "kubectl"));
        command.arg("--kubeconfig").arg(self.path("kubeconfig")).args(arguments);
        told(&mut command, input)
    }

    fn proxy(&mut self) {
        let kubectl = Command::new(tool("kubernetes", "kubectl"))
            .arg("--kubeconfig")
            .arg(self.path("kubeconfig"))
            .args(["proxy", "--port=8001"])
            .stdout(Stdio::null())
            .stderr(log(&self.folder, "proxy.log"))
            .spawn()
            .unwrap();
        self.proxy = Some(kubectl);
        self.until("the proxy answers", |_| ureq::get(format!("{API}/readyz")).call().is_ok());
    }

    /// Waits for a condition, a minute at most; if it is not met, the logs say why.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let met = within(Duration::from_secs(60), || condition(self) || self.ended());
        if !met || self.ended() {
            let logs = ["etcd.log", "api.log"].map(|name| format!("{name}:\n{}", self.last_lines(name)));
            let why = if met { "etcd, the API server or its proxy ended" } else { "waited for a minute" };
            panic!("{why} before {what}\n{}", logs.join("\n"));
        }
    }

    fn ended(&mut self) -> bool {
        let children = [&mut self.etcd, &mut self.api].into_iter().chain(&mut self.proxy);
        children.into_iter().any(|child| child.try_wait().unwrap().is_some())
    }

    fn last_lines(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

pub fn etcd(folder: &Path) -> Child {
    Command::new(tool("etcd", "server"))
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .arg("--unsafe-no-fsync")
        .stdout(log(folder, "etcd.out"))
        .stderr(log(folder, "etcd.log"))
        .spawn()
        .unwrap()
}

pub fn api(folder: &Path, flags: &[String]) -> Child {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    Command::new(tool("kubernetes", "kube-apiserver"))
        .args(["--etcd-servers=http://127.0.0.1:2379", "--authorization-mode=RBAC"])
        .args(["--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/12"])
        .arg(format!("--cert-dir={}", path("certs")))
        .arg(format!("--token-auth-file={}", path("tokens")))
        .arg(format!("--service-account-signing-key-file={}", path("sa.key")))
        .arg(format!("--service-account-key-file={}", path("sa.key")))
        .args(flags)
        .stdout(log(folder, "api.out"))
        .stderr(log(folder, "api.log"))
        .spawn()
        .unwrap()
}

/// Where a child writes: at the end of what was there, so that a restart keeps it.
fn log(folder: &Path, name: &str) -> Stdio {
    Stdio::from(fs::OpenOptions::new().create(true).append(true).open(folder.join(name)).unwrap())
}
