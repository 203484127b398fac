use super::values;
use crate::api;
use crate::lab::{Lab, NAME};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// A CA, a certificate of it for our Service, and its key, in PEM.
struct Pair {
    ca: String,
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        ca.distinguished_name.push(DnType::CommonName, "CA of this run");
        let ca_key = KeyPair::generate().unwrap();
        let ca_text = ca.self_signed(&ca_key).unwrap().pem();
        let mut leaf = CertificateParams::new([format!("{NAME}.{NAME}.svc")]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, "webhook of this run");
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        Self { ca: ca_text, certificate: leaf.pem(), key: key.serialize_pem() }
    }

    /// Writes the Secret that the chart mounts, as whoever makes certificates does.
    fn store(&self, lab: &mut Lab) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "webhook", "namespace": NAME},
            "type": "kubernetes.io/tls", "stringData": {"tls.crt": self.certificate, "tls.key": self.key}});
        let said = lab.kubectl_with(&["apply", "-f", "-"], &secret.to_string());
        assert!(said.ok, "{}", said.text);
    }

    /// Writes the CA into every entry, as an injector does.
    fn inject(&self, lab: &mut Lab) {
        let bundle = base64(self.ca.as_bytes());
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

/// No cert-manager runs here: the test makes the pair and plays the injector.
pub fn provided(lab: &mut Lab) {
    lab.kubectl(&["create", "namespace", NAME]);
    let mut provided = values();
    provided["certificates"] = json!({"mode": "provided", "provided": {"secretName": "webhook"}});
    let first = Pair::new();
    first.store(lab);
    let said = lab.helm(&super::super::lab::INSTALL, &provided);
    lab.check("helm upgrade to a certificate of ours", said.ok, &said.text);
    first.inject(lab);
    lab.settle();
    let probe = lab.dry_run();
    lab.warned("a write", &probe, &["unseen-attachment"]);
}

pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digit = |at: usize| if at > group.len() { '=' } else { DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}
