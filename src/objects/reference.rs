//! The text of `migrations.network` as Multus reads it.
//!
//! virt-operator pastes the text before `@migration0` into the annotation `k8s.v1.cni.cncf.io/networks` of virt-handler
//! (kubevirt: components/daemonsets.go), so Multus's grammar decides
//! (multus-cni: pkg/k8sclient/k8sclient.go `parsePodNetworkAnnotation`).

use crate::tree::{self, Node};

/// The interface that virt-handler looks for.
pub const INTERFACE: &str = "migration0";

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The namespace where one is written; `None` is the namespace of the CR.
    pub namespace: Option<String>,
    /// The NAD's name.
    pub name: String,
}

/// A reference read: what Multus fails on, what it takes, and what is odd about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// What becomes migration0, if anything does.
    pub target: Option<Target>,
    /// Why virt-handler's sandbox fails, or gets more than one network.
    pub fault: Option<String>,
    /// What works but is not what one would write.
    pub oddity: Option<String>,
}

/// Reads the text of a `network` field.
pub fn read(text: &str) -> Read {
    if text.trim().is_empty() {
        return fault("it is empty, which is not the same as absent: Multus is asked for a network without a name");
    }
    if text.contains(['[', '{', '"']) {
        return fault("it holds `[`, `{` or `\"`, so Multus reads the whole annotation as JSON and fails");
    }
    if text.contains('@') {
        return fault("it holds `@`; KubeVirt appends `@migration0` itself and Multus allows only one");
    }
    let mut items = text.split(',').map(|item| named(item.trim()));
    let last = items.next_back().unwrap_or_else(|| Err(String::new()));
    let others: Result<Vec<_>, _> = items.collect();
    match (last, others) {
        (Err(why), _) | (_, Err(why)) => fault(why),
        (Ok(target), Ok(others)) if others.is_empty() => {
            Read { oddity: oddity(text), target: Some(target), fault: None }
        }
        (Ok(target), Ok(_)) => Read {
            fault: Some(
                "it is a list: only its last entry becomes migration0, the others become further interfaces".into(),
            ),
            target: Some(target),
            oddity: None,
        },
    }
}

/// The reference for [`INTERFACE`] in a whole annotation; no target and no fault if there is no such entry.
pub fn read_annotation(text: &str) -> Read {
    if text.contains(['[', '{', '"']) {
        return read_json(text);
    }
    let entries = text.split(',').map(|item| {
        let (name, interface) = item.split_once('@').map_or((item, ""), |(name, interface)| (name, interface.trim()));
        let target = if interface.contains('@') { Err("it holds more than one `@`".to_owned()) } else { named(name) };
        target.map(|target| (target, interface == INTERFACE))
    });
    match entries.collect::<Result<Vec<_>, _>>() {
        Err(why) => fault(why),
        Ok(entries) => {
            Read { target: entries.into_iter().find(|(_, ours)| *ours).map(|(target, _)| target), ..Read::default() }
        }
    }
}

fn read_json(text: &str) -> Read {
    let Ok(node) = tree::parse(text) else { return fault("the annotation is not the JSON that Multus takes it for") };
    let ours = node.list().and_then(|entries| entries.iter().find(|e| e.text_at(&["interface"]) == Some(INTERFACE)));
    let target = ours.map(|entry| Target {
        namespace: entry.text_at(&["namespace"]).filter(|ns| !ns.is_empty()).map(str::to_owned),
        name: entry.text_at(&["name"]).unwrap_or_default().to_owned(),
    });
    match node {
        Node::List(_) => Read { target, ..Read::default() },
        _ => fault("the annotation is JSON but no list"),
    }
}

fn fault(why: impl Into<String>) -> Read {
    Read { fault: Some(why.into()), ..Read::default() }
}

/// `[ns/]name`, as Multus splits and trims it.
fn named(item: &str) -> Result<Target, String> {
    let (namespace, name) = match item.split_once('/') {
        Some((_, rest)) if rest.contains('/') => return Err("it has more than one `/`".into()),
        Some((namespace, name)) => (namespace.trim(), name.trim()),
        None => ("", item.trim()),
    };
    if name.is_empty() {
        return Err("an entry of it has no name".into());
    }
    match [namespace, name].into_iter().find(|part| !part.is_empty() && !is_label(part)) {
        Some(part) => Err(format!(
            "`{part}` is not what Multus accepts here: lower-case letters, digits and inner dashes, no dots"
        )),
        None => Ok(Target { namespace: (!namespace.is_empty()).then(|| namespace.to_owned()), name: name.to_owned() }),
    }
}

/// `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
fn is_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().all(|b| plain(b) || b == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().next_back().is_some_and(plain)
}

fn oddity(text: &str) -> Option<String> {
    if text.split('/').any(|part| part.trim() != part) {
        return Some("it has blanks, which Multus removes".into());
    }
    text.starts_with('/').then(|| "its namespace is empty, which Multus takes for the CR's own".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let read = read(text);
        let target =
            read.target.map_or_else(|| "-".into(), |t| format!("{}/{}", t.namespace.as_deref().unwrap_or("."), t.name));
        let mark = match (read.fault, read.oddity) {
            (Some(_), _) => "fault",
            (None, Some(_)) => "odd",
            (None, None) => "ok",
        };
        format!("{target} {mark}")
    }

    /// Rows observed with Multus v4.2.2: a pod annotated `REFERENCE@migration0`.
    #[test]
    fn references_mean_what_multus_makes_of_them() {
        for (text, expected) in [
            ("mig", "./mig ok"),
            ("kubevirt/mig", "kubevirt/mig ok"),
            ("other/mig2", "other/mig2 ok"),
            (" mig", "./mig odd"),
            ("mig ", "./mig odd"),
            ("/mig", "./mig odd"),
            ("a / b", "a/b odd"),
            ("mig,other/mig2", "other/mig2 fault"),
            ("a/b/c", "- fault"),
            ("mig@eth1", "- fault"),
            ("Mig", "- fault"),
            ("mig.dot", "- fault"),
            ("mig#x", "- fault"),
            ("mig_under", "- fault"),
            ("-mig", "- fault"),
            ("kubevirt/", "- fault"),
            ("kubevirt/mig,", "- fault"),
            ("mig\"", "- fault"),
            ("[{\"name\":\"a\"}]", "- fault"),
            ("", "- fault"),
            ("  ", "- fault"),
            (",mig", "- fault"),
            ("a,B", "- fault"),
            ("m", "./m ok"),
        ] {
            assert_eq!(told(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_annotation_names_migration0_by_its_entry() {
        let name = |text| read_annotation(text).target.map(|t| t.name);
        assert_eq!(name("a,b@migration0").as_deref(), Some("b"));
        assert_eq!(name("a@net1,ns/b"), None);
        assert_eq!(name(r#"[{"name":"a","interface":"migration0"},{"name":"b"}]"#).as_deref(), Some("a"));
        assert_eq!(name(r#"[{"name":"a"}]"#), None);
        assert!(read_annotation("a@b@migration0").fault.is_some());
        assert!(read_annotation("{").fault.is_some());
    }
}
