//! From the text of `spec.config` to the plugins that run, each with its object, name and version, as Multus
//! (pkg/types `LoadDelegateNetConf`), its NAD client (`GetCNIConfigFromSpec`) and libcni (`NetworkConfFromBytes`) decide.

use super::decode::{Fields, Placed, Remarks, child, folds_to};
use super::ovn_k8s;
use super::shape::{self, PLUGIN_CONF, Shape, Struct};
use super::version::{Version, highest};
use crate::tree::Node;

/// A plugin of the chain.
#[derive(Debug)]
pub(super) struct Element<'n, 'a> {
    /// Its object.
    pub(super) fields: Fields<'n, 'a>,
    /// Its `type`.
    pub(super) kind: String,
    /// The version that libcni gives it.
    pub(super) version: Version,
}

/// What runs.
#[derive(Debug)]
pub(super) struct Envelope<'n, 'a> {
    /// The name of the configuration.
    pub(super) name: String,
    /// The plugins in order.
    pub(super) plugins: Vec<Element<'n, 'a>>,
    /// Not all plugins could be read.
    pub(super) torn: bool,
}

/// A longer chain is not read.
const MOST_PLUGINS: usize = 32;

/// Multus decodes these of a list, too (`types.NetConfList`).
const LIST: Struct = &[("disableCheck", Shape::Flag), ("disableGC", Shape::Flag)];

/// Opens the parsed text; `None` if no plugin can be told from it, for which there is a remark.
pub(super) fn open<'n, 'a>(root: &'n Node<'a>, nad: &str, remarks: &mut Remarks) -> Option<Envelope<'n, 'a>> {
    if root.map().is_none() {
        let why = format!("the text is {}, not a JSON object", root.type_name());
        remarks.fault("", why, "Write one CNI configuration in braces.");
        return None;
    }
    let fields = Fields::open(root, String::new(), remarks)?;
    shape::check(&fields, PLUGIN_CONF, remarks);
    let name = name(&fields, nad, remarks);
    if name.len() > LONGEST_NAME {
        let why = format!(
            "the network's name has {} bytes, and no file can be named by more than {LONGEST_NAME}",
            name.len()
        );
        remarks.fault("/name", why, "Write a shorter `name`.");
    }
    let written = fields.text("name", &mut Remarks::default());
    let envelope = match fields.text("type", remarks).filter(|(kind, _)| !kind.is_empty()) {
        Some((kind, _)) => {
            let version = fields.text("cniVersion", remarks).map(|(text, _)| text).unwrap_or_default();
            let element = Element { kind: canonical(kind).to_owned(), version: Version(version.to_owned()), fields };
            Some(Envelope { name, plugins: vec![element], torn: false })
        }
        None => list(&fields, name, remarks),
    }?;
    if envelope.plugins.iter().any(|element| element.kind == "ovn-k8s-cni-overlay") {
        ovn_k8s::check_envelope(written, envelope.plugins.len(), remarks);
    }
    Some(envelope)
}

/// Names under which the reference plugins are installed elsewhere: cluster-network-addons-operator puts them beside the
/// distribution's own (kubevirt/cluster-network-addons-operator, data/linux-bridge).
fn canonical(kind: &str) -> &str {
    match kind {
        "cnv-bridge" => "bridge",
        "cnv-tuning" => "tuning",
        other => other,
    }
}

/// `name` in exactly this case, or the NAD's name if it is absent or empty.
fn name(fields: &Fields<'_, '_>, nad: &str, remarks: &mut Remarks) -> String {
    match fields.exact("name") {
        Some(Node::Text(name)) if !name.is_empty() => {
            if !is_network_name(name) {
                let help = "Use letters, digits, `_`, `.` and `-`, and begin with a letter or digit.";
                remarks.fault("/name", format!("`{name}` is not a CNI network name"), help);
            }
            name.to_string()
        }
        Some(Node::Null) => {
            remarks.fault(
                "/name",
                "`name` is null, and the plugin needs a name",
                "Remove the key: the NAD's name is used.",
            );
            nad.to_owned()
        }
        _ => nad.to_owned(),
    }
}

/// Beside it the name of libcni's cache file holds a container id of 64 bytes, `migration0` and two hyphens.
const LONGEST_NAME: usize = 255 - 64 - 10 - 2;

/// libcni `ValidateNetworkName`.
fn is_network_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn list<'n, 'a>(fields: &Fields<'n, 'a>, name: String, remarks: &mut Remarks) -> Option<Envelope<'n, 'a>> {
    shape::check(fields, LIST, remarks);
    check_switches(fields, remarks);
    let version = list_version(fields, remarks);
    let help = "Write `type`, or `plugins` as a list of plugins.";
    if fields.get("plugins", remarks).is_none() {
        remarks.fault("", "there is neither a `type` nor a list `plugins`", help);
        return None;
    }
    let items = fields.short_list("plugins", MOST_PLUGINS, remarks)?;
    if fields.exact("plugins").is_none() {
        remarks.fault("", "libcni reads `plugins` in exactly this case and finds none", "Write `plugins`.");
        return None;
    }
    if items.is_empty() {
        remarks.fault("/plugins", "`plugins` is empty", help);
        return None;
    }
    let count = items.len();
    let opened = items.into_iter().enumerate().map(|(at, item)| element(at, item, &version, remarks));
    let plugins: Vec<_> = opened.collect::<Vec<_>>().into_iter().flatten().collect();
    let torn = plugins.len() < count;
    Some(Envelope { name, plugins, torn })
}

/// libcni's own reading of the switches, which takes the key in exact case and has no patience with `null`.
fn check_switches(fields: &Fields<'_, '_>, remarks: &mut Remarks) {
    for key in ["disableCheck", "disableGC", "loadOnlyInlinedPlugins"] {
        let fits = match fields.exact(key) {
            None | Some(Node::Bool(_)) => true,
            Some(Node::Text(text)) => matches!(text.to_lowercase().as_str(), "true" | "false"),
            Some(_) => false,
        };
        if !fits {
            remarks.fault(
                child("", key),
                format!("`{key}` must be true or false"),
                "Write true or false without quotes.",
            );
        }
    }
}

fn list_version(fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Version {
    let single = match fields.exact("cniVersion") {
        Some(Node::Null) => {
            remarks.fault("/cniVersion", "`cniVersion` of a list must be a string, not null", "Write \"1.0.0\".");
            ""
        }
        Some(node) => node.text().unwrap_or_default(),
        None => "",
    };
    let Some(several) = fields.exact("cniVersions") else { return Version(single.to_owned()) };
    let texts: Option<Vec<&str>> = several.list().and_then(|items| items.iter().map(Node::text).collect());
    let Some(texts) = texts else {
        remarks.fault("/cniVersions", "`cniVersions` must be a list of strings", "Write a list such as [\"1.0.0\"].");
        return Version(single.to_owned());
    };
    highest(single, &texts).unwrap_or_else(|bad| {
        remarks.fault("/cniVersions", format!("`{bad}` is not a CNI version"), "Write versions such as \"1.0.0\".");
        Version(single.to_owned())
    })
}

fn element<'n, 'a>(
    at: usize,
    (node, pointer): Placed<'n, 'a>,
    list: &Version,
    remarks: &mut Remarks,
) -> Option<Element<'n, 'a>> {
    let help = "Write the plugin's name as `type`.";
    if matches!(node, Node::Null) {
        remarks.fault(pointer, "a plugin must be an object, not null", help);
        return None;
    }
    let fields = Fields::open(node, pointer, remarks)?;
    shape::check(&fields, PLUGIN_CONF, remarks);
    refuse_twins_of_injected(at, &fields, remarks)?;
    let kind = fields.text("type", remarks).map(|(kind, _)| kind).unwrap_or_default();
    if kind.is_empty() {
        remarks.fault(fields.pointer.clone(), "the plugin has no `type`", help);
        return None;
    }
    Some(Element { version: own_version(&fields, list), kind: canonical(kind).to_owned(), fields })
}

/// libcni writes `prevResult` into every plugin after the first; a variant in the text would be merged with it.
fn refuse_twins_of_injected(at: usize, fields: &Fields<'_, '_>, remarks: &mut Remarks) -> Option<()> {
    let twin = fields.keys().find(|name| *name != "prevResult" && folds_to(name, "prevResult"));
    let Some(name) = twin.filter(|_| at > 0) else { return Some(()) };
    let why = format!("`{name}` is the same to the plugin as `prevResult`, which libcni adds");
    remarks.ambiguous(child(&fields.pointer, name), why, "Remove the key.");
    None
}

/// libcni sets `cniVersion` of every plugin to the list's. A variant that sorts behind it is decoded later and wins.
fn own_version(fields: &Fields<'_, '_>, list: &Version) -> Version {
    let later = |name: &str| name > "cniVersion" && folds_to(name, "cniVersion");
    let variant = fields.keys().find(|name| later(name)).and_then(|name| fields.exact(name)).and_then(Node::text);
    variant.map_or_else(|| list.clone(), |text| Version(text.to_owned()))
}
