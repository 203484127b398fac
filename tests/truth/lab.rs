//! A control plane, Multus as the container runtime calls it, and namespaces for pods.

use super::cases::Case;
use super::cluster::PODS;
use super::observed::{self, Observed};
use super::private::{self, run};
use super::tools::{module_file, tool};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TOKEN: &str = "admin-token-of-this-run";
const API: &str = "http://127.0.0.1:8001";
const PODS_OF_KUBEVIRT: &str = "/api/v1/namespaces/kubevirt/pods";
const NADS: &str = "/apis/k8s.cni.cncf.io/v1/namespaces/kubevirt/network-attachment-definitions";

/// What runs.
pub struct Lab {
    folder: PathBuf,
    /// Ends with the run's process namespace; kept so that nobody takes them for forgotten.
    children: Vec<Child>,
    pods: usize,
    /// No waiting for an answer from another holder of an IPv6 address, which takes a second.
    pub impatient: bool,
    /// By which interface a pod reaches each place with the cluster's network alone.
    before: BTreeMap<String, Option<String>>,
}

impl Lab {
    /// Starts etcd and the API server, and writes Multus's configuration.
    pub fn start() -> Self {
        let folder = PathBuf::from("/run/lab");
        fs::create_dir_all(folder.join("cni")).unwrap();
        let log = |name: &str| Stdio::from(fs::File::create(folder.join(name)).unwrap());
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        fs::write(folder.join("tokens"), format!("{TOKEN},admin,1,system:masters\n")).unwrap();
        run("openssl", &["genrsa", "-out", &path("sa.key"), "2048"]);
        let etcd = Command::new(tool("etcd", "server"))
            .args(["--data-dir", &path("etcd"), "--unsafe-no-fsync"])
            .stdout(log("etcd.out"))
            .stderr(log("etcd.log"))
            .spawn()
            .unwrap();
        let api = Command::new(tool("kubernetes", "kube-apiserver"))
            .args(["--etcd-servers=http://127.0.0.1:2379", "--secure-port=6443", "--bind-address=127.0.0.1"])
            .args(["--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--authorization-mode=RBAC"])
            .args([
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/12",
            ])
            .arg(format!("--cert-dir={}", path("certs")))
            .arg(format!("--token-auth-file={}", path("tokens")))
            .arg(format!("--service-account-signing-key-file={}", path("sa.key")))
            .arg(format!("--service-account-key-file={}", path("sa.key")))
            .stdout(log("api.out"))
            .stderr(log("api.log"))
            .spawn()
            .unwrap();
        let mut lab = Self { folder, children: vec![etcd, api], pods: 0, impatient: false, before: BTreeMap::new() };
        lab.configure();
        lab.populate();
        let alone = lab.attach_to("pod-0", "");
        assert_eq!(alone.failed, None, "the cluster's own network");
        lab.before = alone.ways.into_iter().map(|(place, (_, way))| (place, way)).collect();
        assert!(lab.before.values().all(|way| way.as_deref() == Some("eth0")), "{:?}", lab.before);
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn configure(&self) {
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": true}}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}]});
        fs::write(self.path("kubeconfig"), kubeconfig.to_string()).unwrap();
        let ranges: Vec<_> = PODS.iter().map(|subnet| json!([{"subnet": subnet}])).collect();
        let pods = json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp",
            "ipam": {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}]});
        fs::write(self.path("cni/10-pods.conflist"), pods.to_string()).unwrap();
    }

    /// Multus's own configuration.
    fn multus(&self) -> Value {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        json!({"cniVersion": "0.3.1", "name": "multus", "type": "multus", "kubeconfig": path("kubeconfig"),
            "clusterNetwork": path("cni/10-pods.conflist"), "binDir": plugins(), "cniDir": "/var/lib/cni/multus",
            "confDir": path("cni"), "logLevel": "error", "logToStderr": true})
    }

    fn populate(&mut self) {
        until("the API server is ready", || self.kubectl(&["get", "--raw", "/readyz"], "").is_ok());
        let crd = module_file(
            "github.com/k8snetworkplumbingwg/network-attachment-definition-client",
            "multus",
            "artifacts/networks-crd.yaml",
        );
        self.kubectl(&["create", "-f", &crd.to_string_lossy()], "").unwrap();
        self.kubectl(&["create", "namespace", "kubevirt"], "").unwrap();
        self.kubectl(&["-n", "kubevirt", "create", "serviceaccount", "default"], "").unwrap();
        self.proxy();
        until("NADs are served", || self.kubectl(&["get", "--raw", NADS], "").is_ok());
    }

    /// A way to the API server without TLS, for the test's own requests: a kubectl for each would take most of the time.
    fn proxy(&mut self) {
        let kubectl = Command::new(tool("kubernetes", "kubectl"))
            .arg("--kubeconfig")
            .arg(self.path("kubeconfig"))
            .args(["proxy", "--port=8001"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.children.push(kubectl);
        until("the proxy answers", || ureq::get(format!("{API}/readyz")).call().is_ok());
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut command = Command::new(tool("kubernetes", "kubectl"));
        command.arg("--kubeconfig").arg(self.path("kubeconfig")).args(arguments);
        told(&mut command, input)
    }

    /// Attaches a pod as virt-handler would be: the cluster's network as eth0, the NAD as migration0.
    pub fn attach(&mut self, case: &Case) -> Observed {
        self.pods += 1;
        let pod = format!("pod-{}", self.pods);
        let nad = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "mig", "namespace": "kubevirt"}, "spec": {"config": case.config}});
        create(NADS, &nad);
        let observed = self.attach_to(&pod, "mig@migration0");
        delete(&format!("{NADS}/mig"));
        observed
    }

    fn attach_to(&self, pod: &str, reference: &str) -> Observed {
        let object = |networks: &str| {
            json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": "kubevirt", "annotations": {"k8s.v1.cni.cncf.io/networks": networks}},
            "spec": {"containers": [{"name": "virt-handler", "image": "virt-handler"}]}})
        };
        run("ip", &["netns", "add", pod]);
        private::hurry(&["ip", "netns", "exec", pod], self.impatient);
        run("ip", &["-n", pod, "link", "set", "lo", "up"]);
        // A device of the node, for host-device.
        run("ip", &["link", "add", "nic0", "type", "veth", "peer", "name", "nic0-peer"]);
        create(PODS_OF_KUBEVIRT, &object(reference));
        let failed = self.add(pod).err();
        let after = observed::ways(pod);
        let (addresses, routes) = observed::interface(pod);
        let before = |place: &str| self.before.get(place).cloned().flatten();
        let ways = after.into_iter().map(|(place, way)| (place.clone(), (before(&place), way)));
        let observed = Observed { failed, addresses, routes, ways: ways.collect() };
        Self::clear(pod);
        observed
    }

    /// As the container runtime calls Multus.
    fn add(&self, pod: &str) -> Result<String, String> {
        let mut multus = Command::new(tool("multus", "multus"));
        multus
            .env("CNI_COMMAND", "ADD")
            .env("CNI_CONTAINERID", pod)
            .env("CNI_IFNAME", "eth0")
            .env("CNI_NETNS", format!("/run/netns/{pod}"))
            .env("CNI_PATH", plugins())
            .env(
                "CNI_ARGS",
                format!(
                    "IgnoreUnknown=1;K8S_POD_NAMESPACE=kubevirt;K8S_POD_NAME={pod};K8S_POD_INFRA_CONTAINER_ID={pod}"
                ),
            );
        told(&mut multus, &self.multus().to_string())
    }

    /// Removes what the pod's plugins left on the node, even where ADD failed half-way.
    fn clear(pod: &str) {
        delete(&format!("{PODS_OF_KUBEVIRT}/{pod}?gracePeriodSeconds=0"));
        run("ip", &["netns", "delete", pod]);
        let links: Value = serde_json::from_slice(&super::private::output("ip", &["-j", "link", "show"])).unwrap();
        for name in
            links.as_array().unwrap().iter().filter_map(|link| link["ifname"].as_str()).filter(|name| *name != "lo")
        {
            // One end of a pair takes the other with it.
            let _ = Command::new("ip").args(["link", "delete", name]).output();
        }
        let _ = fs::remove_dir_all("/var/lib/cni/networks");
    }
}

fn create(path: &str, object: &Value) {
    let request = ureq::post(format!("{API}{path}")).header("content-type", "application/json");
    request.send(object.to_string()).unwrap_or_else(|error| panic!("POST {path}: {error}"));
}

fn delete(path: &str) {
    ureq::delete(format!("{API}{path}")).call().unwrap_or_else(|error| panic!("DELETE {path}: {error}"));
}

/// The folder of the plugins.
fn plugins() -> String {
    tool("plugins", "bridge").parent().map(Path::to_owned).unwrap().to_string_lossy().into_owned()
}

/// Runs a command with this input; its output, or what it said.
fn told(command: &mut Command, input: &str) -> Result<String, String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{out}{err}")) }
}

/// Waits for a condition, a minute at most.
fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited for a minute until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
