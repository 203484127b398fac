//! What goes wrong with a control plane.

use super::plane::{self, Plane};
use super::process::within;
use std::process::{Child, Command};
use std::time::Duration;

impl Plane {
    /// The API server ends at once and comes back.
    pub fn restart_api(&mut self) {
        end(&mut self.api);
        self.start_api();
    }

    fn start_api(&mut self) {
        self.api = plane::api(&self.folder, &self.flags);
        self.until("the API server is ready again", |plane| plane.kubectl(&["get", "--raw", "/readyz"], "").is_ok());
    }

    /// etcd stands still, or goes on.
    pub fn stall_etcd(&self, stall: bool) {
        let signal = if stall { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &self.etcd.id().to_string()]).status().unwrap().success());
    }

    /// What etcd holds now, for `restore`. It is a copy of its folder: etcdutl is not among the tools.
    pub fn snapshot(&mut self) {
        self.without_etcd(|folder| copy(&format!("{folder}/etcd"), &format!("{folder}/snapshot")));
    }

    /// What etcd held at `snapshot`: everything written since is gone, and revisions are used a second time.
    pub fn restore(&mut self) {
        self.without_etcd(|folder| copy(&format!("{folder}/snapshot"), &format!("{folder}/etcd")));
    }

    fn without_etcd(&mut self, work: impl FnOnce(&str)) {
        end(&mut self.api);
        end(&mut self.etcd);
        work(&self.folder.to_string_lossy());
        self.etcd = plane::etcd(&self.folder);
        self.start_api();
    }
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    assert!(within(Duration::from_secs(10), || child.try_wait().unwrap().is_some()));
}

fn copy(from: &str, to: &str) {
    let _ = std::fs::remove_dir_all(to);
    super::private::run("cp", &["-r", from, to]);
}
