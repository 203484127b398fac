//! Which objects matter here, and which are meant to but misspelt.

use crate::place::ObjectRef;
use crate::sources::SOURCES;

/// The kinds that are judged: group, kind, and the version to propose.
const JUDGED: [(&str, &str, &str); 3] = [
    ("k8s.cni.cncf.io", "NetworkAttachmentDefinition", "v1"),
    ("kubevirt.io", "KubeVirt", "v1"),
    ("hco.kubevirt.io", "HyperConverged", "v1beta1"),
];

/// Whether a file of this name is read when it is found in a directory: `.yaml`, `.yml` and `.json`.
pub fn is_manifest_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty() && !stem.ends_with(['/', '\\']));
    extension.is_some_and(|(_, ext)| ["yaml", "yml", "json"].iter().any(|known| ext.eq_ignore_ascii_case(known)))
}

/// Whether the object is one that is judged.
fn is_judged(object: &ObjectRef) -> bool {
    JUDGED.iter().any(|(group, kind, _)| object.kind == *kind && object.group() == *group)
}

/// Whether anything of the object is used: it is judged, or networks are learned from it.
pub(super) fn is_read(object: &ObjectRef) -> bool {
    let sources = || {
        SOURCES.iter().flat_map(|source| source.reads).any(|reads| {
            reads.kind == object.kind
                && reads.group == object.group()
                && reads.name.is_none_or(|name| name == object.name)
                && (reads.namespace.is_none()
                    || object.namespace.is_none()
                    || reads.namespace == object.namespace.as_deref())
        })
    };
    is_judged(object) || sources()
}

/// Whether `-n` gives the object its namespace: the judged kinds, and ConfigMaps. Of other kinds the namespace says
/// nothing here, or they have none.
pub(super) fn takes_namespace(object: &ObjectRef) -> bool {
    is_judged(object) || (object.api_version == "v1" && object.kind == "ConfigMap")
}

/// A field that is a letter off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slip {
    /// `kind` or `apiVersion`.
    pub(super) field: &'static str,
    pub(super) found: String,
    pub(super) meant: String,
}

/// The judged kind that the object nearly names: the kind in another case or one letter off in the right group, or the
/// right kind in a group that is.
pub(super) fn slip(object: &ObjectRef) -> Option<Slip> {
    JUDGED.iter().find_map(|(group, kind, _)| {
        if object.group() == *group && object.kind != *kind && is_near(&object.kind, kind) {
            return Some(Slip { field: "kind", found: object.kind.clone(), meant: (*kind).to_owned() });
        }
        let version = object.api_version.rsplit_once('/').map(|(_, version)| version)?;
        let astray = object.kind == *kind && object.group() != *group && is_near(object.group(), group);
        astray.then(|| Slip {
            field: "apiVersion",
            found: object.api_version.clone(),
            meant: format!("{group}/{version}"),
        })
    })
}

/// Why an object with the very name of a judged kind is none.
pub(super) fn stray(object: &ObjectRef) -> Option<String> {
    let (group, kind, version) = JUDGED.iter().find(|(_, kind, _)| object.kind == *kind)?;
    let found = match object.api_version.as_str() {
        "" => "it has no apiVersion".to_owned(),
        other => format!("its apiVersion is `{other}`"),
    };
    (object.group() != *group).then(|| format!("not judged: {found}; a {kind} has {group}/{version}."))
}

/// Equal but for case and at most one letter added, left out, changed, or swapped with the next.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (mut a, mut b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    while !a.is_empty() && a.last() == b.last() {
        a.pop();
        b.pop();
    }
    let shared = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    match (a.get(shared..).unwrap_or_default(), b.get(shared..).unwrap_or_default()) {
        ([] | [_], [] | [_]) => true,
        (x @ [_, _], y @ [_, _]) => x.iter().eq(y.iter().rev()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(api_version: &str, kind: &str) -> ObjectRef {
        ObjectRef { api_version: api_version.into(), kind: kind.into(), namespace: None, name: "x".into() }
    }

    #[test]
    fn file_names() {
        for name in ["a.yaml", "d/a.YML", "a.b.json", "d.d/x.yaml"] {
            assert!(is_manifest_name(name), "{name}");
        }
        for name in ["a", "yaml", ".yaml", "d/.json", "a.yaml.bak", "a.yaml/b", "a.tpl"] {
            assert!(!is_manifest_name(name), "{name}");
        }
    }

    #[test]
    fn one_letter_off_is_a_slip_two_are_not() {
        for (api_version, kind, meant) in [
            ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinitions", "NetworkAttachmentDefinition"),
            ("k8s.cni.cncf.io/v1", "networkAttachmentDefinition", "NetworkAttachmentDefinition"),
            ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefiniton", "NetworkAttachmentDefinition"),
            ("k8s.cni.cncf.io/v1", "NetworkAttachmnetDefinition", "NetworkAttachmentDefinition"),
            ("kubevirt.io/v1", "Kubevirt", "KubeVirt"),
            ("kubevirt.io/v1", "KubVirt", "KubeVirt"),
            ("hco.kubevirt.io/v1beta1", "Hyperconverge", "HyperConverged"),
            ("k8s.cni.cnfc.io/v1", "NetworkAttachmentDefinition", "k8s.cni.cncf.io/v1"),
            ("K8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", "k8s.cni.cncf.io/v1"),
            ("kubevirt.iо/v1", "KubeVirt", "kubevirt.io/v1"),
        ] {
            assert_eq!(slip(&object(api_version, kind)).map(|slip| slip.meant).as_deref(), Some(meant), "{kind}");
        }
        for (api_version, kind) in [
            ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition"),
            ("k8s.cni.cncf.io/v1", "NetworkAttachment"),
            ("k8s.cni.cncf.io/v1beta1", "MultiNetworkPolicy"),
            ("kubevirt.io/v1", "VirtualMachine"),
            ("kubevirt.io/v1", "KVirt"),
            ("example.com/v1", "Kubevirt"),
            ("k8s.cni.cnf.i/v1", "NetworkAttachmentDefinition"),
            ("v1", "KubeVirt"),
        ] {
            assert_eq!(slip(&object(api_version, kind)), None, "{kind}");
        }
    }

    #[test]
    fn a_judged_kind_of_no_or_another_group_is_said() {
        assert!(stray(&object("", "KubeVirt")).unwrap().contains("no apiVersion"));
        assert!(stray(&object("v1", "NetworkAttachmentDefinition")).unwrap().contains("k8s.cni.cncf.io/v1"));
        assert_eq!(stray(&object("kubevirt.io/v1", "KubeVirt")), None);
        assert_eq!(stray(&object("v1", "ConfigMap")), None);
    }
}
