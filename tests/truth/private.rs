//! Namespaces of the run's own: network, mounts and processes end with it, so nothing is left to clean up.

use std::process::{Command, ExitCode};

/// Set for the process that runs inside.
const INSIDE: &str = "KUBEVIRT_PREFLIGHT_TRUTH_INSIDE";

/// Runs this program again inside new namespaces and returns its exit code; `None` if it is inside already.
pub fn enter() -> Option<ExitCode> {
    if std::env::var_os(INSIDE).is_some() {
        prepare();
        return None;
    }
    let root = String::from_utf8_lossy(&output("id", &["-u"])).trim() == "0";
    let user: &[&str] = if root { &[] } else { &["--user", "--map-root-user"] };
    println!("namespaces made {}", if root { "as root" } else { "in a user namespace" });
    let status = Command::new("unshare")
        .args(user)
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1))
        .env(INSIDE, "1")
        .status()
        .expect("unshare, which is in util-linux");
    Some(ExitCode::from(u8::try_from(status.code().unwrap_or(2)).unwrap_or(2)))
}

/// What plugins and `ip netns` write lies in memory of this run alone.
fn prepare() {
    for folder in ["/run", "/var/lib/cni"] {
        std::fs::create_dir_all(folder).unwrap();
        run("mount", &["-t", "tmpfs", "tmpfs", folder]);
    }
    std::fs::create_dir_all("/run/netns").unwrap();
    hurry(&[], false);
    run("ip", &["link", "set", "lo", "up"]);
}

/// Duplicate address detection takes up to two seconds, which every ADD waits for: here it begins at once, and does not ask
/// at all if nobody waits for an answer. `within` is the command that enters the namespace.
pub fn hurry(within: &[&str], impatient: bool) {
    let at_once = "net.ipv6.conf.default.router_solicitation_delay=0";
    let unasked = ["net.ipv6.conf.default.dad_transmits=0"];
    let words = [within, &["sysctl", "-q", "-w", at_once], &unasked[..usize::from(impatient)]].concat();
    run(words[0], &words[1..]);
}

/// Runs a command that must not fail.
pub fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The output of a command that must not fail.
pub fn output(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
