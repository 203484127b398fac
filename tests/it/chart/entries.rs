//! The webhook's entries against what the rules read: a write that could break a rule is sent, or it is said why not.

use super::{MODES, of_kind, one, rendered, rendering};
use kubevirt_preflight::objects::WANTED;
use kubevirt_preflight::rules::RULES;
use kubevirt_preflight::tree::Want;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The entry that a change of a field is sent by, and what its condition must hold; or why none does.
type Sent = Result<(&'static str, &'static str), &'static str>;

/// Every field that is read of the judged kinds.
const FIELDS: &[(&str, Sent)] = &[
    ("apiVersion", Err("the same facts in every version")),
    ("kind", Err("never changes")),
    ("metadata.name", Err("never changes")),
    ("metadata.generateName", Err("of manifests alone")),
    ("metadata.namespace", Err("never changes")),
    ("metadata.labels", Ok(("attachments", "labels[?'kubevirt-preflight.io/migration-network']"))),
    (
        "metadata.annotations.k8s.v1.cni.cncf.io/resourceName",
        Ok(("attachments", "annotations[?'k8s.v1.cni.cncf.io/resourceName']")),
    ),
    (
        "metadata.annotations.kubevirt.kubevirt.io/jsonpatch",
        Ok(("network", "annotations[?'kubevirt.kubevirt.io/jsonpatch']")),
    ),
    (
        "metadata.annotations.vm-migration-network.settings.harvesterhci.io",
        Err("Harvester sets it as it makes the NAD"),
    ),
    ("metadata.creationTimestamp", Err("never changes")),
    ("metadata.deletionTimestamp", Err("an object that goes is not judged")),
    ("metadata.ownerReferences", Err("OVN-Kubernetes sets it as it makes the NAD")),
    ("spec.config", Ok(("attachments", "object.?spec.orValue(null) != oldObject.?spec.orValue(null)"))),
    ("spec.configuration.migrations.network", Ok(("network", "?spec.?configuration.?migrations.?network"))),
    ("spec.configuration.migrations.disableTLS", Ok(("settings", "?spec.?configuration.?migrations.?disableTLS"))),
    (
        "spec.configuration.developerConfiguration.featureGates",
        Ok(("settings", "?spec.?configuration.?developerConfiguration.?featureGates")),
    ),
    ("spec.customizeComponents.patches", Ok(("network", "?spec.?customizeComponents.?patches"))),
    ("spec.featureGates", Ok(("settings", "?spec.?featureGates"))),
    ("spec.infra.replicas", Ok(("settings", "?spec.?infra.?replicas"))),
    ("spec.workloads.nodePlacement", Ok(("settings", "?spec.?workloads.?nodePlacement"))),
    ("spec.liveMigrationConfig.network", Ok(("network", "?spec.?liveMigrationConfig.?network"))),
    (
        "spec.virtualization.liveMigrationConfig.network",
        Ok(("network", "?spec.?virtualization.?liveMigrationConfig.?network")),
    ),
    ("status.conditions.reason", Err("a subresource, which is never sent")),
];

/// Which entries let a write through that can give a rule's finding anew.
const THROUGH: &[(&[&str], &[&str])] = &[
    // Files and the policy, or nothing but a list at rest.
    (&[], &["duplicate-object", "expired-exception", "missing-attachment", "misspelt-kind", "unreadable-document"]),
    // The reference alone.
    (&["network"], &["foreign-namespace-attachment", "odd-reference", "reference-syntax", "unseen-attachment"]),
    // The reference, or a patch or CR without one.
    (&["network", "settings"], &["cleartext-migration", "customized-network", "ignored-kubevirt"]),
    // A NAD that is referred to.
    (&["attachments"], &["attachment-in-use", "edit-in-use"]),
    // The text of a NAD, as it is written or first referred to.
    (
        &["attachments", "network"],
        &[
            "ambiguous-config",
            "cross-namespace-attachment",
            "default-route",
            "dhcp-may-route",
            "dhcp-routes",
            "duplicate-pool",
            "gateway-outside-network",
            "implicit-master",
            "no-address",
            "no-route-to-peers",
            "node-network-overlap",
            "odd-spelling",
            "opaque-config",
            "resource-not-requested",
            "routes-off-network",
            "shared-l2-gateway",
            "shared-pool",
            "special-range",
            "unchecked-networks",
            "unusable-config",
            "unusual-range",
        ],
    ),
    // Nodes that virt-handler runs on, too.
    (
        &["attachments", "network", "settings"],
        &["missing-interface", "node-local-ipam", "range-too-small", "tight-range", "weak-interface"],
    ),
    // The other side of an overlap, too.
    (
        &["attachments", "network", "networks"],
        &["cni-internal-overlap", "pod-network-overlap", "secondary-network-overlap", "service-network-overlap"],
    ),
];

/// Entry, failurePolicy, time-out.
const ENTRIES: [(&str, &str, u64); 4] =
    [("network", "Fail", 2), ("settings", "Ignore", 2), ("attachments", "Ignore", 2), ("networks", "Ignore", 1)];

fn leaves(want: &Want, path: &str, all: &mut BTreeSet<String>) {
    match want {
        Want::Members(members) => {
            for (name, want) in *members {
                let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                leaves(want, &path, all);
            }
        }
        Want::Each(want) | Want::Part(want) => leaves(want, path, all),
        Want::Nothing => {}
        Want::All | Want::Rest(_) | Want::Unread => {
            all.insert(path.to_owned());
        }
    }
}

/// The entries, by name without the domain.
fn entries(values: &str) -> Option<Vec<(String, Value)>> {
    let documents = rendered(&[values])?;
    let hooks = one(&documents, "ValidatingWebhookConfiguration", "kubevirt-preflight")["webhooks"].clone();
    let named =
        |entry: &Value| entry["name"].as_str().unwrap().strip_suffix(".kubevirt-preflight.io").unwrap().to_owned();
    Some(hooks.as_array().unwrap().iter().map(|entry| (named(entry), entry.clone())).collect())
}

fn conditions(entry: &Value) -> String {
    super::texts(entry["matchConditions"].as_array().unwrap(), "/expression").join("\n")
}

#[test]
fn every_field_that_is_read_is_sent_or_it_is_said_why_not() {
    let mut read = BTreeSet::new();
    leaves(&WANTED, "", &mut read);
    let told: BTreeSet<_> = FIELDS.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(read, told, "objects::WANTED and this table are to name the same fields");
    let Some(entries) = entries("{}") else { return };
    for (field, sent) in FIELDS {
        let Ok((name, text)) = sent else { continue };
        let (_, entry) = entries.iter().find(|(entry, _)| entry == name).unwrap();
        assert!(conditions(entry).contains(text), "{field}: {name} does not look at {text}");
    }
}

#[test]
fn pages_and_entries_name_each_other() {
    let Some(entries) = entries("reverse: {enabled: true}") else { return };
    let settled: Vec<_> = entries
        .iter()
        .map(|(name, entry)| {
            (name.as_str(), entry["failurePolicy"].as_str().unwrap(), entry["timeoutSeconds"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(settled, ENTRIES);
    let told = THROUGH.iter().flat_map(|(entries, rules)| rules.iter().map(move |rule| (*rule, *entries)));
    let told: std::collections::BTreeMap<_, _> = told.collect();
    for rule in RULES {
        let limits = rule.page.split_once("## Limits").unwrap().1;
        let lines: Vec<_> = limits.lines().filter_map(|line| line.strip_prefix("- Webhook entry `")).collect();
        let mut named: Vec<_> = lines.iter().map(|line| line.split('`').next().unwrap()).collect();
        named.sort_unstable();
        let Some(wanted) = told.get(rule.id) else { panic!("{}: which entries let it through?", rule.id) };
        assert_eq!(named, *wanted, "{}: its page against the table THROUGH", rule.id);
        assert_eq!(named.is_empty(), limits.contains("No webhook entry:"), "{}", rule.id);
        for line in lines {
            let (name, entry) = entries.iter().find(|(name, _)| line.split('`').next() == Some(name)).unwrap();
            let policy = format!("(failurePolicy {})", entry["failurePolicy"].as_str().unwrap());
            assert!(line.contains(&policy), "{}: {name} is {policy}", rule.id);
            let rules = entry["rules"].to_string();
            for operation in ["CREATE", "UPDATE", "DELETE"] {
                assert!(!line.contains(operation) || rules.contains(operation), "{}: {line}", rule.id);
            }
        }
    }
    assert_eq!(told.len(), RULES.len());
}

#[test]
fn the_reverse_direction_is_asked_for() {
    let Some(entries) = entries("{}") else { return };
    assert!(!entries.iter().any(|(name, _)| name == "networks"));
}

/// Only the kinds named, no subresource, no wildcard; nodes and pods never.
#[test]
fn entries_are_narrow() {
    let Some(entries) = entries("reverse: {enabled: true}") else { return };
    for (name, entry) in entries {
        for (key, value) in [("sideEffects", "NoneOnDryRun"), ("matchPolicy", "Equivalent")] {
            assert_eq!(entry[key], value, "{name}");
        }
        assert_eq!(entry["admissionReviewVersions"], json!(["v1"]));
        for rule in entry["rules"].as_array().unwrap() {
            let narrow = [&rule["apiGroups"], &rule["apiVersions"], &rule["resources"], &rule["operations"]];
            for part in narrow.map(ToString::to_string) {
                assert!(
                    !part.contains(['*', '/']) && !part.contains("\"nodes\"") && !part.contains("\"pods\""),
                    "{part}"
                );
            }
            assert!(name == "attachments" || !rule["operations"].to_string().contains("DELETE"), "{name}");
        }
    }
}

/// Whoever writes the caBundle keeps it: a chart that names it would take it away at each upgrade.
#[test]
fn no_ca_bundle_is_ever_rendered() {
    for (mode, values) in MODES {
        let Some(documents) = rendered(&[values]) else { return };
        let hooks = one(&documents, "ValidatingWebhookConfiguration", "kubevirt-preflight");
        assert!(!hooks.to_string().contains("caBundle"), "{mode}");
        for entry in hooks["webhooks"].as_array().unwrap() {
            let service = json!({"name": "kubevirt-preflight", "namespace": "kubevirt-preflight", "path": "/validate", "port": 443});
            assert_eq!(entry["clientConfig"], json!({"service": service}), "{mode}");
        }
    }
}

#[test]
fn conditions_of_the_user_stand_beside_ours() {
    let own = "webhook: {matchConditions: [{name: not-me, expression: request.userInfo.username != 'me'}], failurePolicy: Ignore}";
    let Some(entries) = entries(own) else { return };
    for (name, entry) in entries {
        assert_eq!(entry["matchConditions"].as_array().unwrap().last().unwrap()["name"], "not-me", "{name}");
        assert_eq!(entry["failurePolicy"], "Ignore");
    }
}

/// The API server's own policy does what the rule attachment-in-use does, in the level that the policy gives it, and never blocks.
#[test]
fn the_deletion_policy_follows_the_rule() {
    for (policy, action) in [
        ("{}", Some("Deny")),
        ("{enforcement: warn}", Some("Warn")),
        ("{profile: relaxed}", Some("Warn")),
        ("{profile: relaxed, rules: {attachment-in-use: deny}}", Some("Deny")),
        ("{rules: {attachment-in-use: 'off'}}", None),
    ] {
        let values = format!("{{deletionPolicy: {{enabled: true, kubevirtNamespaces: [kubevirt]}}, policy: {policy}}}");
        let Some(documents) = rendering(&[&values]).map(Result::unwrap) else { return };
        let bindings = of_kind(&documents, "ValidatingAdmissionPolicyBinding");
        let policies = of_kind(&documents, "ValidatingAdmissionPolicy");
        assert_eq!((policies.len(), bindings.len()), if action.is_some() { (1, 2) } else { (0, 0) }, "{policy}");
        for binding in bindings {
            assert_eq!(binding["spec"]["validationActions"], json!([action.unwrap()]), "{policy}");
            assert_eq!(binding["spec"]["paramRef"]["parameterNotFoundAction"], "Allow");
            assert_eq!(binding["spec"]["policyName"], policies[0]["metadata"]["name"]);
        }
        for policy in policies {
            assert_eq!(policy["spec"]["failurePolicy"], "Ignore");
            assert_eq!(policy["spec"]["paramKind"], json!({"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt"}));
        }
    }
}
