//! The cluster: control plane, nodes, CRDs, the player of the kubelet, and the chart as helm installs it.

use super::api;
use super::image::Image;
use super::kubelet::{Kubelet, NODES, network, text};
use super::metrics::Metrics;
use super::plane::Plane;
use super::private::run;
use super::process::{said, within};
use super::said::Said;
use super::tools::tool;
use serde_json::{Value, json};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Namespace and release of the chart, and with that the name of what it makes.
pub const NAME: &str = "kubevirt-preflight";
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/kubevirt-preflight");
/// Arguments of helm; the values come on its standard input.
pub const INSTALL: [&str; 10] =
    ["upgrade", "--install", NAME, CHART, "--create-namespace", "--wait", "--timeout", "90s", "--values", "-"];
/// The namespace of KubeVirt.
pub const KUBEVIRT: &str = "kubevirt";

/// The controllers that act on what is written here; the others would only take time.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,endpointslice-controller,namespace-controller,\
    serviceaccount-controller,root-ca-certificate-publisher-controller,garbage-collector-controller,disruption-controller,job-controller";

/// What runs.
pub struct Lab {
    pub plane: Plane,
    pub kubelet: Kubelet,
    _controllers: Child,
    /// What did not go as it should, of the scenario that runs.
    failures: Vec<String>,
    checks: usize,
}

impl Lab {
    pub fn start(image: Image) -> Self {
        addresses();
        // The address of the Service that every Pod is told as the API server's, and what a kube-proxy would do.
        let plane = Plane::start(&[
            "--secure-port=443",
            "--bind-address=0.0.0.0",
            "--advertise-address=192.168.66.100",
            "--enable-aggregator-routing=true",
        ]);
        let controllers = controllers(&plane);
        let mut lab =
            Self { plane, kubelet: Kubelet::start(image), _controllers: controllers, failures: Vec::new(), checks: 0 };
        lab.populate();
        lab
    }

    fn populate(&mut self) {
        for (name, address) in NODES {
            let node = json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
                "status": {"addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
                    "conditions": [{"type": "Ready", "status": "True"}]}});
            api::post("/api/v1/nodes", &node).unwrap();
        }
        let stand_in = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/hyperconverged-crd.yaml");
        let crds = [tool("multus", "networks-crd.yaml"), tool("kubevirt", "kubevirt-crd.yaml"), stand_in.into()];
        for crd in crds {
            let said = self.kubectl(&["create", "-f", &crd.to_string_lossy()]);
            assert!(said.ok, "{}", said.text);
        }
        self.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
        assert!(self.kubectl(&["create", "namespace", KUBEVIRT]).ok);
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self, arguments: &[&str]) -> Said {
        self.kubectl_with(arguments, "")
    }

    /// kubectl with this on its standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Said {
        said(&mut self.command("kubernetes", "kubectl", arguments), input)
    }

    /// A user that no role names, unless a test grants one.
    pub fn kubectl_as(&self, user: &str, arguments: &[&str], input: &str) -> Said {
        let path = self.plane.path(&format!("kubeconfig-{user}"));
        fs::write(&path, self.plane.kubeconfig(user, &format!("{user}-token"))).unwrap();
        let mut command = Command::new(tool("kubernetes", "kubectl"));
        command.env("HOME", "/run/lab").arg("--kubeconfig").arg(path).args(arguments);
        said(&mut command, input)
    }

    fn command(&self, part: &str, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(tool(part, name));
        // Caches of this run alone.
        command.env("HOME", "/run/lab").arg("--kubeconfig").arg(self.plane.path("kubeconfig")).args(arguments);
        command
    }

    pub fn helm(&self, arguments: &[&str], values: &Value) -> Said {
        let arguments = [&["--namespace", NAME], arguments].concat();
        said(&mut self.command("helm", "helm", &arguments), &values.to_string())
    }

    /// Installs the chart, or changes the release, and waits until the roll-out is over.
    pub fn install(&mut self, values: &Value) -> Said {
        let said = self.helm(&INSTALL, values);
        if said.ok {
            self.settle();
        }
        said
    }

    /// Waits until every replica that should be there answers, and the API server reaches one.
    pub fn settle(&mut self) {
        let ready = within(Duration::from_secs(60), || {
            let replicas = self.replicas();
            replicas.len() == 2 && replicas.iter().all(|replica| replica.ready && !replica.going)
        });
        assert!(ready, "two replicas are ready within a minute: {}", self.tell());
        // The endpoints are written a moment after readiness, and the caBundle perhaps later.
        let asked = within(Duration::from_secs(60), || !self.dry_run().text.contains("failed calling webhook"));
        assert!(asked, "the API server reaches the webhook: {}", self.dry_run().text);
    }

    /// A write that needs the webhook and stores nothing.
    pub fn dry_run(&self) -> Said {
        self.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &kubevirt("probe", "reached"))
    }

    /// Gives the replicas another policy by their ConfigMap, and waits until each has read it.
    pub fn policy(&mut self, policy: &Value) {
        let reloads = |replica: &Replica| {
            Metrics::of(&replica.address).sum("kubevirt_preflight_reloads_total", &["what=\"policy\"", "result=\"ok\""])
        };
        // As helm writes it: another's field would be a conflict at the next upgrade.
        let map = api::get(&format!("/api/v1/namespaces/{NAME}/configmaps/{NAME}-policy")).unwrap();
        let data = map["data"].clone();
        let (labels, annotations) = (&map["metadata"]["labels"], &map["metadata"]["annotations"]);
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"policy.yaml": policy_file(policy)},
            "metadata": {"name": format!("{NAME}-policy"), "namespace": NAME, "labels": labels, "annotations": annotations}});
        let before: Vec<_> = self.replicas().iter().map(|replica| (replica.clone(), reloads(replica))).collect();
        // The same policy in other words is no reload.
        let read = |data: &Value| serde_saphyr::from_str::<Value>(&text(data, "/policy.yaml")).ok();
        if read(&map["data"]) == read(&data) {
            return;
        }
        let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", "-"];
        let said = self.kubectl_with(&apply, &map.to_string());
        assert!(said.ok, "{}", said.text);
        let again = within(Duration::from_secs(20), || before.iter().all(|(replica, count)| reloads(replica) > *count));
        assert!(again, "the replicas read the new policy: {}", self.tell());
    }

    pub fn replicas(&self) -> Vec<Replica> {
        let path = format!("/api/v1/namespaces/{NAME}/pods?labelSelector=app.kubernetes.io/component=webhook");
        let list = api::get(&path).unwrap_or_default();
        list["items"].as_array().into_iter().flatten().map(Replica::of).collect()
    }

    /// The metrics of all replicas, added up.
    pub fn metrics(&self) -> Metrics {
        self.replicas().iter().map(|replica| Metrics::of(&replica.address)).fold(Metrics::default(), Metrics::and)
    }

    /// An empty cluster but for the chart: no KubeVirt, no HyperConverged, no NAD.
    pub fn reset(&mut self) {
        for kind in ["hyperconvergeds,kubevirts", "network-attachment-definitions"] {
            let said = self.kubectl(&["delete", kind, "--all", "--all-namespaces", "--wait", "--timeout=30s"]);
            assert!(said.ok, "{}", said.text);
        }
    }

    /// One check of a scenario.
    pub fn check(&mut self, what: &str, holds: bool, seen: &str) {
        self.checks += 1;
        if !holds {
            self.failures.push(format!("{what}\n      seen: {}", seen.trim().replace('\n', "\n      ")));
        }
    }

    /// The write is refused, with all of these words.
    pub fn refused(&mut self, what: &str, said: &Said, words: &[&str]) {
        let lacks: Vec<_> = words.iter().filter(|word| !said.text.contains(**word)).collect();
        let what = format!("{what}: refused with {words:?}");
        self.check(&what, !said.ok && lacks.is_empty(), &said.text);
    }

    /// The write passes without a warning of ours.
    pub fn passes(&mut self, what: &str, said: &Said) {
        // The API server has warnings of its own, for example of KubeVirt's finalizers.
        self.check(&format!("{what}: passes"), said.ok && said.findings().is_empty(), &said.text);
    }

    /// Waits until every replica knows what a write just before told: a dry run of another write shows it, asked often enough
    /// that each replica has answered.
    pub fn known(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        self.eventually(&format!("{what} is known to the replicas"), 10, condition);
    }

    /// The write passes with a warning that has these words.
    pub fn warned(&mut self, what: &str, said: &Said, words: &[&str]) {
        let warned = said.text.lines().any(|line| line.starts_with("Warning:"));
        let all = words.iter().all(|word| said.text.contains(word));
        self.check(&format!("{what}: passes with a warning of {words:?}"), said.ok && warned && all, &said.text);
    }

    /// The condition is met within this time.
    pub fn eventually(&mut self, what: &str, seconds: u64, mut condition: impl FnMut(&Self) -> bool) {
        let met = within(Duration::from_secs(seconds), || condition(self));
        let seen = if met { String::new() } else { format!("not within {seconds} s\n{}", self.tell()) };
        self.check(what, met, &seen);
    }

    /// What the scenario found, and how much it looked at.
    pub fn taken(&mut self) -> (Vec<String>, usize) {
        let faults = std::mem::take(&mut *self.kubelet.shared.faults.lock().unwrap());
        self.failures.extend(faults.into_iter().map(|fault| format!("the kubelet's play: {fault}")));
        (std::mem::take(&mut self.failures), std::mem::take(&mut self.checks))
    }

    /// The last lines of a Pod's log, in our namespace.
    pub fn log(&self, pod: &str) -> String {
        let log = fs::read_to_string(super::kubelet::folder(NAME, pod).join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// The last lines of every replica's log, and what the API server says of the Pods.
    pub fn tell(&self) -> String {
        let pods = self.kubectl(&["get", "pods,endpointslices", "-A", "-o", "wide"]).text;
        let replicas = self.replicas().into_iter().map(|replica| replica.name);
        let logs = replicas.map(|name| format!("{name}:\n{}", self.log(&name)));
        [pods].into_iter().chain(logs).collect::<Vec<_>>().join("\n")
    }
}

/// A Pod of the Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    pub name: String,
    pub address: String,
    pub ready: bool,
    pub going: bool,
}

impl Replica {
    fn of(pod: &Value) -> Self {
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let ready = conditions.filter(|one| one["type"] == "Ready").any(|one| one["status"] == "True");
        let going = pod.pointer("/metadata/deletionTimestamp").is_some();
        Self { name: text(pod, "/metadata/name"), address: text(pod, "/status/podIP"), ready, going }
    }
}

/// The text of a policy file with these keys.
pub fn policy_file(policy: &Value) -> String {
    let mut policy = policy.clone();
    policy["apiVersion"] = "kubevirt-preflight.io/v1alpha1".into();
    policy["kind"] = "Policy".into();
    policy.to_string()
}

/// A KubeVirt that names this network.
pub fn kubevirt(name: &str, network: &str) -> String {
    json!({"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": {"name": name, "namespace": KUBEVIRT},
        "spec": {"configuration": {"migrations": {"network": network}}}})
    .to_string()
}

/// A HyperConverged (v1beta1) that names this network.
pub fn hyperconverged(network: &str) -> String {
    json!({"apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
        "metadata": {"name": "kubevirt-hyperconverged", "namespace": KUBEVIRT}, "spec": {"liveMigrationConfig": {"network": network}}})
    .to_string()
}

/// A NAD of KubeVirt's namespace whose pods get addresses of this range.
pub fn nad(name: &str, range: &str) -> String {
    let config = json!({"cniVersion": "0.3.1", "type": "macvlan", "master": "eth1",
        "ipam": {"type": "whereabouts", "range": range}});
    nad_of(name, &config.to_string())
}

/// A NAD of KubeVirt's namespace with this text.
pub fn nad_of(name: &str, config: &str) -> String {
    json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": KUBEVIRT}, "spec": {"config": config}})
    .to_string()
}

/// The machine that is the control plane's node: on the nodes' network, on the pods', and with the API server's Service.
fn addresses() {
    run("ip", &["link", "add", network::BRIDGE, "type", "bridge"]);
    run("ip", &["link", "set", network::BRIDGE, "up"]);
    for address in [&format!("{}/16", network::GATEWAY), "192.168.66.100/24"] {
        run("ip", &["address", "add", address, "dev", network::BRIDGE]);
    }
    run("ip", &["address", "add", "10.96.0.1/32", "dev", "lo"]);
    run("ip", &["route", "add", "default", "dev", network::BRIDGE]);
}

fn controllers(plane: &Plane) -> Child {
    // The certificate that the API server made for itself has its CA after it.
    let log = fs::File::create(plane.path("controllers.log")).unwrap();
    Command::new(tool("kubernetes", "kube-controller-manager"))
        .arg("--kubeconfig")
        .arg(plane.path("kubeconfig"))
        .args(["--leader-elect=false", "--secure-port=0", "--controllers", CONTROLLERS])
        // Each by its own account, as in every cluster: the webhook tells the namespace controller by it.
        .arg("--use-service-account-credentials=true")
        .args(["--kube-api-qps=200", "--kube-api-burst=400", "--endpointslice-updates-batch-period=100ms"])
        .arg("--service-account-private-key-file")
        .arg(plane.path("sa.key"))
        .arg("--root-ca-file")
        .arg(plane.path("certs/apiserver.crt"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
