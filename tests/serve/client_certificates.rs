//! Only the API server may call, if the flags say so.

use crate::bodies::{nad, review as body};
use crate::client::{Sender, config_of, connect};
use crate::pki::{Ca, Pair};
use crate::server::{NAME, Options, Running};
use kubevirt_preflight::serve::tls::Client;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const REFUSED: &str = r#"kubevirt_preflight_handshake_failures_total{reason="refused"}"#;
const REQUEST: &[u8] = b"POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n";

fn usage(ca: &Ca, names: &[&str], common: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    ca.pair(CertificateParams::new(names).unwrap(), common, usage)
}

fn expired(ca: &Ca, common: &str) -> Pair {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    ca.pair(params, common, ExtendedKeyUsagePurpose::ClientAuth)
}

/// A server that asks clients for a certificate of `ca`, and the folder with the file.
async fn start(ca: &Ca, names: &[&str]) -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("client-ca.crt");
    fs::write(&file, ca.pem()).unwrap();
    let client = Some(Client { ca: file, names: names.iter().map(ToString::to_string).collect() });
    (Running::start(Options { client, ..Options::default() }).await, folder)
}

fn config(running: &Running, version: &'static SupportedProtocolVersion, own: Option<&Pair>) -> ClientConfig {
    config_of(&[version], running.ca.der(), &["http/1.1"], own)
}

/// All that the server answers to a request. In TLS 1.3 a client takes itself for connected before the server has looked
/// at its certificate.
async fn answer(running: &Running, config: ClientConfig) -> String {
    let mut answer = Vec::new();
    if let Ok(mut stream) = connect(running.addresses.bind, config, NAME).await
        && stream.write_all(REQUEST).await.is_ok()
    {
        let mut bytes = [0; 1024];
        let long = Duration::from_secs(10);
        while let Ok(count @ 1..) = timeout(long, stream.read(&mut bytes)).await.unwrap() {
            answer.extend_from_slice(&bytes[..count]);
            if answer.ends_with(b"}") || answer.ends_with(b"}\n") {
                break;
            }
        }
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_stranger_gets_no_further_than_the_handshake() {
    let (ca, other) = (Ca::new("clients"), Ca::new("clients"));
    let (running, _folder) = start(&ca, &["kube-apiserver", "system:apiserver"]).await;
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let strangers = [
        ("none", None),
        ("of another CA of the same name", Some(other.client("kube-apiserver"))),
        ("of another name", Some(ca.client("kubelet"))),
        ("of no name", Some(ca.client(""))),
        ("with a part of the name", Some(ca.client("kube-apiserver.example"))),
        ("in other letters", Some(ca.client("KUBE-APISERVER"))),
        ("of another DNS name", Some(usage(&ca, &["a.example"], "b", client.clone()))),
        ("expired", Some(expired(&ca, "kube-apiserver"))),
        ("a server's", Some(usage(&ca, &[], "kube-apiserver", ExtendedKeyUsagePurpose::ServerAuth))),
        ("the server's own", Some(running.ca.server("kube-apiserver"))),
    ];
    let mut refused = 0.0;
    for version in [&TLS12, &TLS13] {
        for (what, pair) in &strangers {
            let answer = answer(&running, config(&running, version, pair.as_ref())).await;
            assert_eq!(answer, "", "{what}");
            refused += 1.0;
            running.until(REFUSED, refused).await;
        }
    }
    assert!(!running.metrics.text().contains("webhook_requests_total{"), "{}", running.metrics.text());
    for version in [&TLS12, &TLS13] {
        for pair in [
            ca.client("kube-apiserver"),
            ca.client("system:apiserver"),
            usage(&ca, &["x.example", "kube-apiserver"], "x", client.clone()),
        ] {
            let answer = answer(&running, config(&running, version, Some(&pair))).await;
            assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
        }
    }
    assert_eq!(running.metric(REFUSED), Some(refused));
}

#[tokio::test]
async fn without_names_every_client_of_the_ca_may_call() {
    let ca = Ca::new("clients");
    let (running, _folder) = start(&ca, &[]).await;
    for version in [&TLS12, &TLS13] {
        let answered = answer(&running, config(&running, version, Some(&ca.client("anyone")))).await;
        assert!(answered.starts_with("HTTP/1.1 415"), "{answered}");
        for pair in [None, Some(Ca::new("clients").client("anyone")), Some(expired(&ca, "anyone"))] {
            assert_eq!(answer(&running, config(&running, version, pair.as_ref())).await, "");
        }
    }
}

fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn a_new_client_ca_counts_for_new_connections_and_no_session_slips_past_it() {
    for version in [&TLS12, &TLS13] {
        let (old, new) = (Ca::new("old"), Ca::new("new"));
        let (running, folder) = start(&old, &["kube-apiserver"]).await;
        running.follow();
        // The session store of a client is its configuration's.
        let config_old = config(&running, version, Some(&old.client("kube-apiserver")));
        let review = || body("CREATE", nad("192.168.150.0/24"), Value::Null);
        let mut senders = Vec::new();
        for _ in 0..2 {
            let stream = connect(running.addresses.bind, config_old.clone(), NAME).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
            senders.push(Sender::over(stream).await);
            // After an answer the client has all tickets that it will get.
            let answer = senders.last_mut().unwrap().post(review()).await.unwrap();
            assert_eq!(answer.body["response"]["allowed"], json!(true));
        }
        replace(&folder.path().join("client-ca.crt"), &new.pem());
        running.until(r#"kubevirt_preflight_reloads_total{what="certificate",result="ok"}"#, 1.0).await;
        assert_eq!(answer(&running, config_old).await, "");
        let config_new = config(&running, version, Some(&new.client("kube-apiserver")));
        assert!(answer(&running, config_new).await.starts_with("HTTP/1.1 415"));
        for sender in &mut senders {
            assert_eq!(sender.post(review()).await.unwrap().body["response"]["allowed"], json!(true));
        }
    }
}
