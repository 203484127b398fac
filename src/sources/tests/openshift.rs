use super::*;

#[test]
fn openshift_networks_count_in_spec_and_status() {
    let yaml = "{apiVersion: config.openshift.io/v1, kind: Network, metadata: {name: cluster},
        spec: {clusterNetwork: [{cidr: 10.128.0.0/14, hostPrefix: 23}], serviceNetwork: [172.30.0.0/16], networkType: OVNKubernetes,
          externalIP: {autoAssignCIDRs: [10.5.0.0/24], policy: {allowedCIDRs: [0.0.0.0/0]}}},
        status: {clusterNetwork: [{cidr: 10.132.0.0/14}], serviceNetwork: [172.30.0.0/16]}}";
    let expected = [
        "pod 10.128.0.0/14 live spec.clusterNetwork[0].cidr",
        "service 172.30.0.0/16 live spec.serviceNetwork[0]",
        "pod 10.132.0.0/14 live status.clusterNetwork[0].cidr",
        "service 172.30.0.0/16 live status.serviceNetwork[0]",
        "load-balancer 10.5.0.0/24 live spec.externalIP.autoAssignCIDRs[0]",
    ];
    assert_eq!(said(yaml), expected);
}

#[test]
fn the_internal_ranges_of_ovn_kubernetes_have_defaults_only_where_it_runs() {
    let operator = |network: &str| {
        said(&format!(
            "{{apiVersion: operator.openshift.io/v1, kind: Network, metadata: {{name: cluster}}, spec: {{defaultNetwork: {network}}}}}"
        ))
    };
    assert!(operator("{type: Other, ovnKubernetesConfig: {v4InternalSubnet: 100.70.0.0/16}}").is_empty());
    let base = "spec.defaultNetwork.ovnKubernetesConfig";
    let all = operator("{type: OVNKubernetes}");
    assert_eq!(all.len(), 7, "{all:?}");
    assert_eq!(all[0], format!("cni-internal 100.64.0.0/16 live {base}.ipv4.internalJoinSubnet, default"));
    let some = operator("{type: OVNKubernetes, ovnKubernetesConfig: {v4InternalSubnet: 100.70.0.0/16, ipv4: {internalJoinSubnet: '',
        internalTransitSwitchSubnet: 100.71.0.0/16}, gatewayConfig: {ipv4: {internalMasqueradeSubnet: 169.254.169.0/29}},
        hybridOverlayConfig: {hybridClusterNetwork: [{cidr: 10.132.0.0/14}]}}}");
    assert_eq!(some[0], format!("cni-internal 100.70.0.0/16 live {base}.v4InternalSubnet"));
    assert_eq!(some[2], format!("cni-internal 100.71.0.0/16 live {base}.ipv4.internalTransitSwitchSubnet"));
    assert_eq!(
        some[4],
        format!("cni-internal 169.254.169.0/29 live {base}.gatewayConfig.ipv4.internalMasqueradeSubnet")
    );
    assert_eq!(some[6], format!("pod 10.132.0.0/14 live {base}.hybridOverlayConfig.hybridClusterNetwork[0].cidr"));
    let both = operator(
        "{type: OVNKubernetes, ovnKubernetesConfig: {v4InternalSubnet: 100.70.0.0/16, ipv4: {internalJoinSubnet: 100.72.0.0/16}}}",
    );
    assert_eq!(both[0], format!("cni-internal 100.72.0.0/16 live {base}.ipv4.internalJoinSubnet"));
}

#[test]
fn machine_networks_are_nodes_but_the_installers_default_is_nothing() {
    let yaml = "{apiVersion: config.openshift.io/v1, kind: Infrastructure, metadata: {name: cluster},
        spec: {platformSpec: {type: BareMetal, baremetal: {machineNetworks: [192.168.111.0/24]}}},
        status: {platformStatus: {vsphere: {machineNetworks: [192.168.112.0/24]}}}}";
    let expected = [
        "node 192.168.111.0/24 live spec.platformSpec.baremetal.machineNetworks[0]",
        "node 192.168.112.0/24 live status.platformStatus.vsphere.machineNetworks[0]",
    ];
    assert_eq!(said(yaml), expected);
    let install = |networking: &str| {
        said(&format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: cluster-config-v1, namespace: kube-system}}, data: {{install-config: \"{networking}\"}}}}"
        ))
    };
    let expected = ["node 192.168.126.0/24 stale data.install-config.networking.machineNetwork[1].cidr"];
    assert_eq!(install("networking: {machineNetwork: [{cidr: 10.0.0.0/16}, {cidr: 192.168.126.0/24}]}"), expected);
    let expected = ["node 10.0.0.0/17 stale data.install-config.networking.machineCIDR"];
    assert_eq!(install("networking: {machineCIDR: 10.0.0.0/17}"), expected);
}

#[test]
fn user_defined_networks_are_other_until_they_serve_kubevirt() {
    let yaml = "{apiVersion: k8s.ovn.org/v1, kind: UserDefinedNetwork, metadata: {name: a, namespace: tenant},
        spec: {topology: Layer3, layer3: {role: Primary, subnets: [{cidr: 10.50.0.0/16, hostSubnet: 24}], joinSubnets: [100.66.0.0/16]}}}";
    assert_eq!(
        said(yaml),
        ["other 10.50.0.0/16 live spec.layer3.subnets[0].cidr", "other 100.66.0.0/16 live spec.layer3.joinSubnets[0]"]
    );
    let udn = found(yaml);
    assert!(udn.claims.iter().all(|claim| claim.origin.pool() == Some("udn/tenant/a")));
    let classes = |whole, namespace| {
        udn.claims_in(whole, [namespace]).iter().map(|c| (c.class, c.confidence)).collect::<BTreeSet<_>>()
    };
    assert_eq!(classes(true, "tenant"), BTreeSet::from([(Class::Pod, Confidence::Live)]));
    assert_eq!(classes(false, "kubevirt"), BTreeSet::from([(Class::Other, Confidence::Floor)]));
}

#[test]
fn a_cluster_wide_network_serves_the_namespaces_that_its_selector_names() {
    let cudn = |selector: &str, role: &str| {
        let yaml = format!(
            "{{apiVersion: k8s.ovn.org/v1, kind: ClusterUserDefinedNetwork, metadata: {{name: a}}, spec: {{{selector}
            network: {{topology: Layer2, layer2: {{role: {role}, subnets: [10.50.0.0/16, 'fd50::/64']}}}}}}}}"
        );
        let found = found(&yaml);
        assert_eq!(found.bad, []);
        // A primary network without join ranges has the default ones.
        assert_eq!(found.claims.len(), if role == "Primary" { 4 } else { 2 });
        assert!(found.claims.iter().all(|claim| claim.origin.pool() == Some("cudn/a")));
        found.primary_of
    };
    let label = "kubernetes.io/metadata.name";
    assert_eq!(cudn("namespaceSelector: {},", "Secondary"), None);
    assert_eq!(cudn("namespaceSelector: {},", "Primary"), Some(Namespaces::All));
    assert_eq!(cudn("", "Primary"), Some(Namespaces::Named(vec![])));
    let one = format!("namespaceSelector: {{matchLabels: {{{label}: kubevirt}}}},");
    assert_eq!(cudn(&one, "Primary").unwrap().hold("kubevirt"), Some(true));
    assert_eq!(cudn(&one, "Primary").unwrap().hold("other"), Some(false));
    let some =
        format!("namespaceSelector: {{matchExpressions: [{{key: {label}, operator: In, values: [a, kubevirt]}}]}},");
    assert_eq!(cudn(&some, "Primary").unwrap().hold("kubevirt"), Some(true));
    for vague in [
        "namespaceSelector: {matchLabels: {team: a}},".to_owned(),
        format!("namespaceSelector: {{matchLabels: {{{label}: a, team: b}}}},"),
        format!("namespaceSelector: {{matchExpressions: [{{key: {label}, operator: NotIn, values: [a]}}]}},"),
    ] {
        assert_eq!(cudn(&vague, "Primary").unwrap().hold("a"), None, "{vague}");
    }
}
