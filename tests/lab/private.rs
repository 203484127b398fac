//! Namespaces of the run's own: network, mounts and processes end with it, so nothing is left to clean up.

use std::process::{Command, ExitCode};

/// Set for the process that runs inside.
const INSIDE: &str = "KUBEVIRT_PREFLIGHT_LAB_INSIDE";

/// Runs this program again inside new namespaces and returns its exit code; `None` if it is inside already.
pub fn enter() -> Option<ExitCode> {
    if std::env::var_os(INSIDE).is_some() {
        prepare();
        return None;
    }
    let ways: [(&str, &[&str]); 2] = [("as root", &[]), ("in a user namespace", &["--user", "--map-root-user"])];
    // A bridge is what the plugins need at least.
    let works = |user: &[&str]| {
        let probe = unshare(user).args(["ip", "link", "add", "br0", "type", "bridge"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    let Some((how, user)) = ways.into_iter().find(|(_, user)| works(user)) else {
        println!(
            "Network namespaces with a bridge can be made here neither as root nor in a user namespace: run this as root, \
             with util-linux and iproute2."
        );
        return Some(ExitCode::from(2));
    };
    println!("namespaces made {how}");
    let status = unshare(user)
        .arg(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1))
        .env(INSIDE, "1")
        .status()
        .expect("unshare, which has just worked");
    Some(ExitCode::from(u8::try_from(status.code().unwrap_or(2)).unwrap_or(2)))
}

fn unshare(user: &[&str]) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(user).args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    unshare
}

/// What plugins and `ip netns` write lies in memory of this run alone.
fn prepare() {
    // /var/lib and not its folder cni, which nobody but the machine's own root could make.
    for folder in ["/run", "/var/lib"] {
        run("mount", &["-t", "tmpfs", "tmpfs", folder]);
    }
    for folder in ["/run/netns", "/var/lib/cni"] {
        std::fs::create_dir_all(folder).unwrap();
    }
    run("ip", &["link", "set", "lo", "up"]);
}

/// Runs a command that must not fail.
pub fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
