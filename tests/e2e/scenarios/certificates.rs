use super::releases::unharmed;
use super::values;
use crate::api;
use crate::lab::{CHART, INSTALL, Lab, NAME};
use crate::load::Load;
use crate::pki::{Ca, Pair};
use serde_json::{Value, json};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// What whoever makes certificates has: a CA, and a certificate of it for our Service.
struct Made {
    ca: Ca,
    pair: Pair,
}

impl Made {
    fn new(name: &str) -> Self {
        let ca = Ca::new(name);
        let pair = ca.server(&format!("{NAME}.{NAME}.svc"));
        Self { ca, pair }
    }

    /// Writes the Secret that the chart mounts, as whoever makes certificates does.
    fn store(&self, lab: &mut Lab) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "webhook", "namespace": NAME},
            "type": "kubernetes.io/tls", "stringData": {"tls.crt": self.pair.cert, "tls.key": self.pair.key}});
        let said = lab.kubectl_with(&["apply", "-f", "-"], &secret.to_string());
        assert!(said.ok, "{}", said.text);
    }

    /// Writes the CA into every entry, as an injector does.
    fn inject(&self, lab: &mut Lab) {
        let bundle = base64(self.ca.pem().as_bytes());
        let configuration = api::get(&format!("{CONFIGURATIONS}/{NAME}")).unwrap();
        let entries = configuration["webhooks"].as_array().map_or(0, Vec::len);
        let patch: Vec<Value> = (0..entries)
            .map(|at| json!({"op": "add", "path": format!("/webhooks/{at}/clientConfig/caBundle"), "value": bundle}))
            .collect();
        let patch = Value::from(patch).to_string();
        let said = lab.kubectl(&["patch", "validatingwebhookconfiguration", NAME, "--type=json", "-p", &patch]);
        assert!(said.ok, "{}", said.text);
    }
}

const BUNDLES: [&str; 5] = [
    "get",
    "validatingwebhookconfiguration",
    NAME,
    "-o",
    "jsonpath={range .webhooks[*]}{.clientConfig.caBundle}{\"\\n\"}{end}",
];

/// The CA bundle of the entries; empty if they differ or one has none.
fn bundle(lab: &Lab) -> String {
    let said = lab.kubectl(&BUNDLES).text;
    let first = said.lines().next().unwrap_or_default().to_owned();
    if said.lines().all(|line| line == first) { first } else { String::new() }
}

/// The certificates in a bundle.
fn authorities(bundle: &str) -> Vec<String> {
    let text = String::from_utf8(crate::kubelet::base64(bundle)).unwrap();
    text.split("-----END CERTIFICATE-----").map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// No cert-manager and no service-ca run here: the test makes the pair, writes the Secret and plays the injector.
pub fn provided(lab: &mut Lab) {
    let mut provided = values();
    provided["certificates"] = json!({"mode": "provided", "provided": {"secretName": "webhook"}});
    let first = Made::new("the first CA");
    first.store(lab);
    let said = lab.helm(&INSTALL, &provided);
    lab.check("helm upgrade to a certificate of ours", said.ok, &said.text);
    first.inject(lab);
    lab.settle();
    let probe = lab.dry_run();
    lab.warned("a write", &probe, &["unseen-attachment"]);
    // The next pair: its CA goes in beside the old one by whoever makes it, here in one step with the certificate.
    let second = Made::new("the second CA");
    second.store(lab);
    second.inject(lab);
    lab.eventually("the next pair is in use", 30, |lab| lab.dry_run().ok);
    let said = lab.install(&values());
    lab.check("helm upgrade back to self-managed", said.ok, &said.text);
    lab.eventually("and its own CA is published", 60, |lab| !bundle(lab).is_empty() && lab.dry_run().ok);
}

/// cert-manager's and service-ca's modes are rendered, and their objects are what those controllers look for.
pub fn rendered(lab: &mut Lab) {
    let wants: [(&str, serde_json::Value, &[&str]); 3] = [
        (
            "cert-manager",
            json!({"certificates": {"mode": "cert-manager"}}),
            &[
                "kind: Certificate",
                "cert-manager.io/inject-ca-from: kubevirt-preflight/kubevirt-preflight",
                "secretName: kubevirt-preflight-tls",
            ],
        ),
        (
            "service-ca",
            json!({"certificates": {"mode": "service-ca"}}),
            &[
                "service.beta.openshift.io/inject-cabundle",
                "service.beta.openshift.io/serving-cert-secret-name: kubevirt-preflight-tls",
            ],
        ),
        (
            "Prometheus",
            json!({"serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true}}),
            &["kind: ServiceMonitor", "kind: PrometheusRule"],
        ),
    ];
    for (what, values, words) in wants {
        let said = lab.helm(&["template", NAME, CHART, "--values", "-"], &values);
        let lacks: Vec<_> = words.iter().filter(|word| !said.text.contains(**word)).collect();
        lab.check(&format!("{what} is rendered"), said.ok && lacks.is_empty(), &format!("without {lacks:?}"));
    }
}

/// CA and leaf with clocks so short that both are renewed while we look.
pub fn rotation(lab: &mut Lab) {
    let emptied = |lab: &Lab| {
        lab.kubectl(&[
            "patch",
            "validatingwebhookconfiguration",
            NAME,
            "--type=json",
            "-p",
            r#"[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]"#,
        ])
    };
    let before = bundle(lab);
    let said = emptied(lab);
    lab.check("a caBundle taken away by hand", said.ok && !before.is_empty(), &said.text);
    lab.eventually("comes back", 30, |lab| bundle(lab) == before);
    let mut short = values();
    short["certificates"] = json!({"selfManaged": {"caLifetime": "60s", "leafLifetime": "30s", "settle": "5s"}});
    let said = lab.install(&short);
    lab.check("helm upgrade to short clocks", said.ok, &said.text);
    // A CA that was made for a year stays for a year: without the Secret's data there is a new one, by the new clocks.
    let secret = format!("{NAME}-tls");
    let said = lab.kubectl(&[
        "-n",
        NAME,
        "patch",
        "secret",
        &secret,
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/data"}]"#,
    ]);
    lab.check("the Secret's data taken away by hand", said.ok, &said.text);
    lab.eventually("another CA takes its place", 60, |lab| {
        ![before.as_str(), ""].contains(&bundle(lab).as_str()) && lab.dry_run().ok
    });
    lab.settle();
    let load = Load::start();
    // The one of before lasts for a year and stays in the bundle, for whoever still shows a certificate of it.
    let made = |lab: &Lab| -> Vec<String> {
        authorities(&bundle(lab)).into_iter().filter(|one| !authorities(&before).contains(one)).collect()
    };
    let first = made(lab);
    lab.check("one CA by the new clocks", first.len() == 1, &format!("{first:?}"));
    lab.eventually("the next CA is published beside it", 120, |lab| {
        made(lab).len() == 2 && made(lab).contains(&first[0])
    });
    lab.eventually("and the first one goes", 120, |lab| !made(lab).is_empty() && !made(lab).contains(&first[0]));
    unharmed(lab, "CA and leaf are renewed", load);
    let said = lab.install(&values());
    lab.check("helm upgrade back", said.ok, &said.text);
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digit =
            |at: usize| if at > group.len() { '=' } else { DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}
