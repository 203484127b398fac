mod fixtures;
mod openshift;

use super::*;
use crate::tree::{self, Want};
use serde::de::DeserializeSeed;
use std::collections::BTreeSet;

fn tree_of(yaml: &str, want: &'static Want) -> Node<'static> {
    serde_saphyr::with_deserializer_from_str(yaml, |d| tree::pick(want).deserialize(d)).expect(yaml).into_owned()
}

/// What every source that reads the object says; the part of it that is wanted must tell them the same.
fn all_found(yaml: &str) -> Vec<Found> {
    let node = tree_of(yaml, &Want::All);
    let text = |keys: &[&str]| node.text_at(keys);
    let (version, kind) = (text(&["apiVersion"]).unwrap(), text(&["kind"]).unwrap());
    let name = text(&["metadata", "name"]).unwrap();
    let namespace = text(&["metadata", "namespace"]);
    let learnt = |source: &'static Source| {
        let all = learn(source, &node, None);
        for reads in source.reads.iter().filter(|reads| reads.holds(version, kind, namespace, name)) {
            assert_eq!(learn(source, &tree_of(yaml, wanted(reads)), None), all, "{yaml}");
        }
        all
    };
    sources_for(version, kind, namespace, name).map(learnt).collect()
}

#[test]
fn what_is_large_and_no_source_reads_is_not_wanted() {
    let nodes = nodes::SOURCE.reads.first().unwrap();
    let yaml = "{metadata: {name: a, managedFields: [{}], annotations: {a: b, kubectl.kubernetes.io/last-applied-configuration: x}},
        spec: {podCIDR: 10.0.0.0/24}, status: {images: [{}], conditions: [{}], addresses: []}}";
    let read = "{metadata: {name: a, annotations: {a: b}}, spec: {podCIDR: 10.0.0.0/24}, status: {addresses: []}}";
    assert_eq!(tree_of(yaml, wanted(nodes)), tree_of(read, &Want::All));
}

fn found(yaml: &str) -> Found {
    let mut all = all_found(yaml);
    assert_eq!(all.len(), 1, "{yaml}");
    all.remove(0)
}

/// `class prefix confidence path` of each claim, then `! path: why` of what cannot be read.
fn said(yaml: &str) -> Vec<String> {
    let found = found(yaml);
    let claims =
        found.claims.iter().map(|c| format!("{} {} {} {}", c.class, c.interval, c.confidence, c.origin.path()));
    claims.chain(found.bad.iter().map(|(path, why)| format!("! {path}: {why}"))).collect()
}

#[test]
fn names_are_unique_and_every_source_is_found_by_what_it_reads() {
    let names: BTreeSet<_> = SOURCES.iter().map(|source| source.name).collect();
    assert_eq!(names.len(), SOURCES.len());
    for source in SOURCES {
        assert!(std::ptr::eq(named(source.name).unwrap(), *source));
        for reads in source.reads {
            for version in reads.versions {
                let api =
                    if reads.group.is_empty() { (*version).to_owned() } else { format!("{}/{version}", reads.group) };
                let name = reads.name.unwrap_or("any");
                assert!(sources_for(&api, reads.kind, reads.namespace, name).any(|s| s.name == source.name), "{api}");
                assert!(sources_for(&api, reads.kind, None, name).any(|s| s.name == source.name), "{api}");
            }
        }
    }
    for (api, kind, namespace, name) in [
        ("v1", "ConfigMap", Some("default"), "kubeadm-config"),
        ("v1", "ConfigMap", Some("kube-system"), "other"),
        ("v2", "Node", None, "a"),
        ("x/v1", "Node", None, "a"),
        ("config.openshift.io/v1", "Network", None, "other"),
        ("apps/v1", "Deployment", Some("default"), "a"),
        // One a node for each piece of a pool, `deleted` a string here and a boolean there: pools cover them.
        ("crd.projectcalico.org/v1", "BlockAffinity", None, "a"),
        ("projectcalico.org/v3", "BlockAffinity", None, "a"),
        ("cilium.io/v2", "CiliumNode", None, "a"),
        ("harvesterhci.io/v1beta1", "Setting", None, "backup-target"),
    ] {
        assert_eq!(sources_for(api, kind, namespace, name).count(), 0, "{api} {kind} {name}");
    }
}

/// An object and the path of the field that cannot be read.
const WRONG: &[(&str, &str)] = &[
    ("{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}, spec: {cidrs: 3}}", "spec.cidrs"),
    (
        "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}, spec: {cidrs: [[]]}}",
        "spec.cidrs[0]",
    ),
    ("{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}, spec: x}", "spec"),
    ("{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}}", "spec.cidrs"),
    (
        "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}, spec: {cidrs: [010.0.0.0/8]}}",
        "spec.cidrs[0]",
    ),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP, address: x}]}}",
        "status.addresses[0].address",
    ),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP}]}}",
        "status.addresses[0].address",
    ),
    ("{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: 3}]}}", "status.addresses[0].type"),
    ("{apiVersion: v1, kind: Node, metadata: {name: a, labels: {b: 3}}}", "metadata.labels[b]"),
    ("{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {taints: [{key: 3}]}}", "spec.taints[0].key"),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {projectcalico.org/IPv4Address: 10.0.0.1}}}",
        "metadata.annotations[projectcalico.org/IPv4Address]",
    ),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {k8s.ovn.org/host-cidrs: '{'}}}",
        "metadata.annotations[k8s.ovn.org/host-cidrs]",
    ),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {k8s.ovn.org/host-cidrs: '[3]'}}}",
        "metadata.annotations[k8s.ovn.org/host-cidrs][0]",
    ),
    ("{apiVersion: crd.projectcalico.org/v1, kind: IPPool, metadata: {name: a}, spec: {}}", "spec.cidr"),
    (
        "{apiVersion: cilium.io/v2, kind: CiliumPodIPPool, metadata: {name: a}, spec: {ipv4: {cidrs: [{}]}}}",
        "spec.ipv4.cidrs[0].cidr",
    ),
    (
        "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [10.0.0.9-10.0.0.1]}}",
        "spec.addresses[0]",
    ),
    (
        "{apiVersion: config.openshift.io/v1, kind: Network, metadata: {name: cluster}, spec: {clusterNetwork: [{}]}}",
        "spec.clusterNetwork[0].cidr",
    ),
    (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: kubeadm-config, namespace: kube-system}, data: {ClusterConfiguration: 'a: ['}}",
        "data.ClusterConfiguration",
    ),
    (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: kubeadm-config, namespace: kube-system}, data: {ClusterConfiguration: 'networking: {podSubnet: [a]}'}}",
        "data.ClusterConfiguration.networking.podSubnet",
    ),
];

/// Whatever stands where something else is expected, it is noted and never taken for "no networks".
#[test]
fn wrong_types_and_texts_are_noted_with_their_paths() {
    for (yaml, path) in WRONG {
        let found = found(yaml);
        let paths: Vec<_> = found.bad.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths.first(), Some(path), "{yaml}: {:?}", found.bad);
        assert!(found.claims.is_empty(), "{yaml}");
        assert!(!found.bad[0].1.is_empty() && !found.bad[0].1.contains('\n'), "{yaml}: {:?}", found.bad);
    }
}

#[test]
fn service_cidrs_are_live_and_services_a_floor() {
    let yaml = "{apiVersion: networking.k8s.io/v1beta1, kind: ServiceCIDR, metadata: {name: kubernetes},
        spec: {cidrs: [10.96.0.0/12, 'fd00:10:96::/112']}, status: {conditions: [{type: Ready, status: 'False'}]}}";
    assert_eq!(said(yaml), ["service 10.96.0.0/12 live spec.cidrs[0]", "service fd00:10:96::/112 live spec.cidrs[1]"]);
    let yaml = "{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default},
        spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd00:10:96::1']}}";
    assert_eq!(
        said(yaml),
        ["service 10.96.0.1/32 floor spec.clusterIPs[0]", "service fd00:10:96::1/128 floor spec.clusterIPs[1]"]
    );
    let yaml =
        "{apiVersion: v1, kind: Service, metadata: {name: kube-dns, namespace: kube-system}, spec: {clusterIP: None}}";
    assert!(said(yaml).is_empty());
    let yaml =
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: kubernetes, namespace: default},
        endpoints: [{addresses: [192.168.10.5]}, {addresses: [192.168.10.6]}]}";
    let expected =
        ["node 192.168.10.5/32 live endpoints[0].addresses[0]", "node 192.168.10.6/32 live endpoints[1].addresses[0]"];
    assert_eq!(said(yaml), expected);
}

const NODE: &str = r#"
apiVersion: v1
kind: Node
metadata:
  name: n1
  labels: {kubernetes.io/os: linux, zone: a}
  annotations:
    k8s.ovn.org/node-primary-ifaddr: '{"ipv4":"192.168.10.11/24","ipv6":"fd00:1::b/64"}'
    k8s.ovn.org/host-cidrs: '["10.9.0.11/24","192.168.10.11/24","fd00:1::b/64"]'
spec:
  podCIDR: 10.244.1.0/24
  podCIDRs: [10.244.1.0/24, "fd00:10:244:1::/64"]
  taints:
  - {key: a, effect: NoSchedule}
  - {key: b, value: c, effect: NoExecute}
  - {key: d, effect: PreferNoSchedule}
status:
  addresses:
  - {type: Hostname, address: n1}
  - {type: InternalIP, address: 192.168.10.11}
  - {type: ExternalIP, address: 203.0.113.7}
  nodeInfo: {operatingSystem: windows}
"#;

#[test]
fn nodes_tell_addresses_prefixes_and_a_part_of_the_pods() {
    let expected = [
        "node 192.168.10.11/32 live status.addresses[1].address",
        "node 203.0.113.7/32 live status.addresses[2].address",
        "pod 10.244.1.0/24 floor spec.podCIDRs[0]",
        "pod fd00:10:244:1::/64 floor spec.podCIDRs[1]",
        "node 192.168.10.0/24 live metadata.annotations[k8s.ovn.org/node-primary-ifaddr].ipv4",
        "node fd00:1::/64 live metadata.annotations[k8s.ovn.org/node-primary-ifaddr].ipv6",
        "secondary 10.9.0.0/24 live metadata.annotations[k8s.ovn.org/host-cidrs][0]",
    ];
    assert_eq!(said(NODE), expected);
    let facts = found(NODE).node.unwrap();
    assert_eq!(facts.os.as_deref(), Some("linux"));
    assert_eq!(facts.labels.get("zone"), Some("a"));
    let taints: Vec<_> = facts.taints.iter().map(|(k, v, e)| format!("{k}={v}:{e}")).collect();
    assert_eq!(taints, ["a=:NoSchedule", "b=c:NoExecute"]);
}

#[test]
fn without_the_primary_annotation_the_internal_address_tells_which_interface_is_primary() {
    let yaml = r#"{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {
        k8s.ovn.org/host-cidrs: '["10.9.0.11/24","192.168.10.11/24"]',
        projectcalico.org/IPv4Address: 10.9.0.11/24, projectcalico.org/IPv6Address: "fd00:1::b/64"}},
        spec: {podCIDR: 10.244.1.0/24}, status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}}"#;
    let expected = [
        "node 192.168.10.11/32 live status.addresses[0].address",
        "pod 10.244.1.0/24 floor spec.podCIDR",
        "secondary 10.9.0.0/24 live metadata.annotations[k8s.ovn.org/host-cidrs][0]",
        "node 192.168.10.0/24 live metadata.annotations[k8s.ovn.org/host-cidrs][1]",
        "secondary 10.9.0.0/24 live metadata.annotations[projectcalico.org/IPv4Address]",
        "node fd00:1::/64 live metadata.annotations[projectcalico.org/IPv6Address]",
    ];
    assert_eq!(said(yaml), expected);
}

#[test]
fn kubeadm_config_is_stale() {
    let yaml = r"
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    apiServer: {extraArgs: [{name: a, value: b}]}
    networking:
      dnsDomain: cluster.local
      podSubnet: 10.244.0.0/16,fd00:10:244::/56
      serviceSubnet: 10.96.0.0/16
";
    let at = "data.ClusterConfiguration.networking";
    let expected = [
        format!("pod 10.244.0.0/16 stale {at}.podSubnet"),
        format!("pod fd00:10:244::/56 stale {at}.podSubnet"),
        format!("service 10.96.0.0/16 stale {at}.serviceSubnet"),
    ];
    assert_eq!(said(yaml), expected);
    for data in [
        "",
        "ClusterConfiguration: null",
        "ClusterConfiguration: ''",
        "ClusterConfiguration: 'networking: {podSubnet: null, serviceSubnet: \"\"}'",
    ] {
        let yaml = format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: kubeadm-config, namespace: kube-system}}, data: {{{data}}}}}"
        );
        assert_eq!(said(&yaml), [""; 0], "{data}");
    }
}

#[test]
fn calico_pools_count_by_their_use_disabled_or_not() {
    for (uses, classes) in [
        ("", &["pod"][..]),
        (", allowedUses: []", &["pod"]),
        (", allowedUses: [Workload, Tunnel]", &["pod"]),
        (", allowedUses: [LoadBalancer]", &["load-balancer"]),
        (", allowedUses: [Tunnel]", &["cni-internal"]),
        (", allowedUses: [Tunnel, LoadBalancer]", &["cni-internal", "load-balancer"]),
        (", allowedUses: [LoadBalancer, Workload]", &["pod"]),
        (", allowedUses: [New]", &["pod"]),
    ] {
        for api in ["crd.projectcalico.org/v1", "projectcalico.org/v3"] {
            let yaml = format!(
                "{{apiVersion: {api}, kind: IPPool, metadata: {{name: a}}, spec: {{cidr: 10.1.0.0/16, disabled: true{uses}}}}}"
            );
            let expected: Vec<_> = classes.iter().map(|class| format!("{class} 10.1.0.0/16 live spec.cidr")).collect();
            assert_eq!(said(&yaml), expected, "{yaml}");
        }
    }
}

#[test]
fn cilium_pools_come_in_two_shapes_and_the_config_counts_in_its_mode_only() {
    let yaml = "{apiVersion: cilium.io/v2alpha1, kind: CiliumPodIPPool, metadata: {name: a},
        spec: {ipv4: {cidrs: [10.1.0.0/16], maskSize: 24}, ipv6: {cidrs: [{cidr: 'fd00::/104', reservedRange: {}}]}}}";
    assert_eq!(said(yaml), ["pod 10.1.0.0/16 live spec.ipv4.cidrs[0]", "pod fd00::/104 live spec.ipv6.cidrs[0].cidr"]);
    let yaml = "{apiVersion: cilium.io/v2, kind: CiliumLoadBalancerIPPool, metadata: {name: a}, spec: {disabled: true,
        blocks: [{cidr: 10.2.0.0/24}, {start: 10.3.0.1, stop: 10.3.0.9}, {start: 10.4.0.1}], cidrs: [{cidr: 10.5.0.0/24}]}}";
    let expected = [
        "load-balancer 10.2.0.0/24 live spec.blocks[0].cidr",
        "load-balancer 10.3.0.1-10.3.0.9 live spec.blocks[1]",
        "load-balancer 10.4.0.1/32 live spec.blocks[2].start",
        "load-balancer 10.5.0.0/24 live spec.cidrs[0].cidr",
    ];
    assert_eq!(said(yaml), expected);
    for (mode, count) in [("ipam: cluster-pool, ", 2), ("", 2), ("ipam: kubernetes, ", 0), ("ipam: multi-pool, ", 0)] {
        let yaml = format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: cilium-config, namespace: kube-system}},
            data: {{{mode}cluster-pool-ipv4-cidr: '10.1.0.0/16 10.2.0.0/16'}}}}"
        );
        assert_eq!(said(&yaml).len(), count, "{mode}");
    }
}

#[test]
fn flannel_is_obeyed() {
    let yaml = r#"{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-flannel-cfg, namespace: kube-flannel}, data: {
        net-conf.json: '{"Network":"10.244.0.0/16","IPv6Network":"fd00:10:244::/56","Backend":{"Type":"vxlan"}}'}}"#;
    let expected = [
        "pod 10.244.0.0/16 live data[net-conf.json].Network",
        "pod fd00:10:244::/56 live data[net-conf.json].IPv6Network",
    ];
    assert_eq!(said(yaml), expected);
}

#[test]
fn metallb_pools_are_prefixes_and_ranges() {
    let yaml = "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: a, namespace: metallb-system},
        spec: {addresses: [192.168.20.0/28, 192.168.20.32 - 192.168.20.40]}}";
    let expected = [
        "load-balancer 192.168.20.0/28 live spec.addresses[0]",
        "load-balancer 192.168.20.32-192.168.20.40 live spec.addresses[1]",
    ];
    assert_eq!(said(yaml), expected);
}

#[test]
fn among_files_an_object_is_a_floor_unless_it_is_whole_in_itself() {
    let confidence = |yaml: &str, whole| found(yaml).claims_in(whole, []).first().unwrap().confidence;
    let pool = "{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: a}, spec: {cidr: 10.1.0.0/16}}";
    assert_eq!(confidence(pool, false), Confidence::Floor);
    assert_eq!(confidence(pool, true), Confidence::Live);
    let network = "{apiVersion: config.openshift.io/v1, kind: Network, metadata: {name: cluster}, spec: {serviceNetwork: [172.30.0.0/16]}}";
    assert_eq!(confidence(network, false), Confidence::Live);
    let stale = "{apiVersion: v1, kind: ConfigMap, metadata: {name: kubeadm-config, namespace: kube-system}, data: {ClusterConfiguration: 'networking: {podSubnet: 10.1.0.0/16}'}}";
    assert_eq!(confidence(stale, false), Confidence::Stale);
}
