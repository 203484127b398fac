//! Small worlds that hold something of everything: attachments, CRs that name them, objects that claim addresses.

use kubevirt_preflight::finding::{Finding, Level};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::{Object, name_of};
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::{Review, review};
use kubevirt_preflight::sources::SOURCES;
use kubevirt_preflight::tree;
use kubevirt_preflight::world::{Inputs, Lists, Settings, World};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The objects of a world and what is said about it; the world is made anew from them as often as wanted.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) objects: Vec<Value>,
    declared: &'static str,
    /// All NADs and all objects of the sources' kinds are known.
    whole: bool,
    files: bool,
    candidates: bool,
}

/// What `−` compares, by text, and the level.
pub(crate) type Causes = BTreeMap<String, Level>;

const FILES: [&str; 3] = [
    "",
    "pods: [10.244.0.0/16, 'fd00:244::/56']\nservices: [10.96.0.0/12]\nnodes: [{name: n1, addresses: [172.16.0.1/24]}]\n",
    "pods: [10.0.0.0/8]\nservices: []\nnodes: []\nsecondary: [{name: s, prefix: 192.168.150.64/26}]\n",
];
const RANGES: [&str; 10] = [
    "192.168.150.0/24",
    "192.168.150.64/26",
    "192.168.150.128/25",
    "10.244.7.0/24",
    "10.244.0.0/15",
    "172.16.0.0/24",
    "169.254.3.0/24",
    "192.168.0.0/16",
    "fd00:150::/64",
    "fd00:244::/64",
];
const ROUTES: [&str; 6] = ["0.0.0.0/0", "10.96.0.0/16", "10.244.8.0/24", "172.20.0.0/16", "::/0", "fd00:244:1::/64"];

impl Scene {
    pub(crate) fn of(objects: Vec<Value>) -> Self {
        Self { objects, declared: FILES[1], whole: true, files: false, candidates: false }
    }

    /// Nothing is declared: only objects tell.
    pub(crate) fn undeclared(objects: Vec<Value>) -> Self {
        Self { declared: FILES[0], ..Self::of(objects) }
    }

    /// As `check` reads the objects from files.
    pub(crate) fn among_files(objects: Vec<Value>) -> Self {
        Self { whole: false, files: true, ..Self::of(objects) }
    }

    /// What [`Self::of`] declares, as a networks file has it.
    pub(crate) fn file() -> &'static str {
        FILES[1]
    }

    pub(crate) fn world(&self) -> World {
        World::of(self.inputs(self.objects.iter().filter_map(read).collect()))
    }

    /// What its world is made of, with `objects` in place of its own.
    pub(crate) fn inputs(&self, objects: Vec<Object>) -> Inputs {
        let kinds = SOURCES.iter().flat_map(|source| source.reads);
        let kinds =
            kinds.filter(|_| !self.files).map(|reads| (reads.group.to_owned(), reads.kind.to_owned())).collect();
        let head = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\n";
        Inputs {
            objects,
            declared: Declared::parse(&format!("{head}{}", self.declared), "cluster.yaml").unwrap(),
            lists: Lists { nads: self.whole, kinds, at_rest: false },
            settings: Settings { all_nads: self.candidates, ..Settings::default() },
            ..Inputs::default()
        }
    }

    /// The same with other objects.
    pub(crate) fn with(&self, objects: Vec<Value>) -> Self {
        Self { objects, ..self.clone() }
    }

    /// Without the object at `at`.
    pub(crate) fn without(&self, at: usize) -> Self {
        let mut objects = self.objects.clone();
        objects.remove(at);
        self.with(objects)
    }

    pub(crate) fn review(&self) -> Review {
        review(&self.world(), &Policy::default(), today())
    }
}

pub(crate) fn today() -> jiff::civil::Date {
    jiff::civil::date(2026, 11, 24)
}

/// The object as the world holds it, if it is of a kind that matters.
pub(crate) fn read(value: &Value) -> Option<Object> {
    let text = value.to_string();
    let node = tree::parse(&text).unwrap();
    Object::read(&node, name_of(&node)?, None)
}

pub(crate) fn cause(finding: &Finding) -> String {
    format!("{:?}", finding.identity())
}

pub(crate) fn causes<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Causes {
    findings.into_iter().map(|finding| (cause(finding), finding.level)).collect()
}

/// The denied causes of `after` that `before` does not have at the same level or a higher one.
pub(crate) fn worse<'f>(after: impl IntoIterator<Item = &'f Finding>, before: &Review) -> BTreeSet<String> {
    let old = causes(&before.findings);
    let new = causes(after).into_iter();
    new.filter(|(cause, level)| *level == Level::Deny && old.get(cause).is_none_or(|old| old < level))
        .map(|(cause, _)| cause)
        .collect()
}

/// Scenes of up to a dozen objects, each name once.
pub(crate) fn scenes() -> impl Strategy<Value = Scene> {
    let objects = prop::collection::vec(prop_oneof![4 => nads(), 3 => referrers(), 2 => facts()], 1..12);
    (objects, select(&FILES[..]), any::<bool>(), prop::bool::weighted(0.3)).prop_map(
        |(objects, declared, whole, candidates)| {
            let mut seen = BTreeSet::new();
            let objects = objects.into_iter().filter(|object| seen.insert(name(object))).collect();
            Scene { objects, declared, whole, files: false, candidates }
        },
    )
}

/// Group, kind, namespace and name: what two versions of an object share.
fn name(object: &Value) -> (String, String, String, String) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("/apiVersion");
    let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
    (group, text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// Another state of an object of the same name.
pub(crate) fn edits(object: &Value) -> BoxedStrategy<Value> {
    let metadata = object["metadata"].clone();
    let version = object["apiVersion"].clone();
    let other = match object["kind"].as_str().unwrap() {
        "NetworkAttachmentDefinition" => nads().boxed(),
        "KubeVirt" | "HyperConverged" => referrers().boxed(),
        _ => facts().boxed(),
    };
    let kind = object["kind"].clone();
    let fits = other.prop_filter("another kind", move |other| other["kind"] == kind && other["apiVersion"] == version);
    fits.prop_map(move |mut other| {
        for key in ["name", "namespace"] {
            other["metadata"][key] = metadata[key].clone();
        }
        other
    })
    .boxed()
}

pub(crate) fn nads() -> impl Strategy<Value = Value> {
    let names = (select(&["kubevirt", "kubevirt", "tenant"][..]), select(&["mig", "mig", "mig2", "other"][..]));
    (names, configs(), prop::bool::weighted(0.2)).prop_map(|((namespace, name), config, labelled)| {
        let mut nad = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": name, "namespace": namespace}, "spec": {"config": config.to_string()}});
        if labelled {
            nad["metadata"]["labels"] = json!({"kubevirt-preflight.io/migration-network": "true"});
        }
        nad
    })
}

/// CNI texts: one plugin, or a chain of them.
pub(crate) fn configs() -> impl Strategy<Value = Value> {
    let plugin = select(&["macvlan", "macvlan", "bridge", "ipvlan", "vlan", "ptp", "unheard-of"][..]);
    let main = (plugin, ipams(), prop::option::of(select(&[1400, 9000][..]))).prop_map(|(plugin, ipam, mtu)| {
        let mut main = json!({"type": plugin, "master": "eth1", "vlanId": 7, "ipam": ipam});
        if let Some(mtu) = mtu {
            main["mtu"] = json!(mtu);
        }
        main
    });
    let meta = select(vec![
        json!({"type": "tuning", "sysctl": {"net.ipv4.conf.all.arp_ignore": "1"}}),
        json!({"type": "sbr"}),
        json!({"type": "route-override", "flushroutes": true}),
        json!({"type": "route-override", "addroutes": [{"dst": "10.244.9.0/24"}]}),
    ]);
    (main, prop::collection::vec(meta, 0..3), any::<bool>()).prop_map(|(mut main, metas, list)| {
        if metas.is_empty() && !list {
            main["cniVersion"] = json!("1.0.0");
            main["name"] = json!("net");
            return main;
        }
        let plugins: Vec<_> = std::iter::once(main).chain(metas).collect();
        json!({"cniVersion": "1.0.0", "name": "net", "plugins": plugins})
    })
}

fn ipams() -> impl Strategy<Value = Value> {
    let ranges = || prop::collection::vec(select(&RANGES[..]), 1..4);
    let routes = prop::collection::vec(select(&ROUTES[..]), 0..4);
    let routes = routes.prop_map(|list| list.into_iter().map(|dst| json!({"dst": dst})).collect::<Vec<_>>());
    let kinds = prop_oneof![
        4 => (ranges(), select(&["", "", "pool"][..])).prop_map(|(ranges, pool)| {
            let more: Vec<_> = ranges[1..].iter().map(|range| json!({"range": range})).collect();
            json!({"type": "whereabouts", "range": ranges[0], "ipRanges": more, "network_name": pool})
        }),
        1 => ranges().prop_map(|ranges| {
            let sets: Vec<_> = ranges.iter().map(|range| json!([{"subnet": range}])).collect();
            json!({"type": "host-local", "ranges": sets})
        }),
        1 => ranges().prop_map(|ranges| {
            let list: Vec<_> = ranges.iter().map(|range| json!({"address": range.replace("0/", "9/").replace("::/", "::9/")})).collect();
            json!({"type": "static", "addresses": list})
        }),
        1 => Just(json!({"type": "dhcp"})),
        1 => Just(json!({})),
    ];
    (kinds, routes).prop_map(|(mut ipam, routes)| {
        if !routes.is_empty() {
            ipam["routes"] = json!(routes);
        }
        ipam
    })
}

pub(crate) fn referrers() -> impl Strategy<Value = Value> {
    let networks = select(&["mig", "mig", "mig2", "absent", "tenant/mig", "kubevirt/other", " mig", "a,mig", ""][..]);
    let kinds = select(&["KubeVirt", "KubeVirt", "hco/v1beta1", "hco/v1"][..]);
    let places = select(&["kubevirt", "kubevirt", "second"][..]);
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.1), 0..3u8);
    (kinds, places, prop::option::weighted(0.9, networks), flags).prop_map(
        |(kind, namespace, network, (open, leaving, age))| {
            let network = network.map_or(Value::Null, Value::from);
            let mut cr = match kind.split_once('/') {
                None => json!({"apiVersion": "kubevirt.io/v1", "kind": kind, "spec": {"configuration":
                    {"migrations": {"network": network, "disableTLS": open}}}}),
                Some((_, "v1")) => json!({"apiVersion": "hco.kubevirt.io/v1", "kind": "HyperConverged",
                    "spec": {"virtualization": {"liveMigrationConfig": {"network": network}}}}),
                Some((_, version)) => json!({"apiVersion": format!("hco.kubevirt.io/{version}"),
                    "kind": "HyperConverged", "spec": {"liveMigrationConfig": {"network": network}}}),
            };
            cr["metadata"] = json!({"name": "kubevirt", "namespace": namespace,
                "creationTimestamp": format!("2026-01-0{}T00:00:00Z", age + 1)});
            if leaving {
                cr["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
            }
            cr
        },
    )
}

fn facts() -> impl Strategy<Value = Value> {
    (0..5u8, select(&["a", "b"][..]), select(&RANGES[..])).prop_map(|(kind, name, range)| {
        let first = range.split('/').next().unwrap().replace(".0", ".7");
        let (version, kind, spec) = match kind {
            0 => ("networking.k8s.io/v1", "ServiceCIDR", json!({"cidrs": [range]})),
            1 => ("crd.projectcalico.org/v1", "IPPool", json!({"cidr": range})),
            2 => ("metallb.io/v1beta1", "IPAddressPool", json!({"addresses": [range]})),
            3 => ("v1", "Node", json!({"podCIDRs": [range]})),
            _ => ("crd.projectcalico.org/v1", "IPPool", json!({"cidr": range, "allowedUses": ["LoadBalancer"]})),
        };
        let mut fact = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec});
        if kind == "Node" {
            fact["status"] = json!({"addresses": [{"type": "InternalIP", "address": first}]});
        }
        fact
    })
}
