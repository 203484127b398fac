use super::*;
use crate::tree;

fn referrer(text: &str) -> Arc<Referrer> {
    let node = tree::parse(text).unwrap();
    match Object::read(&node, name_of(&node).unwrap(), None) {
        Some(Object::Referrer(referrer)) => referrer,
        other => panic!("{other:?}"),
    }
}

fn network(text: &str) -> Option<String> {
    referrer(text).network.as_ref().map(|network| network.text.clone())
}

#[test]
fn the_network_stands_where_each_version_has_it() {
    let hco = r#"{"apiVersion":"hco.kubevirt.io/VERSION","kind":"HyperConverged","metadata":{"name":"h"},"spec":SPEC}"#;
    let hco = |version: &str, spec: &str| network(&hco.replace("VERSION", version).replace("SPEC", spec));
    assert_eq!(hco("v1beta1", r#"{"liveMigrationConfig":{"network":"a"}}"#).as_deref(), Some("a"));
    assert_eq!(hco("v1", r#"{"virtualization":{"liveMigrationConfig":{"network":"b"}}}"#).as_deref(), Some("b"));
    assert_eq!(hco("v1", r#"{"liveMigrationConfig":{"network":null}}"#), None);
    let kv = r#"{"apiVersion":"kubevirt.io/v1alpha3","kind":"KubeVirt","metadata":{"name":"k"},
        "spec":{"configuration":{"migrations":{"network":"c"},"network":{"network":"x"}}}}"#;
    assert_eq!(network(kv).as_deref(), Some("c"));
}

#[test]
fn an_empty_network_is_not_an_absent_one() {
    let kv = |value: &str| {
        let text = r#"{"apiVersion":"kubevirt.io/v1","kind":"KubeVirt","metadata":{"name":"k"},
            "spec":{"configuration":{"migrations":{"network":VALUE}}}}"#;
        referrer(&text.replace("VALUE", value)).network.clone()
    };
    assert_eq!(kv("null"), None);
    assert!(kv(r#""""#).is_some_and(|network| network.read.fault.is_some()));
    assert!(kv("5").is_some_and(|network| network.read.fault.is_some()));
}

#[test]
fn patches_and_annotations_have_the_last_word() {
    let kv = r#"{"apiVersion":"kubevirt.io/v1","kind":"KubeVirt","metadata":{"name":"k"},"spec":{
        "configuration":{"migrations":{"network":"a"}},
        "customizeComponents":{"patches":[{"resourceType":"DaemonSet","resourceName":"virt-handler","type":"merge",
          "patch":"{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"k8s.v1.cni.cncf.io/networks\":VALUE}}}}}"}]}}}"#;
    let patched = |value: &str| referrer(&kv.replace("VALUE", value));
    let named = patched(r#"\"x,ns/b@migration0\""#);
    assert_eq!(named.customized.as_deref(), Some("spec.customizeComponents.patches[0].patch"));
    assert_eq!(named.network.clone().and_then(|n| n.read.target).map(|t| t.name).as_deref(), Some("b"));
    assert_eq!(patched("null").network, None);
    assert_eq!(patched(r#"\"x\""#).network, None);
    let hco = r#"{"apiVersion":"hco.kubevirt.io/v1beta1","kind":"HyperConverged","metadata":{"name":"h","annotations":
        {"kubevirt.kubevirt.io/jsonpatch":"[{\"op\":\"add\",\"path\":\"/spec/configuration/migrations/network\",\"value\":\"z\"}]"}},
        "spec":{"liveMigrationConfig":{"network":"a"}}}"#;
    assert_eq!(network(hco).as_deref(), Some("z"));
    assert!(referrer(hco).customized.is_some());
}

#[test]
fn a_nad_tells_who_made_it_and_what_it_asks_for() {
    let text = r#"{"apiVersion":"k8s.cni.cncf.io/v1","kind":"NetworkAttachmentDefinition","metadata":{"name":"n","namespace":"ns",
        "labels":{"kubevirt-preflight.io/migration-network":"true"},"annotations":{"k8s.v1.cni.cncf.io/resourceName":"r/x"},
        "ownerReferences":[{"kind":"UserDefinedNetwork","name":"u"},{"kind":"ClusterUserDefinedNetwork","name":"c"}]}}"#;
    let node = tree::parse(text).unwrap();
    let Some(Object::Nad(nad)) = Object::read(&node, name_of(&node).unwrap(), None) else { panic!("no NAD") };
    assert!(nad.labelled);
    assert_eq!(nad.config, Config::FileBacked);
    assert_eq!(nad.resource_name.as_deref(), Some("r/x"));
    assert_eq!(nad.made_by.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["cudn/c", "udn/ns/u"]);
}
