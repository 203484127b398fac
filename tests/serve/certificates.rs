//! Certificate errors at start-up: told all at once, before anything is bound, without a byte of the key.

use crate::bodies::NETWORKS;
use crate::pki::Ca;
use crate::process::serve;
use crate::server::NAME;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// As base64 it is no key, and in no file of a test by chance.
const SECRET: &str = "VE9QU0VDUkVUVE9QU0VDUkVU";

/// Files to start with, and addresses that are taken: whoever binds before it reads says so.
struct Given {
    folder: TempDir,
    taken: TcpListener,
}

impl Given {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new("test CA");
        ca.server(NAME).write(folder.path());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("networks.yaml", NETWORKS);
        write("ca.pem", &ca.pem());
        write("other.key", &ca.server(NAME).key);
        write("empty", "");
        write("garbage", "no PEM, no certificate, no key\n");
        write("cut.crt", &ca.pem()[..200]);
        write("der.crt", "-----BEGIN CERTIFICATE-----\nVE9Q\n-----END CERTIFICATE-----\n");
        let key = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n");
        write("der.key", &key);
        write("base64.key", &key.replace("VE9QU0", "VE!QU0"));
        write("cut.key", &key.replace("-----END", ""));
        write("one-line.key", &key.replace("-----\nVE", "VE"));
        write("encrypted.key", &key.replace("PRIVATE", "ENCRYPTED PRIVATE"));
        Self { folder, taken: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, cert: &str, key: &str, client: Option<&str>, networks: &str) -> Command {
        let address = self.taken.local_addr().unwrap().to_string();
        let mut command = serve();
        command.args(["--bind", &address, "--observe-bind", &address]);
        command.arg("--tls-cert").arg(self.file(cert)).arg("--tls-key").arg(self.file(key));
        command.arg("--networks").arg(self.file(networks));
        if let Some(client) = client {
            command.arg("--client-ca").arg(self.file(client));
        }
        command
    }
}

/// What a command that cannot start says; no byte of a key is in it.
fn told(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{text}");
    assert!(!text.contains("cannot be bound"), "{text}");
    // As it is in the file, decoded, and as numbers of bytes.
    for secret in ["U0VDUkVU", "TOPSECRET", "85, 48, 86", "83, 69, 67"] {
        assert!(!text.contains(secret), "{text}");
    }
    text
}

fn sentence(flag: &str, file: &Path, rest: &str) -> String {
    format!("{flag} {} {rest}", file.display())
}

#[test]
fn each_error_names_flag_and_file_and_what_to_do() {
    let given = Given::new();
    let good = ("tls.crt", "tls.key");
    let (cert, key, ca) = ("--tls-cert", "--tls-key", "--client-ca");
    let cases = [
        (("none", good.1, None), cert, "none", "cannot be read", "name a PEM file"),
        ((".", good.1, None), cert, ".", "cannot be read", "name a PEM file"),
        (("empty", good.1, None), cert, "empty", "holds no certificate", "give certificates in PEM"),
        (("tls.key", good.1, None), cert, "tls.key", "holds no certificate", "give certificates in PEM"),
        (("cut.crt", good.1, None), cert, "cut.crt", "is cut off", "give certificates in PEM"),
        (("der.crt", good.1, None), cert, "der.crt", "holds a certificate that cannot be read", "X.509"),
        (("one-line.key", good.1, None), cert, "one-line.key", "has a broken BEGIN line", "give certificates in PEM"),
        ((good.0, "none", None), key, "none", "cannot be read", "name a PEM file"),
        ((good.0, "tls.crt", None), key, "tls.crt", "holds no private key", "give the key in PEM"),
        ((good.0, "garbage", None), key, "garbage", "holds no private key", "give the key in PEM"),
        ((good.0, "der.key", None), key, "der.key", "holds no key that can be used", "give an ECDSA P-256 key"),
        ((good.0, "base64.key", None), key, "base64.key", "is broken between", "give the key in PEM"),
        ((good.0, "cut.key", None), key, "cut.key", "is cut off", "give the key in PEM"),
        ((good.0, "one-line.key", None), key, "one-line.key", "has a broken BEGIN line", "give the key in PEM"),
        ((good.0, "encrypted.key", None), key, "encrypted.key", "holds a key under a password", "openssl pkey"),
        ((good.0, "other.key", None), key, "other.key", "is not the key of", "give the key that the"),
        ((good.0, good.1, Some("none")), ca, "none", "cannot be read", "name a PEM file"),
        ((good.0, good.1, Some("garbage")), ca, "garbage", "holds no certificate", "give certificates in PEM"),
        ((good.0, good.1, Some("der.crt")), ca, "der.crt", "holds no CA that can be used", "give the CA that signs"),
    ];
    for ((cert, key, client), flag, file, what, remedy) in cases {
        let text = told(given.command(cert, key, client, "networks.yaml"));
        assert!(text.contains(&sentence(flag, &given.file(file), what)) && text.contains(remedy), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("error: The certificate is refused: --") && text.ends_with(".\n"), "{text}");
    }
}

#[test]
fn several_errors_are_all_told() {
    let given = Given::new();
    let text = told(given.command("none", "base64.key", Some("garbage"), "no-networks.yaml"));
    let flags = ["--tls-cert", "--tls-key", "--client-ca", "no-networks.yaml"];
    assert!(flags.iter().all(|flag| text.contains(flag)), "{text}");
    assert_eq!(text.matches("error: ").count(), 4, "{text}");
}

#[test]
fn a_client_name_says_nothing_without_a_ca() {
    let given = Given::new();
    let mut command = given.command("tls.crt", "tls.key", None, "networks.yaml");
    command.args(["--client-name", "kube-apiserver"]);
    let text = told(command);
    assert!(text.contains("--client-ca <FILE>"), "{text}");
    // Else everyone with a certificate of the CA might call.
    for names in ["", "kube-apiserver,"] {
        let mut command = given.command("tls.crt", "tls.key", Some("ca.pem"), "networks.yaml");
        command.env("KUBEVIRT_PREFLIGHT_CLIENT_NAME", names);
        assert!(told(command).contains("--client-name"));
    }
}

#[test]
fn what_is_good_is_bound() {
    let given = Given::new();
    let output = given.command("tls.crt", "tls.key", Some("ca.pem"), "networks.yaml").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--bind") && text.contains("cannot be bound"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}
