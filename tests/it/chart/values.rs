//! What values the chart takes, and that a rendering is nothing but a function of them.

use super::{EVERYTHING, MODES, helm, of_kind, one, rendered, rendering, text_of};
use crate::run;
use std::fs;

#[test]
fn every_mode_renders_twice_the_same() {
    for (mode, values) in MODES {
        for more in ["{}", EVERYTHING] {
            let Some(first) = rendered(&[more, values]) else { return };
            assert_eq!(Some(&first), rendered(&[more, values]).as_ref(), "{mode}");
            assert!(of_kind(&first, "Deployment").len() == 1, "{mode}");
        }
    }
}

/// A chart that looks things up or makes keys renders something else for GitOps, and at every upgrade.
#[test]
fn nothing_is_generated_or_looked_up() {
    for entry in fs::read_dir(super::chart().join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for function in
            ["lookup ", "genCA", "genSelfSigned", "genSigned", "rand", "{ now", "(now", "uuidv4", "Release.Revision"]
        {
            assert!(!text.contains(function), "{} has {function}", path.display());
        }
    }
}

#[test]
fn helm_finds_no_fault() {
    for (_, mode) in MODES {
        let Some(output) = helm(&["lint", "--strict"], &[EVERYTHING, mode]) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Each with what the message must name.
const REFUSED: [(&str, &str); 17] = [
    ("replica: 3", "replica"),
    ("webhook: {failurepolicy: Ignore}", "failurepolicy"),
    ("webhook: {failurePolicy: fail}", "/webhook/failurePolicy"),
    ("certificates: {mode: selfmanaged}", "/certificates/mode"),
    ("certificates: {mode: provided}", "certificates.provided.secretName"),
    ("policy: {profil: strict}", "profil"),
    ("policy: {profile: stern}", "/policy/profile"),
    ("policy: {rules: {default-route: refuse}}", "/policy/rules"),
    ("policy: {kind: Policy}", "kind"),
    ("policy: {exceptions: [{rule: default-route, object: {kind: KubeVirt, name: kubevirt}}]}", "/policy/exceptions/0"),
    ("installNamespaces: [Kube_Virt]", "/installNamespaces/0"),
    ("image: {digest: 'sha256:123'}", "/image/digest"),
    ("hostNetwork: {enabled: true, webhookPort: 10250}", "kubelet"),
    ("{webhookPort: 8080}", "same port"),
    ("bindAddress: '::'", "/bindAddress"),
    ("rbac: {rolenamespaces: []}", "rolenamespaces"),
    // The program would take it for the name of a part of it, and write no line.
    ("log: {level: inof}", "/log/level"),
];

#[test]
fn a_value_that_is_none_is_refused_by_name() {
    for (values, named) in REFUSED {
        let Some(answer) = rendering(&[values]) else { return };
        let error = answer.expect_err(values).replace('.', "/").replace("at '", "'/");
        let named = named.replace('.', "/");
        assert!(error.contains(&named), "{values}: {error}");
    }
}

/// Every object of the schema is closed but for maps whose keys are the user's.
#[test]
fn the_schema_is_closed() {
    let schema: serde_json::Value = serde_json::from_str(&text_of("values.schema.json")).unwrap();
    let free = ["global", "resources", "affinity", "podSecurityContext", "securityContext"];
    for (name, value) in schema["properties"].as_object().unwrap() {
        let open = value["type"] == "object" && value.get("additionalProperties").is_none();
        assert_eq!(open, free.contains(&name.as_str()), "{name}");
    }
}

/// A release may have dots in its name, a Service may not.
#[test]
fn dots_do_not_get_into_the_name_of_the_service() {
    for values in ["{}", "fullnameOverride: my.kubevirt-preflight"] {
        let Some(output) = helm(&["template", "my.kubevirt-preflight"], &[values]) else { return };
        let documents = serde_saphyr::from_multiple::<serde_json::Value>(&String::from_utf8(output.stdout).unwrap());
        one(&documents.unwrap(), "Service", "my-kubevirt-preflight");
    }
}

#[test]
fn an_old_cluster_is_refused() {
    let Some(output) = helm(&["template", "old", "--kube-version", "1.29.9"], &[]) else { return };
    assert!(String::from_utf8_lossy(&output.stderr).contains(">=1.30.0-0"));
}

/// The ConfigMap is a policy file that the program reads, install namespaces of both places in it.
#[test]
fn the_policy_is_one_that_the_program_takes() {
    let values = "
installNamespaces: [kubevirt, openshift-cnv]
policy:
  installNamespaces: [kubevirt]
  enforcement: warn
  rules: {default-route: 'off'}
  exceptions:
  - {rule: special-range, object: {kind: KubeVirt, namespace: kubevirt, name: k*}, reason: A test., expires: 2027-03-31}
";
    let Some(documents) = rendered(&[values]) else { return };
    let text = one(&documents, "ConfigMap", "kubevirt-preflight-policy")["data"]["policy.yaml"].as_str().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, text).unwrap();
    let (code, out, err) = run(&["rules", "--policy", file.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}{err}");
    let off = out.lines().find(|line| line.starts_with("default-route")).unwrap();
    assert!(off.contains('-') || off.contains("off"), "{off}");
    assert_eq!(text.matches("- kubevirt\n").count(), 1, "{text}");
    assert!(text.contains("- openshift-cnv\n"), "{text}");
}

/// Another policy is another pod template, so that a roll-out shows whether it does.
#[test]
fn another_policy_is_another_checksum() {
    let checksum = |values: &str| {
        let documents = rendered(&[values])?;
        let deployment = one(&documents, "Deployment", "kubevirt-preflight");
        let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
        Some(annotations["checksum/policy"].as_str().unwrap().to_owned())
    };
    let Some(plain) = checksum("{}") else { return };
    assert_ne!(Some(&plain), checksum("policy: {profile: strict}").as_ref());
    assert_ne!(Some(&plain), checksum("installNamespaces: [kubevirt]").as_ref());
    assert_eq!(Some(&plain), checksum("replicas: 3").as_ref());
}
