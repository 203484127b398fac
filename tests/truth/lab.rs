//! A control plane, Multus as the container runtime calls it, and namespaces for pods.

use super::cases::Case;
use super::cluster::{PLACES, PODS, Place};
use super::observed::{self, Observed};
use super::plane::{API, Plane};
use super::private::run;
use super::process::told;
use super::tools::tool;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const PODS_OF_KUBEVIRT: &str = "/api/v1/namespaces/kubevirt/pods";
const NADS: &str = "/apis/k8s.cni.cncf.io/v1/namespaces/kubevirt/network-attachment-definitions";

/// What runs.
pub struct Lab {
    plane: Plane,
    pods: usize,
    /// By which interface a pod reaches each fixed place with the cluster's network alone.
    before: BTreeMap<IpAddr, String>,
    /// Where the time goes.
    pub times: BTreeMap<&'static str, Duration>,
    /// Keys of Multus's configuration beside the usual ones.
    pub further: Map<String, Value>,
}

impl Lab {
    /// Starts etcd and the API server, and writes Multus's configuration.
    pub fn start() -> Self {
        let plane = Plane::start(&[
            "--secure-port=6443",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
        ]);
        let mut lab = Self { plane, pods: 0, before: BTreeMap::new(), times: BTreeMap::new(), further: Map::new() };
        lab.configure();
        lab.populate();
        let alone = lab.attach_to("pod-0", "", |_| Vec::new());
        assert_eq!(alone.failed, None, "the cluster's own network");
        lab.before = alone.ways.into_iter().filter_map(|way| Some((way.place.address, way.after?))).collect();
        let all = lab.before.values().filter(|way| *way == "eth0").count();
        assert_eq!(all, PLACES.len(), "without a NAD all places are reached by eth0: {:?}", lab.before);
        lab.times.clear();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.plane.path(name)
    }

    fn configure(&self) {
        fs::create_dir_all(self.path("cni")).unwrap();
        let ranges: Vec<_> = PODS.iter().map(|subnet| json!([{"subnet": subnet}])).collect();
        let pods = json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp",
            "ipam": {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}]});
        fs::write(self.path("cni/10-pods.conflist"), pods.to_string()).unwrap();
    }

    /// Multus's own configuration.
    fn multus(&self) -> Value {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        let mut multus = json!({"cniVersion": "0.3.1", "name": "multus", "type": "multus", "kubeconfig": path("kubeconfig"),
            "clusterNetwork": path("cni/10-pods.conflist"), "binDir": plugins(), "cniDir": "/var/lib/cni/multus",
            "confDir": path("cni"), "logLevel": "error", "logToStderr": true});
        multus.as_object_mut().unwrap().extend(self.further.clone());
        multus
    }

    fn populate(&mut self) {
        let crd = tool("multus", "networks-crd.yaml");
        self.plane.kubectl(&["create", "-f", &crd.to_string_lossy()], "").unwrap();
        self.plane.kubectl(&["create", "namespace", "kubevirt"], "").unwrap();
        self.plane.kubectl(&["-n", "kubevirt", "create", "serviceaccount", "default"], "").unwrap();
        self.plane.until("NADs are served", |plane| plane.kubectl(&["get", "--raw", NADS], "").is_ok());
    }

    /// Attaches a pod as virt-handler would be: the cluster's network as eth0, the NAD as migration0. `places` says which
    /// ways are to be looked at beside the fixed ones, once it is seen what migration0 holds.
    pub fn attach(&mut self, case: &Case, places: impl Fn(&Observed) -> Vec<Place>) -> Observed {
        let nad = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "mig", "namespace": "kubevirt"}, "spec": {"config": case.config}});
        self.timed("API server", |_| create(NADS, &nad));
        let observed = self.attach_reference("mig", places);
        self.timed("API server", |_| delete(&format!("{NADS}/mig")));
        observed
    }

    /// Attaches a pod by the annotation that virt-operator makes of this reference.
    pub fn attach_reference(&mut self, reference: &str, places: impl Fn(&Observed) -> Vec<Place>) -> Observed {
        self.pods += 1;
        self.attach_to(&format!("pod-{}", self.pods), &format!("{reference}@migration0"), places)
    }

    fn attach_to(&mut self, pod: &str, reference: &str, places: impl Fn(&Observed) -> Vec<Place>) -> Observed {
        let object = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": "kubevirt", "annotations": {"k8s.v1.cni.cncf.io/networks": reference}},
            "spec": {"containers": [{"name": "virt-handler", "image": "virt-handler"}]}});
        self.timed("API server", |_| create(PODS_OF_KUBEVIRT, &object));
        self.timed("namespaces", |_| make(pod));
        let failed = self.timed("Multus and plugins", |lab| lab.add(pod).err());
        let observed = self.timed("looking", |lab| {
            let (addresses, routes) = observed::interface(pod);
            let links = observed::links(pod);
            let mut observed = Observed { failed, links, addresses, routes, ways: Vec::new() };
            let places = [PLACES.iter().map(Place::from).collect(), places(&observed)].concat();
            observed.ways = observed::ways(pod, places, &lab.before, &observed.routes);
            observed
        });
        self.timed("namespaces", |_| clear(pod));
        self.timed("API server", |_| delete(&format!("{PODS_OF_KUBEVIRT}/{pod}?gracePeriodSeconds=0")));
        observed
    }

    /// Adds the time that `work` takes to what it belongs to.
    pub fn timed<T>(&mut self, what: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let begun = Instant::now();
        let out = work(self);
        *self.times.entry(what).or_default() += begun.elapsed();
        out
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

    /// Where the time went.
    pub fn pace(&self) -> String {
        let total: Duration = self.times.values().sum();
        let pods = u32::try_from(self.pods.max(1)).unwrap();
        let each = |time: Duration| (time / pods).as_secs_f64();
        let parts = self.times.iter().map(|(what, time)| format!("{what} {:.2}", each(*time)));
        format!("{:.2} s a text: {}", each(total), parts.collect::<Vec<_>>().join(", "))
    }
}

/// A pod's namespace, and nic0, a device of the node for host-device.
fn make(pod: &str) {
    run("ip", &["netns", "add", pod]);
    // Duplicate address detection on eth0 takes a second or two and says nothing of the NAD. A text that asks for it
    // (enabledad) sets it for its own interface.
    let settings = "ip link set lo up && echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad";
    run("ip", &["netns", "exec", pod, "sh", "-c", settings]);
    run("ip", &["link", "add", "nic0", "type", "veth", "peer", "name", "nic0-peer"]);
    // Its other end is on the bridge of the DHCP server, where there is one.
    let _ = Command::new("ip").args(["link", "set", "nic0-peer", "up", "master", "br0"]).output();
}

/// Removes what the pod's plugins left on the node, even where ADD failed half-way.
fn clear(pod: &str) {
    run("ip", &["netns", "delete", pod]);
    let links: Value = serde_json::from_slice(&observed::output("ip", &["-j", "link", "show"])).unwrap();
    let names = links.as_array().unwrap().iter().filter_map(|link| link["ifname"].as_str());
    for name in names.filter(|name| *name != "lo") {
        // One end of a pair takes the other with it.
        let _ = Command::new("ip").args(["link", "delete", name]).output();
    }
    let _ = fs::remove_dir_all("/var/lib/cni/networks");
}

pub fn create(path: &str, object: &Value) {
    let request = ureq::post(format!("{API}{path}")).header("content-type", "application/json");
    request.send(object.to_string()).unwrap_or_else(|error| panic!("POST {path}: {error}"));
}

pub fn delete(path: &str) {
    ureq::delete(format!("{API}{path}")).call().unwrap_or_else(|error| panic!("DELETE {path}: {error}"));
}

/// The folder of the plugins.
fn plugins() -> String {
    tool("plugins", "bridge").parent().map(Path::to_owned).unwrap().to_string_lossy().into_owned()
}
