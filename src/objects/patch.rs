//! Patches that change the effective network behind the field's back.
//!
//! KubeVirt applies `spec.customizeComponents.patches` to what it renders; a patch of the Multus annotation of the
//! DaemonSet virt-handler wins over the field (kubevirt: pkg/virt-operator/resource/apply/customize). HyperConverged
//! applies the JSON patch in its annotation to the KubeVirt CR that it writes.

use crate::tree::{self, Node};

/// What patches make of a text: untouched, removed, or set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No patch touches it.
    Untouched,
    /// Removed.
    Removed,
    /// Set to this text.
    Set(String),
}

const ANNOTATION: [&str; 5] = ["spec", "template", "metadata", "annotations", "k8s.v1.cni.cncf.io/networks"];
const NETWORK: [&str; 4] = ["spec", "configuration", "migrations", "network"];

/// What `spec.customizeComponents.patches` make of virt-handler's Multus annotation, and which patch has the last word.
pub fn on_annotation(kubevirt: &Node<'_>) -> (Effect, usize) {
    let patches = kubevirt.list_at(&["spec", "customizeComponents", "patches"]);
    let applying = patches.iter().enumerate().filter(|(_, patch)| is_for_virt_handler(patch));
    let effects = applying.filter_map(|(at, patch)| {
        let text = patch.text_at(&["patch"])?;
        let node = tree::parse(text).ok()?;
        let effect = match patch.text_at(&["type"]) {
            Some("json") => of_json_patch(&node, &ANNOTATION),
            _ => of_merge(&node, &ANNOTATION),
        };
        (effect != Effect::Untouched).then_some((effect, at))
    });
    effects.fold((Effect::Untouched, 0), |_, last| last)
}

/// What HyperConverged's annotation `kubevirt.kubevirt.io/jsonpatch` makes of `migrations.network`.
pub fn on_network(annotation: &str) -> Effect {
    tree::parse(annotation).map_or(Effect::Untouched, |node| of_json_patch(&node, &NETWORK))
}

/// Names match as virt-operator matches them: any case, or `*`.
fn is_for_virt_handler(patch: &Node<'_>) -> bool {
    let names = |key: &str, name: &str| {
        patch.text_at(&[key]).is_some_and(|text| text == "*" || text.eq_ignore_ascii_case(name))
    };
    names("resourceType", "DaemonSet") && names("resourceName", "virt-handler")
}

/// RFC 6902, as far as it can touch one text.
fn of_json_patch(patch: &Node<'_>, target: &[&str]) -> Effect {
    let operations = patch.list().unwrap_or_default();
    let effects = operations.iter().map(|operation| {
        let rest = operation.text_at(&["path"]).and_then(|path| below(path, target));
        match (operation.text_at(&["op"]), rest) {
            (Some("remove"), Some(_)) => Effect::Removed,
            (Some("add" | "replace"), Some(rest)) => operation
                .get("value")
                .and_then(|value| value.text_at(rest))
                .map_or(Effect::Removed, |text| Effect::Set(text.to_owned())),
            _ => Effect::Untouched,
        }
    });
    effects.filter(|effect| *effect != Effect::Untouched).fold(Effect::Untouched, |_, last| last)
}

/// What of `target` lies below the JSON pointer `path`; `None` if the path leads elsewhere.
fn below<'t>(path: &str, target: &'t [&'t str]) -> Option<&'t [&'t str]> {
    let segments = path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    segments.into_iter().try_fold(target, |rest, segment| {
        let (first, rest) = rest.split_first()?;
        (*first == segment).then_some(rest)
    })
}

/// RFC 7396 and strategic merge: `null` removes, `$patch: replace` and `delete` remove what they do not name.
fn of_merge(patch: &Node<'_>, target: &[&str]) -> Effect {
    let mut node = patch;
    let mut cleared = Effect::Untouched;
    for key in target {
        let Some(map) = node.map() else { return cleared };
        if map.get("$patch").and_then(Node::text).is_some_and(|directive| directive != "merge") {
            cleared = Effect::Removed;
        }
        match map.get(key) {
            None => return cleared,
            Some(Node::Null) => return Effect::Removed,
            Some(next) => node = next,
        }
    }
    node.text().map_or(cleared, |text| Effect::Set(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(kind: &str, patch: &str) -> Effect {
        let quoted = serde_json::to_string(patch).unwrap();
        let text = format!(
            r#"{{"spec":{{"customizeComponents":{{"patches":[
              {{"resourceType":"daemonset","resourceName":"virt-handler","type":"{kind}","patch":{quoted}}}]}}}}}}"#
        );
        on_annotation(&tree::parse(&text).unwrap()).0
    }

    #[test]
    fn patches_of_each_kind_reach_the_annotation() {
        let set = |text: &str| Effect::Set(text.into());
        let path = "/spec/template/metadata/annotations/k8s.v1.cni.cncf.io~1networks";
        assert_eq!(
            effect("json", &format!(r#"[{{"op":"add","path":"{path}","value":"x@migration0"}}]"#)),
            set("x@migration0")
        );
        assert_eq!(effect("json", &format!(r#"[{{"op":"remove","path":"{path}"}}]"#)), Effect::Removed);
        assert_eq!(
            effect("json", r#"[{"op":"replace","path":"/spec/template/metadata/annotations","value":{}}]"#),
            Effect::Removed
        );
        assert_eq!(
            effect("json", r#"[{"op":"add","path":"/spec/template/metadata/annotations/other","value":"x"}]"#),
            Effect::Untouched
        );
        let merge = r#"{"spec":{"template":{"metadata":{"annotations":{"k8s.v1.cni.cncf.io/networks":VALUE}}}}}"#;
        assert_eq!(effect("strategic", &merge.replace("VALUE", "\"x\"")), set("x"));
        assert_eq!(effect("merge", &merge.replace("VALUE", "null")), Effect::Removed);
        assert_eq!(effect("merge", r#"{"spec":{"template":{}}}"#), Effect::Untouched);
        assert_eq!(
            effect("strategic", r#"{"spec":{"template":{"metadata":{"annotations":{"$patch":"replace"}}}}}"#),
            Effect::Removed
        );
        assert_eq!(effect("merge", "not json"), Effect::Untouched);
    }

    #[test]
    fn the_hyperconverged_annotation_reaches_the_network() {
        let op = r#"[{"op":"add","path":"/spec/configuration/migrations","value":{"network":"mig"}}]"#;
        assert_eq!(on_network(op), Effect::Set("mig".into()));
        assert_eq!(
            on_network(r#"[{"op":"add","path":"/spec/configuration/migrations/network","value":"m"}]"#),
            Effect::Set("m".into())
        );
        assert_eq!(
            on_network(r#"[{"op":"add","path":"/spec/configuration/migrations/bandwidth","value":"m"}]"#),
            Effect::Untouched
        );
        assert_eq!(on_network("[]"), Effect::Untouched);
    }
}
