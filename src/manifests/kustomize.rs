//! What a kustomization says about other files: which of them are patches, and that nothing was applied.

use crate::tree::Node;

/// Whether a document of file `name` is a kustomization: by its file's name, or by its kind.
///
/// Flux has a kind of the same name in another group, which lists no files.
pub(super) fn is_one(name: &str, node: &Node<'_>) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    let by_name = matches!(base, "kustomization.yaml" | "kustomization.yml" | "Kustomization");
    let group = node.text_at(&["apiVersion"]).map(|version| version.split('/').next().unwrap_or_default());
    let by_kind = matches!(node.text_at(&["kind"]), Some("Kustomization" | "Component"));
    match group {
        Some(group) => group == "kustomize.config.k8s.io" && (by_kind || by_name),
        None => by_name && node.map().is_some(),
    }
}

/// The directory to build.
pub(super) fn directory(name: &str) -> &str {
    name.rsplit_once('/').map_or(".", |(directory, _)| if directory.is_empty() { "/" } else { directory })
}

/// The command that renders it.
pub(super) fn command(directory: &str) -> String {
    format!("kustomize build {directory} | kubevirt-preflight check -")
}

/// The files that a kustomization in file `name` uses as patches, as normalised paths.
pub(super) fn patches(name: &str, node: &Node<'_>) -> Vec<String> {
    let by_path = ["patches", "patchesJson6902"].into_iter().flat_map(|key| node.list_at(&[key]));
    let paths = by_path.filter_map(|patch| patch.text_at(&["path"]));
    let strategic = node.list_at(&["patchesStrategicMerge"]).iter().filter_map(Node::text);
    let named = paths.chain(strategic).filter(|path| !path.contains('\n'));
    named.map(|path| normal(&format!("{}/{path}", directory(name)))).collect()
}

/// A path without `.`, `..` and empty parts, as far as these can be resolved in the text alone.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    #[test]
    fn paths_are_compared_without_detours() {
        for (path, expected) in [
            ("./a.yaml", "a.yaml"),
            ("o/p/../../b/./x.yaml", "b/x.yaml"),
            ("../a//b.yaml", "../a/b.yaml"),
            ("a/../../b", "../b"),
            ("/a/../b", "/b"),
        ] {
            assert_eq!(normal(path), expected);
        }
    }

    #[test]
    fn patch_files_are_those_of_all_three_lists() {
        let node = parse(
            r#"{"patches":[{"path":"a.yaml"},{"patch":"- op: x"}],"patchesJson6902":[{"path":"../j.yaml"}],
                "patchesStrategicMerge":["s.yaml","kind: X\nmetadata: {}\n"]}"#,
        );
        assert_eq!(patches("o/p/kustomization.yaml", &node.unwrap()), ["o/p/a.yaml", "o/j.yaml", "o/p/s.yaml"]);
        assert_eq!((directory("kustomization.yaml"), directory("a/b/k.yaml"), directory("/k.yaml")), (".", "a/b", "/"));
    }

    #[test]
    fn fluxs_kustomization_is_another_thing() {
        let of = |text| parse(text).unwrap();
        assert!(is_one("d/kustomization.yaml", &of("{}")));
        assert!(is_one("x.yaml", &of(r#"{"apiVersion":"kustomize.config.k8s.io/v1beta1","kind":"Kustomization"}"#)));
        assert!(is_one("x.yaml", &of(r#"{"apiVersion":"kustomize.config.k8s.io/v1alpha1","kind":"Component"}"#)));
        assert!(!is_one(
            "kustomization.yaml",
            &of(r#"{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization"}"#)
        ));
        assert!(!is_one("x.yaml", &of(r#"{"kind":"Kustomization"}"#)));
    }
}
