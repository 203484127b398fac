use super::*;
use crate::net::parse::strict_interval;
use crate::place::ObjectRef;

fn found(source: &'static str, name: &str, claims: &[(Class, Confidence)]) -> Found {
    let object = ObjectRef { api_version: "v1".into(), kind: "Thing".into(), namespace: None, name: name.into() };
    let mut found = Found::about(object, source);
    for (class, confidence) in claims {
        found.claim(*class, strict_interval("10.0.0.0/8").unwrap(), *confidence, "p");
    }
    found
}

fn known(declared: &str, found: &[Found], whole: bool) -> Vec<&'static str> {
    let head = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\n";
    let declared = Declared::parse(&format!("{head}{declared}"), "a").unwrap();
    let classes = Classes::of(&declared, found, |_| whole);
    classes.iter().filter(|(_, state)| **state == Known::Known).map(|(class, _)| class.name()).collect()
}

use Confidence::{Floor, Live, Stale};

#[test]
fn a_class_is_known_by_a_whole_list_a_whole_object_or_a_declaration() {
    let pool = || found("calico", "a", &[(Class::Pod, Live)]);
    assert_eq!(known("", &[pool()], true), ["pod"]);
    assert!(known("", &[pool()], false).is_empty());
    assert_eq!(known("pods: []", &[pool()], false), ["pod"]);
    assert!(known("", &[], true).is_empty());
    let network = || found("openshift", "cluster", &[(Class::Pod, Live), (Class::Service, Live)]);
    assert_eq!(known("", &[network()], false), ["pod", "service"]);
    assert_eq!(known("", &[found("nodes", "n", &[(Class::Node, Live), (Class::Pod, Floor)])], true), ["node"]);
    assert!(known("apiServers: [10.0.0.1]", &[], false).is_empty());
    assert_eq!(known("nodes: []\nother: []", &[], false), ["node", "other"]);
}

#[test]
fn neither_floors_nor_other_classes_nor_unreadable_fields_make_a_class_known() {
    assert!(known("", &[found("kubernetes", "k", &[(Class::Service, Floor)])], true).is_empty());
    assert!(known("", &[found("calico", "a", &[(Class::LoadBalancer, Live)])], true).is_empty());
    assert!(known("", &[found("openshift", "cluster", &[])], false).is_empty());
    let mut bad = found("calico", "b", &[]);
    bad.refuse("spec.cidr", "it is missing");
    assert!(known("", &[found("calico", "a", &[(Class::Pod, Live)]), bad.clone()], true).is_empty());
    let other = found("cilium", "c", &[(Class::Pod, Live)]);
    assert_eq!(known("", &[found("calico", "a", &[(Class::Pod, Live)]), bad, other], true), ["pod"]);
}

#[test]
fn the_one_object_of_a_source_makes_its_classes_known_even_among_files() {
    let config = || found("kubeadm-config", "k", &[(Class::Pod, Stale)]);
    assert_eq!(known("", &[config()], true), ["pod"]);
    assert_eq!(known("", &[config()], false), ["pod"]);
}

#[test]
fn a_source_of_two_resources_needs_both_lists() {
    let classes = |whole: fn(&Reads) -> bool| {
        Classes::of(&Declared::default(), &[found("calico", "a", &[(Class::Pod, Live)])], whole).is_known(Class::Pod)
    };
    assert!(!classes(|reads| reads.group == "crd.projectcalico.org"));
    assert!(classes(|reads| reads.plural == "ippools"));
}

#[test]
fn the_reason_names_the_object_and_the_remedy() {
    let why = |found: &[Found]| {
        let classes = Classes::of(&Declared::default(), found, |_| false);
        classes.sentence(Class::Pod).unwrap()
    };
    let remedy = "list them under `pods` in the networks file or the policy's `networks`, or give --pod-cidr.";
    assert_eq!(why(&[]), format!("The pod networks are not known: nothing that was read names them all; {remedy}"));
    let pool = |name| found("calico", name, &[(Class::Pod, Live)]);
    let expected = format!("The pod networks are not known: Thing a and 1 more may name only a part of them; {remedy}");
    assert_eq!(why(&[pool("a"), pool("b")]), expected);
    let mut bad = pool("c");
    bad.refuse("spec.cidr", "it is missing");
    let expected =
        format!("The pod networks are not known: spec.cidr of Thing c cannot be read (it is missing); {remedy}");
    assert_eq!(why(&[pool("a"), bad]), expected);
}
