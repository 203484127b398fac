//! What Multus makes of the reference at `spec.configuration.migrations.network`, which virt-operator pastes before
//! `@migration0`: which NAD it attaches as migration0 and nothing else, and whether `check` says so.

use super::lab::{self, Lab};
use super::observed::Observed;
use super::said::program;
use serde_json::{Map, Value, json};
use std::fmt;

/// Exist in every case: namespace and name.
const NADS: [(&str, &str); 4] = [("kubevirt", "mig"), ("other", "mig2"), ("kubevirt", "mig.dot"), ("default", "mig3")];

const REFERENCES: [&str; 48] = [
    "mig",
    "kubevirt/mig",
    "other/mig2",
    "default/mig3",
    "/mig",
    "nosuch",
    "mig2",
    "/mig2",
    "other/mig",
    "default/mig",
    "nosuch/mig",
    " mig",
    "mig ",
    " kubevirt / mig ",
    " /mig",
    "\tmig",
    "mig\n",
    "\u{a0}mig",
    "m ig",
    "",
    " ",
    "/",
    "kubevirt/",
    "kubevirt/mig/",
    "//mig",
    "a/b/c",
    "mig.dot",
    "kubevirt/mig.dot",
    "Mig",
    "KubeVirt/mig",
    "mig_under",
    "-mig",
    "mig-",
    "-kubevirt/mig",
    "mig#x",
    "m\u{ef}g",
    "mig@",
    "mig@eth1",
    "mig@migration0",
    "@",
    ",mig",
    "mig,",
    "mig,mig",
    "mig,other/mig2",
    "other/mig2,mig",
    "mig\"",
    "[mig]",
    "[{\"name\":\"mig\",\"interface\":\"migration0\"}]",
];

/// Rules that say that virt-handler does not get migration0 alone.
const REFUSING: [&str; 3] = ["reference-syntax", "missing-attachment", "foreign-namespace-attachment"];

/// How Multus isolates namespaces: its `globalNamespaces`, if it isolates at all.
const ISOLATIONS: [(&str, Option<&[&str]>); 4] = [
    ("", None),
    (" isolated", Some(&[])),
    (" isolated, other global", Some(&["other"])),
    (" isolated, other and default global", Some(&["other", "default"])),
];

/// What came of all references.
#[derive(Debug, Default)]
pub struct Outcome {
    pub compared: usize,
    /// How many of them Multus attached as migration0 and nothing else.
    pub attached: usize,
    /// Differing references: name, and what differs.
    pub failures: Vec<(String, String)>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, attached, failures } = self;
        write!(f, "references: {compared} cases, {attached} of them attached, {} differ", failures.len())
    }
}

/// Runs all references whose name contains `only`.
pub fn run_all(lab: &mut Lab, only: Option<&str>) -> Outcome {
    let all = ISOLATIONS.iter().flat_map(|(how, globals)| {
        REFERENCES.iter().map(move |reference| (format!("references: {reference:?}{how}"), *reference, *globals))
    });
    // What is global matters only to those that name a namespace.
    let all = all.filter(|(_, reference, globals)| reference.contains('/') || globals.is_none_or(<[_]>::is_empty));
    let wanted: Vec<_> = all.filter(|(name, ..)| only.is_none_or(|only| name.contains(only))).collect();
    let mut outcome = Outcome::default();
    if wanted.is_empty() {
        return outcome;
    }
    lab::create("/api/v1/namespaces", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
    for nad in NADS {
        lab::create(&nads_of(nad.0), &object(nad));
    }
    for (name, reference, globals) in wanted {
        lab.further = configuration(globals);
        compare(lab, name, reference, globals, &mut outcome);
    }
    lab.further = Map::new();
    for (namespace, name) in NADS {
        lab::delete(&format!("{}/{name}", nads_of(namespace)));
    }
    outcome
}

fn compare(lab: &mut Lab, name: String, reference: &str, globals: Option<&[&str]>, outcome: &mut Outcome) {
    let observed = lab.attach_reference(reference, |_| Vec::new());
    let (attached, said) = (attached(&observed), read(reference, globals));
    outcome.compared += 1;
    outcome.attached += usize::from(attached.is_some());
    if attached == said.clone().ok() {
        println!("ok       {name}");
        return;
    }
    let did = observed.failed.unwrap_or_else(|| format!("{attached:?}, interfaces {:?}", observed.links));
    let difference = format!("check: {said:?}; Multus: {did}");
    println!("DIFFERS  {name}\n  {difference}");
    outcome.failures.push((name, difference));
}

/// `namespace/name` of the NAD that became migration0, if nothing else did.
fn attached(observed: &Observed) -> Option<String> {
    let alone = observed.failed.is_none() && observed.links == ["eth0", "lo", "migration0"];
    let found = NADS.iter().position(|nad| observed.addresses == [address(*nad)]).filter(|_| alone)?;
    Some(format!("{}/{}", NADS[found].0, NADS[found].1))
}

/// `namespace/name` of what `check` judges for the reference, or the rule by which it denies it.
fn read(reference: &str, globals: Option<&[&str]>) -> Result<String, String> {
    std::fs::write("/run/lab/policy.yaml", policy(globals).to_string()).unwrap();
    let kubevirt = json!({"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt",
        "metadata": {"name": "kubevirt", "namespace": "kubevirt"},
        "spec": {"configuration": {"migrations": {"network": reference}}}});
    let items: Vec<_> = NADS.into_iter().map(object).chain([kubevirt]).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let check = program(&["check", "-o", "json", "--complete", "--policy", "/run/lab/policy.yaml", "-"], &list);
    let findings: Vec<_> = check["findings"].as_array().expect("findings").iter().collect();
    let rules = findings.iter().filter(|finding| finding["level"] == "deny").filter_map(|f| f["rule"].as_str());
    if let Some(rule) = rules.clone().find(|rule| REFUSING.contains(rule)) {
        return Err(rule.to_owned());
    }
    // Addresses in the text are a finding of every NAD that is judged.
    let objects = findings.iter().filter(|finding| finding["rule"] == "node-local-ipam").map(|f| &f["object"]);
    let judged = objects.map(|object| {
        let part = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", part("namespace"), part("name"))
    });
    Ok(judged.collect::<Vec<_>>().join(" and "))
}

/// What Multus's configuration says of this; without `globalNamespaces` only `default` is global.
fn configuration(globals: Option<&[&str]>) -> Map<String, Value> {
    let Some(globals) = globals else { return Map::new() };
    let mut keys = Map::from_iter([("namespaceIsolation".to_owned(), true.into())]);
    if !globals.is_empty() {
        keys.insert("globalNamespaces".to_owned(), globals.join(", ").into());
    }
    keys
}

/// The same in our policy.
fn policy(globals: Option<&[&str]>) -> Value {
    let mut policy = json!({"apiVersion": "kubevirt-preflight.io/v1alpha1", "kind": "Policy",
        "namespaceIsolation": globals.is_some()});
    if let Some(globals) = globals.filter(|globals| !globals.is_empty()) {
        policy["globalNamespaces"] = json!(globals);
    }
    policy
}

fn nads_of(namespace: &str) -> String {
    format!("/apis/k8s.cni.cncf.io/v1/namespaces/{namespace}/network-attachment-definitions")
}

/// By which a NAD is known again on the interface.
fn address((namespace, name): (&str, &str)) -> String {
    let at = NADS.iter().position(|nad| *nad == (namespace, name)).unwrap();
    format!("10.200.{at}.9/24")
}

fn object(nad: (&str, &str)) -> Value {
    let config = json!({"cniVersion": "0.3.1", "name": nad.1, "type": "bridge",
        "ipam": {"type": "static", "addresses": [{"address": address(nad)}]}});
    json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"namespace": nad.0, "name": nad.1}, "spec": {"config": config.to_string()}})
}
