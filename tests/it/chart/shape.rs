//! What must fit together in what is rendered: labels and selectors, ports and probes, certificates and mounts.

use super::{EVERYTHING, MODES, of_kind, one, rendered, text_of, texts};
use crate::{root, run};
use serde_json::Value;
use std::fs;

const NAME: &str = "kubevirt-preflight";

fn holds(labels: &Value, selector: &Value) -> bool {
    let selector = selector.as_object().unwrap();
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[test]
fn selectors_find_the_webhook_pods_and_no_other() {
    let Some(documents) = rendered(&[EVERYTHING]) else { return };
    let deployment = one(&documents, "Deployment", NAME);
    let webhook = &deployment["spec"]["template"]["metadata"]["labels"];
    let job = one(&documents, "CronJob", "kubevirt-preflight-audit");
    let others = [
        &job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"],
        &one(&documents, "Pod", "kubevirt-preflight-test")["metadata"]["labels"],
    ];
    let selectors = [
        ("/spec/selector/matchLabels", deployment),
        ("/spec/selector", one(&documents, "Service", NAME)),
        ("/spec/selector", one(&documents, "Service", "kubevirt-preflight-metrics")),
        ("/spec/selector/matchLabels", one(&documents, "PodDisruptionBudget", NAME)),
        ("/spec/podSelector/matchLabels", one(&documents, "NetworkPolicy", NAME)),
        ("/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels", deployment),
        ("/spec/template/spec/topologySpreadConstraints/1/labelSelector/matchLabels", deployment),
    ];
    for (pointer, document) in selectors {
        let selector = document.pointer(pointer).unwrap();
        assert!(holds(webhook, selector), "{} {pointer}", document["kind"]);
        assert!(!others.iter().any(|labels| holds(labels, selector)), "{} {pointer}", document["kind"]);
    }
    let monitor = one(&documents, "ServiceMonitor", NAME);
    let selector = &monitor["spec"]["selector"]["matchLabels"];
    let services = of_kind(&documents, "Service");
    let found: Vec<_> = services.iter().filter(|service| holds(&service["metadata"]["labels"], selector)).collect();
    assert_eq!(texts(found.iter().map(|service| **service), "/metadata/name"), ["kubevirt-preflight-metrics"]);
    assert_eq!(found[0]["spec"]["ports"][0]["name"], monitor["spec"]["endpoints"][0]["port"]);
}

/// What a program does not know ends it with 2, in the cluster.
#[test]
fn every_flag_is_one_of_the_program_s() {
    for (_, mode) in MODES {
        let Some(documents) = rendered(&[EVERYTHING, mode]) else { return };
        let job = one(&documents, "CronJob", "kubevirt-preflight-audit");
        let pods = [
            &one(&documents, "Deployment", NAME)["spec"]["template"]["spec"],
            &job["spec"]["jobTemplate"]["spec"]["template"]["spec"],
            &one(&documents, "Pod", "kubevirt-preflight-test")["spec"],
        ];
        for pod in pods {
            let args = pod["containers"][0]["args"].as_array().unwrap();
            let args: Vec<_> = args.iter().map(|arg| arg.as_str().unwrap()).collect();
            // Values are looked at before what is asked for is done, and there is no such cluster.
            // What the variable POD_NAMESPACE says there.
            let namespace: &[&str] = if args[0] == "serve" { &["--namespace=here"] } else { &[] };
            let (code, _, told) = run(&[&args[..], &["--kubeconfig=/none"], namespace].concat());
            assert!(code == 2 && !told.contains("Usage:") && !told.contains("possible values"), "{args:?}: {told}");
        }
    }
}

#[test]
fn ports_and_probes_are_those_that_are_opened() {
    let host = "hostNetwork: {enabled: true}";
    for (values, webhook, observe) in [("{}", 10250, 8080), (host, 10270, 10271), ("bindAddress: '[::]'", 10250, 8080)]
    {
        let Some(documents) = rendered(&[values]) else { return };
        let pod = &one(&documents, "Deployment", NAME)["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let args: Vec<_> = container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
        let address = if values.contains("::") { "[::]" } else { "0.0.0.0" };
        assert!(args.contains(&format!("--bind={address}:{webhook}").as_str()), "{args:?}");
        assert!(args.contains(&format!("--observe-bind={address}:{observe}").as_str()), "{args:?}");
        let ports: Vec<_> =
            container["ports"].as_array().unwrap().iter().map(|p| (&p["name"], &p["containerPort"])).collect();
        assert_eq!(ports, [(&"webhook".into(), &webhook.into()), (&"observe".into(), &observe.into())]);
        for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            assert_eq!(container[probe]["httpGet"], serde_json::json!({"path": path, "port": "observe"}));
        }
        assert_eq!(pod["hostNetwork"] == true, values == host);
        let service = &one(&documents, "Service", NAME)["spec"]["ports"][0];
        assert_eq!((&service["port"], &service["targetPort"]), (&443.into(), &"webhook".into()));
    }
}

/// As the program is told its names, so are they.
#[test]
fn names_that_the_program_is_told_exist() {
    let own = "fullnameOverride: gate";
    for (_, mode) in MODES {
        let Some(documents) = rendered(&[EVERYTHING, mode, own]) else { return };
        let container = &one(&documents, "Deployment", "gate")["spec"]["template"]["spec"]["containers"][0];
        for arg in container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()) {
            match arg.split_once('=') {
                Some(("--service", name)) => assert_eq!(one(&documents, "Service", name)["spec"]["type"], "ClusterIP"),
                Some(("--webhook-configuration", name)) => {
                    assert!(one(&documents, "ValidatingWebhookConfiguration", name)["webhooks"].is_array());
                }
                Some(("--certificate-secret", name)) => {
                    let secret = one(&documents, "Secret", name);
                    assert!(secret.get("data").is_none() && secret["type"] == "Opaque");
                }
                _ => {}
            }
        }
        let mut env = texts(container["env"].as_array().unwrap(), "/name");
        env.sort_unstable();
        assert_eq!(env, ["NO_COLOR", "POD_NAME", "POD_NAMESPACE"]);
    }
}

#[test]
fn certificates_come_from_where_the_mode_says() {
    for (mode, values) in MODES {
        let Some(documents) = rendered(&[values]) else { return };
        let pod = &one(&documents, "Deployment", NAME)["spec"]["template"]["spec"];
        let secret = texts(pod["volumes"].as_array().unwrap(), "/secret/secretName");
        let args = pod["containers"][0]["args"].to_string();
        let own = mode == "self-managed";
        let name = if mode == "provided" { "own" } else { "kubevirt-preflight-tls" };
        assert_eq!(secret, if own { vec![] } else { vec![name] }, "{mode}");
        assert_eq!(args.contains("--self-managed"), own);
        assert_eq!(args.contains("--tls-cert=/etc/kubevirt-preflight/tls/tls.crt"), !own);
        assert_eq!(of_kind(&documents, "Secret").len(), usize::from(own), "{mode}");
        let hooks = &one(&documents, "ValidatingWebhookConfiguration", NAME)["metadata"];
        let service = &one(&documents, "Service", NAME)["metadata"];
        let injected = [
            hooks.pointer("/annotations/cert-manager.io~1inject-ca-from"),
            hooks.pointer("/annotations/service.beta.openshift.io~1inject-cabundle"),
            service.pointer("/annotations/service.beta.openshift.io~1serving-cert-secret-name"),
        ];
        let wanted = match mode {
            "cert-manager" => [Some("kubevirt-preflight/kubevirt-preflight"), None, None],
            "service-ca" => [None, Some("true"), Some("kubevirt-preflight-tls")],
            _ => [None; 3],
        };
        assert_eq!(injected.map(|value| value.and_then(Value::as_str)), wanted, "{mode}");
        let certificates = of_kind(&documents, "Certificate");
        assert_eq!(certificates.len(), if mode == "cert-manager" { 2 } else { 0 });
        if mode == "cert-manager" {
            let leaf = &one(&documents, "Certificate", NAME)["spec"];
            assert_eq!(leaf["secretName"], "kubevirt-preflight-tls");
            assert_eq!(leaf["dnsNames"], serde_json::json!(["kubevirt-preflight.kubevirt-preflight.svc"]));
        }
    }
}

/// Pods keep to the restricted Pod Security Standard, name no user (OpenShift chooses one), and have no token but a short one.
#[test]
fn pods_may_do_little() {
    let Some(documents) = rendered(&[EVERYTHING]) else { return };
    let job = &one(&documents, "CronJob", "kubevirt-preflight-audit")["spec"]["jobTemplate"]["spec"];
    let pods = [
        &one(&documents, "Deployment", NAME)["spec"]["template"]["spec"],
        &job["template"]["spec"],
        &one(&documents, "Pod", "kubevirt-preflight-test")["spec"],
    ];
    for pod in pods {
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(
            pod["securityContext"],
            serde_json::json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
        );
        let container = serde_json::json!({
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true
        });
        assert_eq!(pod["containers"][0]["securityContext"], container);
        assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
        let token = pod.pointer("/volumes/1/projected/sources/0/serviceAccountToken").unwrap();
        assert_eq!(token["expirationSeconds"], 3600);
        assert!(!pod.to_string().contains("runAsUser") && !pod.to_string().contains("fsGroup"));
    }
    let budget = &one(&documents, "PodDisruptionBudget", NAME)["spec"];
    assert_eq!((&budget["maxUnavailable"], &budget["unhealthyPodEvictionPolicy"]), (&1.into(), &"AlwaysAllow".into()));
}

/// What is in the cluster when the release is gone: nothing, so no hook makes or keeps anything but the test's pod.
#[test]
fn uninstalling_takes_everything_along() {
    for (_, mode) in MODES {
        let Some(documents) = rendered(&[EVERYTHING, mode]) else { return };
        for document in &documents {
            let annotations = document["metadata"]["annotations"].to_string();
            assert!(!annotations.contains("helm.sh/resource-policy"), "{document}");
            assert_eq!(annotations.contains("helm.sh/hook"), document["kind"] == "Pod", "{document}");
            assert_eq!(document["metadata"].get("finalizers"), None);
        }
    }
}

/// An alert or panel on a metric that is not there is silent for ever.
#[test]
fn alerts_and_panels_name_metrics_that_exist() {
    let page = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let texts = [text_of("templates/prometheusrule.yaml"), text_of("files/dashboard.json")].concat();
    let words = texts.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let own = ["kubevirt_preflight_", "controller_runtime_", "certwatcher_"];
    let metrics: std::collections::BTreeSet<_> =
        words.filter(|word| own.iter().any(|prefix| word.starts_with(prefix))).collect();
    assert!(metrics.len() > 8, "{metrics:?}");
    for metric in metrics {
        let base = metric.trim_end_matches("_bucket");
        assert!(page.contains(&format!("`{base}`")), "{metric} is not in docs/metrics.md");
    }
}
