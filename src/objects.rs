//! The objects that are judged, reduced at the door to the facts that we use.

pub mod patch;
pub mod reference;

use crate::place::ObjectRef;
use crate::sources::{self, Found};
use crate::tree::{Map, Node, Want};
use patch::Effect;
use reference::Read;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What of an object is read, for [`crate::tree::pick`].
pub static WANTED: Want = Want::Members(&[
    ("apiVersion", Want::All),
    ("kind", Want::All),
    (
        "metadata",
        Want::Members(&[
            ("name", Want::All),
            ("generateName", Want::All),
            ("namespace", Want::All),
            ("labels", Want::All),
            (
                "annotations",
                Want::Members(&[(RESOURCE_NAME, Want::All), (JSON_PATCH, Want::All), (HARVESTER, Want::All)]),
            ),
            ("creationTimestamp", Want::All),
            ("deletionTimestamp", Want::All),
            ("ownerReferences", Want::All),
        ]),
    ),
    (
        "spec",
        Want::Members(&[
            ("config", Want::All),
            (
                "configuration",
                Want::Members(&[
                    ("migrations", Want::Members(&[("network", Want::All), ("disableTLS", Want::All)])),
                    ("developerConfiguration", Want::Members(&[("featureGates", Want::All)])),
                ]),
            ),
            ("customizeComponents", Want::Members(&[("patches", Want::All)])),
            ("featureGates", Want::All),
            ("infra", Want::Members(&[("replicas", Want::All)])),
            ("workloads", Want::Members(&[("nodePlacement", Want::All)])),
            ("liveMigrationConfig", Want::Members(&[("network", Want::All)])),
            ("virtualization", Want::Members(&[("liveMigrationConfig", Want::Members(&[("network", Want::All)]))])),
        ]),
    ),
    ("status", Want::Members(&[("conditions", Want::Each(&Want::Members(&[("reason", Want::All)])))])),
]);

const RESOURCE_NAME: &str = "k8s.v1.cni.cncf.io/resourceName";
const JSON_PATCH: &str = "kubevirt.kubevirt.io/jsonpatch";
const HARVESTER: &str = "vm-migration-network.settings.harvesterhci.io";

/// The label by which a NAD asks to be judged before anything refers to it.
pub const CANDIDATE_LABEL: &str = "kubevirt-preflight.io/migration-network";

/// An object as far as it matters; cheap to clone, so that a store and the worlds made of it share each.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A network attachment.
    Nad(Arc<Nad>),
    /// A KubeVirt or HyperConverged, which can refer to one.
    Referrer(Arc<Referrer>),
    /// An object that says something about the cluster's networks.
    Found(Arc<Found>),
}

impl Object {
    /// Its name.
    pub fn reference(&self) -> &ObjectRef {
        match self {
            Self::Nad(nad) => &nad.object,
            Self::Referrer(referrer) => &referrer.object,
            Self::Found(found) => &found.object,
        }
    }

    /// Whether it has a deletionTimestamp: then it is not judged.
    pub fn is_deleting(&self) -> bool {
        match self {
            Self::Nad(nad) => nad.deleting,
            Self::Referrer(referrer) => referrer.deleting,
            Self::Found(_) => false,
        }
    }

    /// What `node` is to us: of a judged kind, or read by a source; `None` for everything else.
    pub fn read(node: &Node<'_>, object: ObjectRef, document: Option<usize>) -> Option<Self> {
        match kind_of(&object) {
            Some(Kind::Nad) => Some(Self::Nad(Nad::read(node, object, document).into())),
            Some(Kind::KubeVirt | Kind::HyperConverged) => {
                Some(Self::Referrer(Referrer::read(node, object, document).into()))
            }
            None => sources::found(node, &object, document).map(|found| Self::Found(found.into())),
        }
    }
}

/// The kinds that are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `k8s.cni.cncf.io/v1 NetworkAttachmentDefinition`
    Nad,
    /// `kubevirt.io/v1` and `v1alpha3 KubeVirt`
    KubeVirt,
    /// `hco.kubevirt.io/v1beta1` and `v1 HyperConverged`
    HyperConverged,
}

/// Which judged kind an object is of.
pub fn kind_of(object: &ObjectRef) -> Option<Kind> {
    match (object.group(), object.kind.as_str()) {
        ("k8s.cni.cncf.io", "NetworkAttachmentDefinition") => Some(Kind::Nad),
        ("kubevirt.io", "KubeVirt") => Some(Kind::KubeVirt),
        ("hco.kubevirt.io", "HyperConverged") => Some(Kind::HyperConverged),
        _ => None,
    }
}

/// The name of the object in `node`: apiVersion, kind, namespace and name as written; `None` without the first two.
pub fn name_of(node: &Node<'_>) -> Option<ObjectRef> {
    let name = node.text_at(&["metadata", "name"]).map(str::to_owned);
    let generated = || node.text_at(&["metadata", "generateName"]).map(|prefix| format!("{prefix}*"));
    Some(ObjectRef {
        api_version: node.text_at(&["apiVersion"])?.to_owned(),
        kind: node.text_at(&["kind"])?.to_owned(),
        namespace: node.text_at(&["metadata", "namespace"]).filter(|ns| !ns.is_empty()).map(str::to_owned),
        name: name.or_else(generated).unwrap_or_default(),
    })
}

/// A NetworkAttachmentDefinition.
#[derive(Clone, Debug, PartialEq)]
pub struct Nad {
    /// Its name.
    pub object: Arc<ObjectRef>,
    /// Which document holds it.
    pub document: Option<usize>,
    /// It has a deletionTimestamp: it refers to nothing and nothing refers to it.
    pub deleting: bool,
    /// It carries [`CANDIDATE_LABEL`] with `"true"`.
    pub labelled: bool,
    /// The annotation `k8s.v1.cni.cncf.io/resourceName`.
    pub resource_name: Option<String>,
    /// Pools that this NAD stands for: the UDN or CUDN that made it, Harvester's setting.
    pub made_by: BTreeSet<Arc<str>>,
    /// `spec.config`
    pub config: Config,
}

/// `spec.config` of a NAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// Absent or empty: Multus takes a file on the node.
    FileBacked,
    /// The CNI text.
    Text(String),
    /// Another type than a string: the API server refuses it.
    NotText(&'static str),
}

impl Nad {
    fn read(node: &Node<'_>, object: ObjectRef, document: Option<usize>) -> Self {
        let annotation = |key| node.text_at(&["metadata", "annotations", key]);
        let harvester = (annotation(HARVESTER) == Some("true")).then(|| Arc::from("harvester/vm-migration-network"));
        Self {
            document,
            deleting: is_deleting(node),
            labelled: node.text_at(&["metadata", "labels", CANDIDATE_LABEL]) == Some("true"),
            resource_name: annotation(RESOURCE_NAME).map(str::to_owned),
            made_by: owners(node, object.namespace.as_deref()).chain(harvester).collect(),
            config: match node.at(&["spec", "config"]) {
                None => Config::FileBacked,
                Some(Node::Text(text)) if text.is_empty() => Config::FileBacked,
                Some(Node::Text(text)) => Config::Text(text.clone().into_owned()),
                Some(other) => Config::NotText(other.type_name()),
            },
            object: object.into(),
        }
    }
}

/// The user-defined networks that own a NAD, as their sources key them.
fn owners<'n>(node: &'n Node<'_>, namespace: Option<&'n str>) -> impl Iterator<Item = Arc<str>> + use<'n> {
    node.list_at(&["metadata", "ownerReferences"]).iter().filter_map(move |owner| {
        let name = owner.text_at(&["name"])?;
        match owner.text_at(&["kind"])? {
            "UserDefinedNetwork" => Some(format!("udn/{}/{name}", namespace.unwrap_or_default()).into()),
            "ClusterUserDefinedNetwork" => Some(format!("cudn/{name}").into()),
            _ => None,
        }
    })
}

fn is_deleting(node: &Node<'_>) -> bool {
    node.at(&["metadata", "deletionTimestamp"]).is_some()
}

/// A KubeVirt or HyperConverged.
#[derive(Clone, Debug, PartialEq)]
pub struct Referrer {
    /// Its name.
    pub object: ObjectRef,
    /// Which document holds it.
    pub document: Option<usize>,
    /// It has a deletionTimestamp.
    pub deleting: bool,
    /// `metadata.creationTimestamp`, RFC 3339 in UTC as the API server writes it: sorts as text.
    pub created: Option<String>,
    /// Its status says ExistingDeployment: the operator ignores it.
    pub ignored: bool,
    /// The effective network; `None` is no dedicated network.
    pub network: Option<Network>,
    /// The patch or annotation that decides the effective network, when one does: its path.
    pub customized: Option<String>,
    /// `disableTLS`
    pub cleartext: bool,
    /// The DecentralizedLiveMigration gate is on explicitly.
    pub decentralized: bool,
    /// `spec.infra.replicas`
    pub infra_replicas: Option<u32>,
    /// `spec.workloads.nodePlacement`
    pub placement: Placement,
}

/// The text that names the migration network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// As written; of a patched annotation the whole annotation.
    pub text: String,
    /// Where it is written.
    pub path: String,
    /// What Multus makes of it.
    pub read: Read,
}

/// Where virt-handler may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// `nodeSelector`
    pub selector: BTreeMap<String, String>,
    /// Required node affinity: any term, all its expressions.
    pub terms: Vec<Vec<Expression>>,
    /// `tolerations`
    pub tolerations: Vec<Toleration>,
}

/// One match expression of a node affinity term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Label key.
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`
    pub operator: String,
    /// Label values.
    pub values: Vec<String>,
}

/// A toleration; an empty key with `Exists` tolerates everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Taint key.
    pub key: String,
    /// Whether the operator is `Exists`.
    pub any_value: bool,
    /// Taint value.
    pub value: String,
    /// Taint effect; empty is every one.
    pub effect: String,
}

impl Referrer {
    /// Whether it is a KubeVirt (else a HyperConverged).
    pub fn is_kubevirt(&self) -> bool {
        self.object.kind == "KubeVirt"
    }

    fn read(node: &Node<'_>, object: ObjectRef, document: Option<usize>) -> Self {
        let kubevirt = object.kind == "KubeVirt";
        let (network, customized) = if kubevirt { network_of_kubevirt(node) } else { network_of_hco(node) };
        let conditions = node.list_at(&["status", "conditions"]);
        let replicas = node.at(&["spec", "infra", "replicas"]).and_then(Node::whole);
        Self {
            document,
            deleting: is_deleting(node),
            created: node.text_at(&["metadata", "creationTimestamp"]).map(str::to_owned),
            ignored: conditions.iter().any(|c| c.text_at(&["reason"]) == Some("ExistingDeployment")),
            network,
            customized,
            cleartext: node.at(&["spec", "configuration", "migrations", "disableTLS"]).and_then(Node::flag)
                == Some(true),
            decentralized: is_decentralized(node),
            infra_replicas: replicas.and_then(|n| u32::try_from(n).ok()),
            placement: placement(node),
            object,
        }
    }
}

fn plain(text: &str, path: &str) -> Network {
    Network { text: text.to_owned(), path: path.to_owned(), read: reference::read(text) }
}

/// The field at `path`, kept even when it is no string: the API server refuses that, and so does Multus.
fn field(node: &Node<'_>, path: &str) -> Option<Network> {
    let keys: Vec<_> = path.split('.').collect();
    node.at(&keys).map(|value| match value {
        Node::Text(text) => plain(text, path),
        other => Network {
            text: String::new(),
            path: path.to_owned(),
            read: Read { fault: Some(format!("it must be a string, not {}", other.type_name())), ..Read::default() },
        },
    })
}

fn network_of_kubevirt(node: &Node<'_>) -> (Option<Network>, Option<String>) {
    let written = field(node, "spec.configuration.migrations.network");
    let (effect, at) = patch::on_annotation(node);
    let path = format!("spec.customizeComponents.patches[{at}].patch");
    match effect {
        Effect::Untouched => (written, None),
        Effect::Removed => (None, Some(path)),
        Effect::Set(text) => {
            let read = reference::read_annotation(&text);
            let named = read.target.is_some() || read.fault.is_some();
            (named.then(|| Network { text, path: path.clone(), read }), Some(path))
        }
    }
}

fn network_of_hco(node: &Node<'_>) -> (Option<Network>, Option<String>) {
    let written = field(node, "spec.liveMigrationConfig.network")
        .or_else(|| field(node, "spec.virtualization.liveMigrationConfig.network"));
    let path = format!("metadata.annotations[{JSON_PATCH}]");
    let annotation = node.text_at(&["metadata", "annotations", JSON_PATCH]);
    match annotation.map_or(Effect::Untouched, patch::on_network) {
        Effect::Untouched => (written, None),
        Effect::Removed => (None, Some(path)),
        Effect::Set(text) => (Some(plain(&text, &path)), Some(path)),
    }
}

/// KubeVirt lists the gate; HyperConverged has a field of its own for it, in v1 a list of names and states.
fn is_decentralized(node: &Node<'_>) -> bool {
    let gates = node.list_at(&["spec", "configuration", "developerConfiguration", "featureGates"]);
    let own = node.at(&["spec", "featureGates"]);
    let flag = own.and_then(|gates| gates.get("decentralizedLiveMigration")).and_then(Node::flag);
    let listed = own.and_then(Node::list).unwrap_or_default().iter().any(|gate| {
        gate.text_at(&["name"]) == Some("decentralizedLiveMigration") && gate.text_at(&["state"]) != Some("Disabled")
    });
    gates.iter().any(|gate| gate.text() == Some("DecentralizedLiveMigration")) || flag == Some(true) || listed
}

fn placement(node: &Node<'_>) -> Placement {
    let Some(placement) = node.at(&["spec", "workloads", "nodePlacement"]) else { return Placement::default() };
    let text = |node: &Node<'_>, key| node.text_at(&[key]).unwrap_or_default().to_owned();
    let required = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
    let expression = |node: &Node<'_>| Expression {
        key: text(node, "key"),
        operator: text(node, "operator"),
        values: node.list_at(&["values"]).iter().filter_map(|v| v.text().map(str::to_owned)).collect(),
    };
    let toleration = |node: &Node<'_>| Toleration {
        key: text(node, "key"),
        any_value: node.text_at(&["operator"]) == Some("Exists"),
        value: text(node, "value"),
        effect: text(node, "effect"),
    };
    Placement {
        selector: texts(placement.get("nodeSelector")),
        terms: placement
            .list_at(&required)
            .iter()
            .map(|term| term.list_at(&["matchExpressions"]).iter().map(expression).collect())
            .collect(),
        tolerations: placement.list_at(&["tolerations"]).iter().map(toleration).collect(),
    }
}

/// The string members of an object.
pub fn texts(node: Option<&Node<'_>>) -> BTreeMap<String, String> {
    let members = node.and_then(Node::map).into_iter().flat_map(Map::iter);
    members.filter_map(|(key, value)| Some((key.to_owned(), value.text()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests;
