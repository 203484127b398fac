//! Cases with a real DHCP server, dnsmasq, on the bridge `br0`, and the dhcp plugin's own daemon.

use super::cases::{Case, Server, USUAL_SUBNET};
use super::cluster::Kind;
use super::harm::harms;
use super::lab::Lab;
use super::observed::Observed;
use super::places;
use super::private::run;
use super::process::within;
use super::reading::reading;
use super::said::Said;
use super::tools::tool;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the plugin looks for its daemon.
const SOCKET: &str = "/run/cni/dhcp.sock";
/// What `make tools` unpacked of Debian's packages.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/dnsmasq/usr");
const LOG: &str = "/run/lab/dnsmasq.log";
/// Options that bring routes.
const ROUTING: [u8; 3] = [3, 33, 121];

/// What came of the cases with a server.
#[derive(Debug, Default)]
pub struct Outcome {
    pub compared: usize,
    /// Cases in which a request list was seen on the wire and compared.
    pub lists: usize,
    /// Differing cases: name, text, what differs.
    pub failures: Vec<(String, String, Vec<String>)>,
    /// Cases in which a way to the cluster was lost although no route was asked for: `dhcp-may-route` warned of it, and the
    /// text cannot tell more.
    pub warned: Vec<String>,
    pub skipped: usize,
    /// Why cases were skipped.
    pub why: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, lists, failures, warned, skipped, .. } = self;
        let (differ, warned) = (failures.len(), warned.len());
        write!(
            f,
            "DHCP: {compared} cases, {lists} request lists, {differ} differ, {warned} harmed by what the server sent \
                   unasked and warned of, {skipped} skipped"
        )?;
        self.why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

/// Runs the cases, each with a server of its own.
pub fn run_all(lab: &mut Lab, cases: &[Case]) -> Outcome {
    if cases.is_empty() {
        return Outcome::default();
    }
    let Some(dnsmasq) = dnsmasq() else {
        let why = "dnsmasq is neither on the PATH nor in target/tools/dnsmasq; `make tools` says what it tried";
        return Outcome { skipped: cases.len(), why: Some(why.to_owned()), ..Outcome::default() };
    };
    let mut daemon = daemon();
    let mut outcome = Outcome::default();
    for case in cases {
        compare(lab, &dnsmasq, case, &mut outcome);
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    outcome
}

fn compare(lab: &mut Lab, dnsmasq: &Path, case: &Case, outcome: &mut Outcome) {
    let Some(server) = &case.server else { return };
    let mut child = serve(dnsmasq, server);
    let said = Said::of(case);
    let observed = lab.attach(case, |observed| places::drawn(&said, observed));
    child.kill().unwrap();
    child.wait().unwrap();
    let asked = asked(&fs::read_to_string(LOG).unwrap());
    outcome.compared += 1;
    outcome.lists += usize::from(asked.is_some() && said.unknown("dhcp", None).is_none());
    let mut differences = reading(&said, &observed).differences;
    differences.extend(lists(&said, &observed, asked.as_ref()));
    differences.extend(harms(&said, &observed).missed);
    let lost = observed.ways.iter().any(|way| way.place.kind == Kind::Cluster && way.changed());
    let warned = lost && is_servers_doing(server, &said, &observed);
    if warned {
        outcome.warned.push(case.name.clone());
    }
    match (differences.is_empty(), warned) {
        (true, false) => println!("ok       {}", case.name),
        (true, true) => println!("warned   {}", case.name),
        (false, _) => {
            println!("DIFFERS  {}\n{}\n  {}", case.name, case.config, differences.join("\n  "));
            outcome.failures.push((case.name.clone(), case.config.clone(), differences));
        }
    }
}

/// Whether the options that the client asked for are those that `preview` says.
fn lists(said: &Said, observed: &Observed, asked: Option<&BTreeSet<u8>>) -> Option<String> {
    if said.unknown("dhcp", None).is_some() {
        return None;
    }
    let list = said.preview["dhcp"]["requests"].as_array();
    let list: Option<Vec<_>> = list.map(|list| list.iter().filter_map(serde_json::Value::as_u64).collect());
    let asked: Option<Vec<_>> = asked.map(|asked| asked.iter().copied().map(u64::from).collect());
    // A text that fails may do so before a word is sent.
    (list != asked && (asked.is_some() || observed.failed.is_none()))
        .then(|| format!("dhcp: the client asks for {asked:?}, we say {list:?}"))
}

/// Where no option that brings routes is asked for, what comes by the server's force or lies in its subnet is the server's
/// doing: a warning is all that the text can give.
fn is_servers_doing(server: &Server, said: &Said, observed: &Observed) -> bool {
    let decides = !server.forces.is_empty() || server.subnet != USUAL_SUBNET;
    let requests = said.preview["dhcp"]["requests"].as_array();
    let quiet = requests.is_some_and(|list| !ROUTING.iter().any(|option| list.contains(&(*option).into())));
    decides && observed.failed.is_none() && quiet && said.has("warn", |rule| rule == "dhcp-may-route")
}

/// The dhcp plugin's daemon, which holds the leases. It gives up early where no server answers.
fn daemon() -> Child {
    fs::create_dir_all("/run/cni").unwrap();
    let log = fs::File::create("/run/lab/dhcp-daemon.log").unwrap();
    let child = Command::new(tool("plugins", "dhcp"))
        .args(["daemon", "-timeout", "3s", "-resendmax", "1s", "-resendtimeout", "5s"])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    until("the dhcp daemon listens", || Path::new(SOCKET).exists());
    child
}

/// The server on a bridge of its own, listening when this returns.
fn serve(dnsmasq: &Path, server: &Server) -> Child {
    let subnet = &server.subnet;
    run("ip", &["link", "add", "br0", "type", "bridge"]);
    run("ip", &["address", "add", &format!("{subnet}.1/24"), "dev", "br0"]);
    run("ip", &["link", "set", "br0", "up"]);
    for file in [LOG, "/run/lab/leases"] {
        let _ = fs::remove_file(file);
    }
    let mut command = Command::new(dnsmasq);
    command
        // So it stays the user that it is: in a user namespace there is no other.
        .args(["--no-daemon", "--conf-file=/dev/null"])
        .args(["--port=0", "--interface=br0", "--bind-interfaces", "--dhcp-authoritative", "--no-ping"])
        .args(["--log-dhcp", "--dhcp-leasefile=/run/lab/leases"])
        .arg(format!("--log-facility={LOG}"))
        .arg(format!("--dhcp-range={subnet}.50,{subnet}.99,255.255.255.0,1h"))
        .args(server.offers.iter().map(|option| format!("--dhcp-option={option}")))
        .args(server.forces.iter().map(|option| format!("--dhcp-option-force={option}")))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if dnsmasq == unpacked() {
        command.env("LD_LIBRARY_PATH", libraries());
    }
    let child = command.spawn().unwrap();
    until("dnsmasq listens", || fs::read_to_string(LOG).is_ok_and(|log| log.contains("sockets bound")));
    child
}

/// All options that were asked for, by dnsmasq's log; `None` if nobody asked.
///
/// ```text
/// Nov 24 20:00:00 dnsmasq-dhcp[7]: 1234567 requested options: 1:netmask, 3:router
/// ```
fn asked(log: &str) -> Option<BTreeSet<u8>> {
    let lists: Vec<_> = log.lines().filter_map(|line| line.split_once(" requested options: ")).collect();
    let options = lists.iter().flat_map(|(_, list)| list.split(','));
    let numbers = options.filter_map(|option| option.trim().split(':').next()?.parse().ok());
    (!lists.is_empty()).then(|| numbers.collect())
}

/// The program that `make tools` unpacked.
fn unpacked() -> PathBuf {
    Path::new(UNPACKED).join("sbin/dnsmasq")
}

/// The folders of its libraries, named for the machine's kind.
fn libraries() -> OsString {
    let folders = fs::read_dir(Path::new(UNPACKED).join("lib")).unwrap();
    std::env::join_paths(folders.map(|folder| folder.unwrap().path())).unwrap()
}

/// dnsmasq from the PATH, or the unpacked one.
fn dnsmasq() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join("dnsmasq")).chain([unpacked()]).find(|file| file.exists())
}

/// Waits for a condition, a minute at most.
fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(Duration::from_secs(60), condition), "waited for a minute until {what}");
}
