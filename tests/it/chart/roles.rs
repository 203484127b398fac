//! What the program's accounts may do: exactly what the sources and judged kinds need, and our own two objects.

use super::{EVERYTHING, MODES, of_kind, rendered, text_of};
use kubevirt_preflight::sources::SOURCES;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A permission: where (a namespace, or everywhere), group, resource, name, verb.
type Right = (Option<String>, String, String, Option<String>, String);

fn right(place: Option<&str>, group: &str, resource: &str, name: Option<&str>, verb: &str) -> Right {
    (place.map(Into::into), group.into(), resource.into(), name.map(Into::into), verb.into())
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

/// What one role gives.
fn rights(role: &Value) -> impl Iterator<Item = Right> {
    let place = role["metadata"]["namespace"].as_str();
    role["rules"].as_array().unwrap().iter().flat_map(move |rule| {
        let names: Vec<_> = match list(&rule["resourceNames"]) {
            names if names.is_empty() => vec![None],
            names => names.into_iter().map(Some).collect(),
        };
        let mut all = Vec::new();
        for (group, resource) in list(&rule["apiGroups"])
            .into_iter()
            .flat_map(|group| list(&rule["resources"]).into_iter().map(move |resource| (group, resource)))
        {
            for name in &names {
                all.extend(list(&rule["verbs"]).into_iter().map(|verb| right(place, group, resource, *name, verb)));
            }
        }
        all
    })
}

/// What an account is bound to.
fn granted(documents: &[Value], account: &str) -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    for (bindings, roles) in [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")] {
        for binding in of_kind(documents, bindings) {
            let subjects = binding["subjects"].as_array().unwrap();
            if !subjects
                .contains(&json!({"kind": "ServiceAccount", "name": account, "namespace": "kubevirt-preflight"}))
            {
                continue;
            }
            assert_eq!(binding["roleRef"]["kind"], roles);
            let role = of_kind(documents, roles).into_iter().find(|role| {
                role["metadata"]["name"] == binding["roleRef"]["name"]
                    && role["metadata"]["namespace"] == binding["metadata"]["namespace"]
            });
            all.extend(rights(role.unwrap()));
        }
    }
    all
}

/// What reading takes, from the program's own tables.
fn reading(namespaces_with_roles: &[&str], interfaces: bool) -> BTreeSet<Right> {
    let mut all = BTreeSet::from([right(None, "", "namespaces", Some("kube-system"), "get")]);
    let judged = [
        ("k8s.cni.cncf.io", "network-attachment-definitions"),
        ("kubevirt.io", "kubevirts"),
        ("hco.kubevirt.io", "hyperconvergeds"),
    ];
    let reads = SOURCES.iter().flat_map(|source| source.reads);
    let reads = reads.map(|reads| (reads.group, reads.plural, reads.namespace, reads.name));
    let judged = judged.map(|(group, plural)| (group, plural, None, None));
    for (group, plural, namespace, name) in reads.chain(judged) {
        if plural == "nodenetworkstates" && !interfaces {
            continue;
        }
        let place = namespace.filter(|namespace| name.is_some() && namespaces_with_roles.contains(namespace));
        all.extend(["get", "list", "watch"].map(|verb| right(place, group, plural, name, verb)));
    }
    all
}

#[test]
fn the_audit_reads_what_the_sources_read_and_nothing_else() {
    let Some(documents) = rendered(&[EVERYTHING]) else { return };
    assert_eq!(granted(&documents, "kubevirt-preflight-audit"), reading(&["default", "kube-system"], true));
}

#[test]
fn the_webhook_may_further_write_events_its_reports_and_two_objects_of_its_own() {
    for (mode, values) in MODES {
        for (report, group, resource) in [
            ("none", "", ""),
            ("cluster-policy-report", "wgpolicyk8s.io", "clusterpolicyreports"),
            ("open-reports", "openreports.io", "clusterreports"),
        ] {
            let reports = format!("reports: {{events: true, kind: {report}}}");
            let Some(documents) = rendered(&[values, &reports]) else { return };
            let mut wanted = reading(&["default", "kube-system"], false);
            let own = |verb| {
                right(
                    None,
                    "admissionregistration.k8s.io",
                    "validatingwebhookconfigurations",
                    Some("kubevirt-preflight"),
                    verb,
                )
            };
            wanted.extend(["get", "watch"].map(own));
            wanted.extend(["get", "create", "patch"].map(|verb| right(None, "", "events", None, verb)));
            if mode == "self-managed" {
                wanted.insert(own("patch"));
                let secret =
                    |verb| right(Some("kubevirt-preflight"), "", "secrets", Some("kubevirt-preflight-tls"), verb);
                wanted.extend(["get", "watch", "update"].map(secret));
            }
            if report != "none" {
                wanted.extend(["create", "patch"].map(|verb| right(None, group, resource, None, verb)));
            }
            let found = granted(&documents, "kubevirt-preflight");
            assert_eq!(found, wanted, "{mode} {report}");
        }
    }
}

#[test]
fn events_can_be_forgone() {
    let Some(documents) = rendered(&["reports: {events: false}"]) else { return };
    assert!(!granted(&documents, "kubevirt-preflight").iter().any(|right| right.2 == "events"));
}

/// Roles stand where the value says and nowhere else: a namespace that is not there fails an installation.
#[test]
fn roles_stand_only_where_the_value_says() {
    for (values, namespaces) in [
        ("{}", vec!["default", "kube-system", "kubevirt-preflight"]),
        ("rbac: {roleNamespaces: []}", vec!["kubevirt-preflight"]),
        (
            "rbac: {roleNamespaces: [kube-system, openshift-dns, elsewhere]}",
            vec!["kube-system", "kubevirt-preflight", "openshift-dns"],
        ),
    ] {
        let Some(documents) = rendered(&[values]) else { return };
        for kind in ["Role", "RoleBinding"] {
            let found: BTreeSet<_> =
                super::texts(of_kind(&documents, kind), "/metadata/namespace").into_iter().collect();
            assert_eq!(found, namespaces.iter().copied().collect(), "{values}");
        }
    }
    let Some(documents) = rendered(&["rbac: {create: false}"]) else { return };
    assert!(!documents.iter().any(|document| document["kind"].as_str().unwrap().contains("Role")));
}

#[test]
fn no_role_has_a_wildcard_or_reads_secrets() {
    for (_, mode) in MODES {
        let Some(documents) = rendered(&[EVERYTHING, mode]) else { return };
        for role in [of_kind(&documents, "ClusterRole"), of_kind(&documents, "Role")].concat() {
            for (place, group, resource, name, verb) in rights(role) {
                assert!(![&group, &resource, &verb].iter().any(|text| text.contains('*')), "{group} {resource} {verb}");
                assert!(resource != "secrets" || (place.is_some() && name.is_some() && verb != "list"));
                let reads = ["get", "list", "watch"].contains(&verb.as_str());
                let ours = ["events", "clusterpolicyreports", "clusterreports"].contains(&resource.as_str());
                assert!(reads || ours || name.as_deref().is_some_and(|name| name.starts_with("kubevirt-preflight")));
            }
        }
    }
}

/// The kinds whose writes can newly collide are kinds that a source reads, in versions that it reads.
#[test]
fn the_reverse_kinds_are_read_by_sources() {
    let file: Value = serde_json::from_str(&text_of("files/sources.json")).unwrap();
    for kind in file["reverse"].as_array().unwrap() {
        let read = SOURCES
            .iter()
            .flat_map(|source| source.reads)
            .find(|reads| reads.group == kind["group"] && reads.plural == kind["resource"] && reads.name.is_none());
        assert_eq!(kind["versions"], json!(read.unwrap().versions), "{kind}");
        assert_ne!(kind["resource"], "nodes");
    }
}
