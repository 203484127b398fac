//! Versions, protocols and names of TLS.

use crate::bodies::{nad, review as body};
use crate::client::{Sender, config, config_of, connect};
use crate::server::{NAME, Options, Running};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const REFUSED: &str = r#"kubevirt_preflight_handshake_failures_total{reason="refused"}"#;
const TOTAL: &str = r#"controller_runtime_webhook_requests_total{webhook="/validate",code="200"}"#;
/// More than any answer takes.
const LONG: Duration = Duration::from_secs(10);

/// One review, which is allowed.
async fn is_answered(running: &Running, config: ClientConfig) {
    let mut sender = Sender::over(connect(running.addresses.bind, config, NAME).await.unwrap()).await;
    let answer = sender.post(body("CREATE", nad("192.168.150.0/24"), Value::Null)).await.unwrap();
    assert_eq!(answer.body["response"]["allowed"], json!(true), "{answer:?}");
}

fn plain(running: &Running, versions: &[&'static SupportedProtocolVersion], protocols: &[&str]) -> ClientConfig {
    config_of(versions, running.ca.der(), protocols, None)
}

#[tokio::test]
async fn both_versions_speak_every_protocol() {
    let running = Running::start(Options::default()).await;
    let protocols: [(&[&str], Option<&str>); 5] = [
        (&["http/1.1"], Some("http/1.1")),
        (&["h2"], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["spdy/3", "http/1.1"], Some("http/1.1")),
        (&[], None),
    ];
    for version in [&TLS12, &TLS13] {
        for (offered, chosen) in protocols {
            let config = plain(&running, &[version], offered);
            let stream = connect(running.addresses.bind, config.clone(), NAME).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(version.version));
            assert_eq!(session.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
            is_answered(&running, config).await;
        }
    }
    assert_eq!(running.metric(TOTAL), Some(10.0));
}

/// A ClientHello of this version without the extension that names newer ones.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let suites = [0xc0, 0x13, 0xc0, 0x09, 0x00, 0x2f];
    // Curves, and signatures: without the latter a server may refuse for another reason.
    let extensions = [0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x17, 0x00, 0x0d, 0, 6, 0, 4, 0x04, 0x03, 0x02, 0x01];
    let mut hello = [&version[..], &[7; 32], &[0, 0, 6], &suites, &[1, 0], &[0, 18], &extensions].concat();
    let len = u8::try_from(hello.len()).unwrap();
    hello.splice(0..0, [1, 0, 0, len]);
    [&[0x16, 3, 1, 0, len + 4], &hello[..]].concat()
}

/// What the server says to these bytes until it closes.
async fn said(running: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(running.addresses.bind).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn older_versions_are_refused_and_the_next_client_is_served() {
    let running = Running::start(Options::default()).await;
    // fatal, protocol_version
    let alert = [2, 70];
    for (count, version) in [(1.0, [3, 2]), (2.0, [3, 1])] {
        let answer = said(&running, &hello(version)).await;
        assert_eq!((answer[0], &answer[5..]), (0x15, &alert[..]), "{answer:?}");
        running.until(REFUSED, count).await;
        is_answered(&running, config(running.ca.der(), "http/1.1", None)).await;
    }
    // The same hello as TLS 1.2 is read further: the alerts above are about the version.
    assert_ne!(said(&running, &hello([3, 3])).await.get(5..), Some(&alert[..]));
    let answer = said(&running, b"POST /validate HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    running.until("kubevirt_preflight_connections", 0.0).await;
    is_answered(&running, config(running.ca.der(), "h2", None)).await;
}

#[tokio::test]
async fn no_protocol_in_common_is_refused() {
    let running = Running::start(Options::default()).await;
    for (count, version) in [(1.0, &TLS12), (2.0, &TLS13)] {
        let config = plain(&running, &[version], &["spdy/3", "http/1.0"]);
        let error = connect(running.addresses.bind, config, NAME).await.unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
        running.until(REFUSED, count).await;
        is_answered(&running, plain(&running, &[version], &["http/1.1"])).await;
    }
}

#[tokio::test]
async fn the_client_judges_the_name() {
    let running = Running::start(Options::default()).await;
    for (count, version) in [(1.0, &TLS12), (3.0, &TLS13)] {
        // A wrong name, and an address, for which no name is sent.
        for (more, name) in [(0.0, "other.kubevirt.svc"), (1.0, "127.0.0.1")] {
            let config = plain(&running, &[version], &["http/1.1"]);
            let error = connect(running.addresses.bind, config, name).await.unwrap_err();
            assert!(error.to_string().contains("not valid for name"), "{error}");
            running.until(REFUSED, count + more).await;
        }
        let mut silent = plain(&running, &[version], &["http/1.1"]);
        silent.enable_sni = false;
        is_answered(&running, silent).await;
    }
    assert_eq!((running.metric(REFUSED), running.metric(TOTAL)), (Some(4.0), Some(2.0)));
}
