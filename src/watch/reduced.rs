//! An object without all that says nothing to us: what a snapshot holds of it.
//!
//! No list names the fields to keep: a field goes when the object means the same without it. So what stays is enough for
//! the same verdicts, whatever the sources come to read, and nothing else leaves the cluster.

use super::resource::Resource;
use super::wire::named;
use crate::objects::{Object, name_of};
use crate::place::ObjectRef;
use crate::sources::Found;
use crate::tree::{self, Map, Node, Want};
use serde::de::DeserializeSeed;

/// In place of a text that cannot be read: it may hold anything.
const LEFT_OUT: &str = "(left out)";

/// An object, and as much of its text as that needs.
pub fn reduced(text: &str, resource: &Resource, version: &str) -> Result<Option<(Object, Node<'static>)>, String> {
    let (name, node) = named(text, resource, version)?;
    Ok(of(node.into_owned(), &name))
}

fn of(mut node: Node<'static>, name: &ObjectRef) -> Option<(Object, Node<'static>)> {
    let meaning = Object::read(&node, name.clone(), None)?;
    let labels = if name.kind == "Node" { labels_of(&mut node).map(without_all_but_os) } else { None };
    let to_keep = Object::read(&node, name.clone(), None)?;
    let means_the_same = |node: &Node<'static>| {
        name_of(node).as_ref() == Some(name) && Object::read(node, name.clone(), None).as_ref() == Some(&to_keep)
    };
    reduce(&mut node, &mut Vec::new(), &means_the_same);
    if let Some(labels) = labels {
        put_labels(&mut node, labels);
    }
    name_first(&mut node);
    match meaning {
        Object::Found(found) if !found.bad.is_empty() && name.kind == "ConfigMap" => {
            without_unread_texts(&mut node, &found, name);
            Some((Object::read(&node, name.clone(), None)?, node))
        }
        meaning => Some((meaning, node)),
    }
}

/// The labels of an object that has some.
fn labels_of<'n>(node: &'n mut Node<'static>) -> Option<&'n mut Node<'static>> {
    let member = |node: &'n mut Node<'static>, key: &str| match node {
        Node::Map(Map(members)) => members.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node),
        _ => None,
    };
    member(member(node, "metadata")?, "labels").filter(|labels| count(labels) > 0)
}

/// Takes out all labels but the one for which something else of the node could stand. A node's labels all count, there
/// are hundreds of them, and to find that out takes longer than all the rest. The labels as they were.
fn without_all_but_os(labels: &mut Node<'static>) -> Node<'static> {
    let all = labels.clone();
    if let Node::Map(Map(members)) = labels {
        members.retain(|(key, _)| key == "kubernetes.io/os");
    }
    all
}

/// Puts the labels where they were: behind the name.
fn put_labels(node: &mut Node<'static>, labels: Node<'static>) {
    if let Some(place) = labels_of(node) {
        *place = labels;
        return;
    }
    let Node::Map(Map(members)) = node else { return };
    if let Some((_, Node::Map(Map(metadata)))) = members.iter_mut().find(|(key, _)| key == "metadata") {
        let behind = metadata.iter().position(|(key, _)| key == "name").map_or(0, |at| at + 1);
        metadata.insert(behind, ("labels".into(), labels));
    }
}

/// apiVersion and kind stand where people look for them.
fn name_first(node: &mut Node<'static>) {
    if let Node::Map(Map(members)) = node {
        let rank = |key: &str| ["apiVersion", "kind", "metadata"].iter().position(|first| *first == key).unwrap_or(3);
        members.sort_by_key(|(key, _)| rank(key));
    }
}

/// Takes out of the part at `path` of `root` what `is_enough` does not miss.
fn reduce(root: &mut Node<'static>, path: &mut Vec<usize>, is_enough: &dyn Fn(&Node<'static>) -> bool) {
    // From the end on, so that what goes does not move what is still to be tried.
    for at in (0..count(part(root, path))).rev() {
        let child = take(part(root, path), at);
        if is_enough(root) {
            continue;
        }
        let empty = emptied(&child.1);
        put(part(root, path), at, child);
        path.push(at);
        // The place in a list may count; then an empty one stays.
        let whole = std::mem::replace(part(root, path), empty);
        if !is_enough(root) {
            *part(root, path) = whole;
            reduce(root, path, is_enough);
        }
        path.pop();
    }
    reduce_text(root, path, is_enough);
}

/// JSON or YAML in a text is reduced, too.
fn reduce_text(root: &mut Node<'static>, path: &[usize], is_enough: &dyn Fn(&Node<'static>) -> bool) {
    let Node::Text(text) = part(root, path) else { return };
    let text = text.clone();
    let Some((mut inner, write)) = structured(&text) else { return };
    let with = |inner: &Node<'static>| {
        let mut all = root.clone();
        *part(&mut all, path) = Node::Text(write(inner)?.into());
        Some(all)
    };
    let is_still_enough = |inner: &Node<'static>| with(inner).is_some_and(|all| is_enough(&all));
    if is_still_enough(&inner) {
        reduce(&mut inner, &mut Vec::new(), &is_still_enough);
        if let Some(all) = with(&inner) {
            *root = all;
        }
    }
}

/// How a structure is written as a text again.
type Write = fn(&Node<'static>) -> Option<String>;

/// What stands in a text if that is an object or a list.
fn structured(text: &str) -> Option<(Node<'static>, Write)> {
    let json: Write = |node| serde_json::to_string(node).ok();
    let yaml: Write = |node| serde_saphyr::to_string(node).ok();
    let (node, write) = match tree::parse(text) {
        Ok(node) => (node.into_owned(), json),
        // Plain words are YAML, too.
        Err(_) if !text.contains(": ") && !text.contains(":\n") => return None,
        Err(_) => {
            let seed = tree::pick(&Want::All);
            let read =
                serde_saphyr::with_deserializer_from_str(text, |yaml| seed.deserialize(yaml).map(Node::into_owned));
            (read.ok()?, yaml)
        }
    };
    (count(&node) > 0).then_some((node, write))
}

/// Takes out the texts of a ConfigMap that cannot be read: nobody knows what they hold. What is told of them afterwards is
/// less exact.
fn without_unread_texts(node: &mut Node<'static>, found: &Found, name: &ObjectRef) {
    let says_the_same = |node: &Node<'static>| match Object::read(node, name.clone(), None) {
        Some(Object::Found(now)) => {
            (&now.claims, &now.pools, now.bad.len()) == (&found.claims, &found.pools, found.bad.len())
        }
        _ => false,
    };
    let Node::Map(Map(members)) = &*node else { return };
    let Some(data) = members.iter().position(|(key, _)| key == "data") else { return };
    for at in 0..count(part(node, &[data])) {
        let whole = std::mem::replace(part(node, &[data, at]), Node::Text(LEFT_OUT.into()));
        if !says_the_same(node) {
            *part(node, &[data, at]) = whole;
        }
    }
}

fn count(node: &Node<'_>) -> usize {
    match node {
        Node::Map(Map(members)) => members.len(),
        Node::List(items) => items.len(),
        _ => 0,
    }
}

/// The part at `path`: places of members and elements.
fn part<'n>(root: &'n mut Node<'static>, path: &[usize]) -> &'n mut Node<'static> {
    let Some((first, rest)) = path.split_first() else { return root };
    match root {
        Node::Map(Map(members)) => part(&mut members[*first].1, rest),
        Node::List(items) => part(&mut items[*first], rest),
        leaf => leaf,
    }
}

type Child = (Option<std::borrow::Cow<'static, str>>, Node<'static>);

fn take(parent: &mut Node<'static>, at: usize) -> Child {
    match parent {
        Node::Map(Map(members)) => {
            let (key, node) = members.remove(at);
            (Some(key), node)
        }
        Node::List(items) => (None, items.remove(at)),
        _ => (None, Node::Null),
    }
}

fn put(parent: &mut Node<'static>, at: usize, (key, node): Child) {
    match (parent, key) {
        (Node::Map(Map(members)), Some(key)) => members.insert(at, (key, node)),
        (Node::List(items), _) => items.insert(at, node),
        _ => {}
    }
}

fn emptied(node: &Node<'_>) -> Node<'static> {
    match node {
        Node::Map(_) => Node::Map(Map::default()),
        Node::List(_) => Node::List(Vec::new()),
        Node::Text(_) => Node::Text("".into()),
        _ => Node::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource::{JUDGED, resources};
    use super::*;
    use crate::manifests::{Input, Manifests};
    use proptest::prelude::*;

    fn kept(kind: &str, text: &str) -> String {
        let all = resources(true);
        let resource = all.iter().find(|resource| resource.reads.kind == kind).unwrap();
        let (_, node) = reduced(text, resource, resource.reads.versions[0]).unwrap().unwrap();
        serde_saphyr::to_string(&node).unwrap()
    }

    fn config_map(name: &str, data: &str) -> String {
        let text = format!(r#"{{"metadata":{{"name":"{name}","namespace":"kube-system"}},"data":{data}}}"#);
        kept("ConfigMap", &text)
    }

    #[test]
    fn what_says_nothing_goes_and_places_in_lists_stay() {
        let patch = r#"{\"spec\":{\"x\":\"secret\",\"template\":{\"metadata\":{\"annotations\":{\"k8s.v1.cni.cncf.io/networks\":\"m@migration0\"}}}}}"#;
        let of = |name: &str, patch: &str| {
            format!(r#"{{"resourceType":"DaemonSet","resourceName":"{name}","type":"strategic","patch":"{patch}"}}"#)
        };
        let patches = [of("virt-api", "secret"), of("virt-handler", patch)].join(",");
        let text = format!(
            r#"{{"metadata":{{"name":"k","namespace":"n","annotations":{{"a":"secret"}}}},
                "spec":{{"customizeComponents":{{"patches":[{patches}]}}}}}}"#
        );
        insta::assert_snapshot!(kept("KubeVirt", &text), @r##"
        apiVersion: kubevirt.io/v1
        kind: KubeVirt
        metadata:
          name: k
          namespace: "n"
        spec:
          customizeComponents:
            patches:
            - {}
            - resourceType: DaemonSet
              resourceName: virt-handler
              patch: "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"k8s.v1.cni.cncf.io/networks\":\"m@migration0\"}}}}}"
        "##);
    }

    #[test]
    fn texts_in_texts_are_reduced_and_unreadable_ones_left_out() {
        let json =
            r#"{"net-conf.json":"{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Key\":\"secret\"}}","cni":"secret"}"#;
        insta::assert_snapshot!(config_map("kube-flannel-cfg", json), @r##"
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: kube-flannel-cfg
          namespace: kube-system
        data:
          net-conf.json: "{\"Network\":\"10.244.0.0/16\"}"
        "##);
        let yaml =
            r#"{"install-config":"pullSecret: secret\nnetworking: {machineNetwork: [{cidr: 192.168.1.0/24}]}\n"}"#;
        insta::assert_snapshot!(config_map("cluster-config-v1", yaml), @r##"
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: cluster-config-v1
          namespace: kube-system
        data:
          install-config: |
            networking:
              machineNetwork:
              - cidr: 192.168.1.0/24
        "##);
        let broken = r#"{"install-config":"pullSecret: secret\nnetworking: [\n","other":"secret"}"#;
        insta::assert_snapshot!(config_map("cluster-config-v1", broken), @r##"
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: cluster-config-v1
          namespace: kube-system
        data:
          install-config: (left out)
        "##);
    }

    #[test]
    fn a_node_keeps_its_labels_and_means_the_same() {
        let all = resources(true);
        let nodes = all.iter().find(|resource| resource.reads.kind == "Node").unwrap();
        for os in ["", r#","kubernetes.io/os":"linux""#] {
            let text = format!(
                r#"{{"metadata":{{"name":"a","uid":"secret","labels":{{"b":"2","a/x":"1"{os}}},
                    "annotations":{{"x":"secret"}}}},"spec":{{"podCIDR":"10.1.0.0/24","x":"secret"}},
                    "status":{{"nodeInfo":{{"operatingSystem":"linux","machineID":"secret"}}}}}}"#
            );
            let (object, node) = reduced(&text, nodes, "v1").unwrap().unwrap();
            let written = serde_saphyr::to_string(&node).unwrap();
            assert!(written.contains("a/x: \"1\"") && !written.contains("secret"), "{written}");
            assert_eq!(written.contains("nodeInfo"), os.is_empty(), "{written}");
            assert_eq!(Object::read(&read_back(&node), object.reference().clone(), None), Some(object));
        }
    }

    #[test]
    fn a_nad_keeps_its_text_to_the_letter() {
        let text =
            r#"{"metadata":{"name":"a","namespace":"n"},"spec":{"config":"{\n \"type\": \"x\",\t\"y\": 1 }\n\n"}}"#;
        let (object, node) = reduced(text, &JUDGED[2], "v1").unwrap().unwrap();
        let again = read_back(&node);
        assert_eq!(Object::read(&again, object.reference().clone(), None), Some(object));
    }

    fn read_back(node: &Node<'static>) -> Node<'static> {
        let bytes = serde_saphyr::to_string(node).unwrap().into_bytes();
        let manifests = Manifests::read(vec![Input { name: "w".into(), bytes, explicit: true }], None);
        assert!(manifests.problems.is_empty(), "{:?}", manifests.problems);
        manifests.documents[0].node.clone()
    }

    fn texts() -> impl Strategy<Value = String> {
        const WORDS: &[&str] = &[
            "yes",
            "no",
            "~",
            "null",
            "0o7",
            "012",
            "1e3",
            "12:30:45",
            "2026-01-01",
            "- a",
            "a: b",
            "#",
            "",
            " ",
            "=",
            "<<",
        ];
        prop_oneof![proptest::sample::select(WORDS).prop_map(str::to_owned), "[ -~\n\tä\u{85}\u{2028}]{0,40}"]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(key in texts(), value in texts(), item in texts()) {
            let value = Node::Map(Map(vec![(key.into(), Node::Text(value.into()))]));
            let list = Node::List(vec![Node::Text(item.into()), value, Node::Bool(true), Node::Number(7.into()), Node::Null]);
            let members = [("apiVersion", Node::Text("a/v1".into())), ("kind", Node::Text("B".into())), ("spec", list)];
            let node = Node::Map(Map(members.map(|(key, node)| (key.into(), node)).into()));
            prop_assert_eq!(read_back(&node), node);
        }
    }
}
