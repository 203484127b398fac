//! Certificates that change while the server runs.

use crate::bodies::{nad, review as body};
use crate::client::{Sender, config, connect};
use crate::pki::{Ca, Pair};
use crate::process::{Folder, Process};
use crate::server::{NAME, Options, Running};
use crate::volume::Volume;
use kubevirt_preflight::serve::tls::Files;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const GOOD: &str = r#"kubevirt_preflight_reloads_total{what="certificate",result="ok"}"#;
const BAD: &str = r#"kubevirt_preflight_reloads_total{what="certificate",result="error"}"#;
const ERRORS: &str = "certwatcher_read_certificate_errors_total";
const CONNECTIONS: u16 = 64;

/// The leaf that a new connection is shown.
async fn shown(address: SocketAddr, ca: &Ca) -> CertificateDer<'static> {
    let stream = connect(address, config(ca.der(), "http/1.1", None), NAME).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// A server that follows a volume with this pair.
async fn start(options: Options, volume: &Volume) -> Running {
    let mut running = Running::start(options).await;
    let path = |name| volume.file(name);
    running.files = Files { cert: path("tls.crt"), key: path("tls.key"), client: None };
    running.follow();
    running.until(GOOD, 1.0).await;
    running
}

/// How often each client was answered; any failure ends the test.
struct Clients {
    answers: Vec<AtomicUsize>,
    stop: AtomicBool,
}

impl Clients {
    async fn until_each_has(&self, more: usize) {
        let before: Vec<_> = self.answers.iter().map(|count| count.load(SeqCst)).collect();
        let end = Instant::now() + Duration::from_secs(30);
        while self.answers.iter().zip(&before).any(|(now, before)| now.load(SeqCst) < before + more) {
            assert!(Instant::now() < end, "a client waits for its answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn send(self: Arc<Self>, number: usize, mut sender: Sender) {
        while !self.stop.load(SeqCst) {
            let answer = sender.post(body("CREATE", nad("192.168.150.0/24"), Value::Null)).await;
            let answer = answer.unwrap_or_else(|error| panic!("client {number}: {error}"));
            assert_eq!(answer.body["response"]["allowed"], json!(true), "client {number}: {answer:?}");
            self.answers[number].fetch_add(1, SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_volume_is_swapped() {
    let ca = Ca::new("volume CA");
    let volume = Volume::of(&ca.server(NAME));
    let running = start(Options::default(), &volume).await;
    let answers = (0..CONNECTIONS).map(|_| AtomicUsize::new(0)).collect();
    let clients = Arc::new(Clients { answers, stop: AtomicBool::new(false) });
    let mut tasks = Vec::new();
    for number in 0..usize::from(CONNECTIONS) {
        let protocol = if number % 4 == 0 { "h2" } else { "http/1.1" };
        let stream = connect(running.addresses.bind, config(ca.der(), protocol, None), NAME).await.unwrap();
        tasks.push(tokio::spawn(Arc::clone(&clients).send(number, Sender::over(stream).await)));
    }
    for round in 1..=4 {
        clients.until_each_has(2).await;
        let pair = ca.server(NAME);
        volume.swap(&Volume::files(&pair));
        let end = Instant::now() + Duration::from_secs(20);
        // Whichever of the two it is, the handshake works.
        while shown(running.addresses.bind, &ca).await != pair.der() {
            assert!(Instant::now() < end, "round {round}: the new certificate is not shown");
        }
        clients.until_each_has(2).await;
        running.until(GOOD, f64::from(1 + round)).await;
    }
    // Those that only shook hands are gone; all that sent are still there.
    running.until("kubevirt_preflight_connections", f64::from(CONNECTIONS)).await;
    clients.stop.store(true, SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(running.metric(BAD), None);
    assert_eq!(running.metric(ERRORS), Some(0.0));
}

fn cut(text: &str) -> String {
    text[..text.len() / 2].to_owned()
}

#[tokio::test]
async fn a_bad_pair_leaves_the_old_one_in_use() {
    let ca = Ca::new("volume CA");
    let (old, new, other) = (ca.server(NAME), ca.server(NAME), ca.server(NAME));
    let volume = Volume::of(&old);
    let running = start(Options::default(), &volume).await;
    let bad = [
        ("truncated certificate", Some(cut(&new.cert)), Some(new.key.clone())),
        ("truncated key", Some(new.cert.clone()), Some(cut(&new.key))),
        ("key of another certificate", Some(new.cert.clone()), Some(other.key.clone())),
        ("the new key with the old certificate", Some(old.cert.clone()), Some(new.key.clone())),
        ("empty certificate", Some(String::new()), Some(new.key.clone())),
        ("empty key", Some(new.cert.clone()), Some(String::new())),
        ("no certificate", None, Some(new.key.clone())),
        ("no key", Some(new.cert.clone()), None),
        ("nothing", None, None),
    ];
    for (count, (what, cert, key)) in bad.iter().enumerate() {
        let count = f64::from(u32::try_from(count).unwrap()) + 1.0;
        let files = [("tls.crt", cert.as_deref()), ("tls.key", key.as_deref())];
        let files: Vec<_> = files.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
        volume.swap(&files);
        running.until(BAD, count).await;
        assert_eq!(shown(running.addresses.bind, &ca).await, old.der(), "{what}");
    }
    // What is still bad is not told again: the files are looked at every 50 ms.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((running.metric(BAD), running.metric(ERRORS)), (Some(9.0), Some(9.0)));
    // The old pair is good again, and then there is a new one.
    for (count, pair) in [(2.0, &old), (3.0, &new)] {
        volume.swap(&Volume::files(pair));
        running.until(GOOD, count).await;
        assert_eq!(shown(running.addresses.bind, &ca).await, pair.der());
    }
    assert_eq!((running.metric(BAD), running.metric(ERRORS)), (Some(9.0), Some(9.0)));
    assert_eq!(running.metric("certwatcher_read_certificate_total"), Some(12.0));
}

fn until_year(year: i32) -> CertificateParams {
    let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 1, 1);
    params
}

fn leaf(ca: &Ca, year: i32) -> Pair {
    ca.pair(until_year(year), NAME, ExtendedKeyUsagePurpose::ServerAuth)
}

#[tokio::test]
#[allow(clippy::cast_precision_loss)]
async fn the_expiry_of_leaf_and_ca_is_a_metric() {
    let at = |year| Some(date_time_ymd(year, 1, 1).unix_timestamp() as f64);
    let (ca, renewed) = (Ca::of(until_year(2040), "CA"), Ca::of(until_year(2050), "CA"));
    let (first, second) = (leaf(&ca, 2031), leaf(&renewed, 2032));
    let (both, chain) = (ca.pem() + &renewed.pem(), first.cert.clone() + &ca.pem());
    let volume = Volume::of(&first);
    let running = start(Options::default(), &volume).await;
    let expiry = |which: &str| {
        running.metric(&format!(r#"kubevirt_preflight_certificate_expiry_timestamp_seconds{{certificate="{which}"}}"#))
    };
    assert_eq!((expiry("leaf"), expiry("ca")), (at(2031), None));
    let [old, new] = [&first, &second].map(Volume::files);
    let chained = [("tls.crt", chain.as_str()), old[1]];
    let cases: [(&[_], _, _); 6] = [
        (&chained, 2031, at(2040)),
        // Of a bundle it is the one that signed the leaf.
        (&[new[0], new[1], ("ca.crt", &both)], 2032, at(2050)),
        (&[old[0], old[1], ("ca.crt", &both)], 2031, at(2040)),
        (&[chained[0], chained[1], ("ca.crt", "no CA")], 2031, at(2040)),
        // One that signed nothing here is still what the volume says.
        (&[new[0], new[1], ("ca.crt", &ca.pem())], 2032, at(2040)),
        (&new, 2032, None),
    ];
    for (count, (files, leaf, ca)) in (2..).zip(cases) {
        volume.swap(files);
        running.until(GOOD, f64::from(count)).await;
        assert_eq!((expiry("leaf"), expiry("ca")), (at(leaf), ca), "{count}");
    }
}

/// The program with the certificate of a volume.
fn on(volume: &Volume) -> Process {
    let [cert, key] = ["tls.crt", "tls.key"].map(|name| volume.file(name).to_str().unwrap().to_owned());
    Folder::new().start(&["--tls-cert", &cert, "--tls-key", &key], &[])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_follows_its_volume() {
    let ca = Ca::new("volume CA");
    let (old, new) = (ca.server(NAME), ca.server(NAME));
    let volume = Volume::of(&old);
    let mut process = on(&volume);
    assert_eq!(process.get("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(shown(process.bind, &ca).await, old.der());
    let stream = connect(process.bind, config(ca.der(), "http/1.1", None), NAME).await.unwrap();
    let mut sender = Sender::over(stream).await;
    volume.swap(&[("tls.crt", &new.cert), ("tls.key", &cut(&new.key))]);
    let line = process.event("not reloaded; the old one stays in use");
    let told = (line["level"].as_str(), line["what"].as_str());
    assert_eq!(told, (Some("ERROR"), Some("certificate")), "{line}");
    let why = format!("--tls-key {} is cut off", volume.file("tls.key").display());
    assert!(line["why"].as_str().unwrap().starts_with(&why), "{line}");
    let secret = new.key.lines().nth(1).unwrap();
    assert!(!line.to_string().contains(&secret[..8]), "{line}");
    let (_, metrics) = process.get("/metrics").await;
    assert!(metrics.contains(&format!("{BAD} 1\n")) && metrics.contains(&format!("{ERRORS} 1\n")), "{metrics}");
    assert_eq!(process.get("/readyz").await.0, 200);
    assert_eq!(shown(process.bind, &ca).await, old.der());
    volume.swap(&Volume::files(&new));
    assert_eq!(process.event("reloaded")["level"], "INFO");
    assert_eq!(shown(process.bind, &ca).await, new.der());
    let answer = sender.post(body("CREATE", nad("10.244.7.0/24"), Value::Null)).await.unwrap();
    assert_eq!(answer.body["response"]["uid"], json!("705ab4f5-6393-11e8-b7cc-42010a800002"), "{answer:?}");
    drop(sender);
    assert_eq!(process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_out_of_its_time_is_live_and_not_ready() {
    let ca = Ca::new("volume CA");
    let mut early = until_year(2999);
    early.not_before = date_time_ymd(2998, 1, 1);
    let mut late = until_year(2021);
    late.not_before = date_time_ymd(2020, 1, 1);
    for (params, why) in [(early, "valid only from 2998-01-01"), (late, "has expired at 2021-01-01")] {
        let volume = Volume::of(&ca.pair(params, NAME, ExtendedKeyUsagePurpose::ServerAuth));
        let process = on(&volume);
        assert_eq!(process.get("/livez").await.0, 200);
        let (status, body) = process.get("/readyz").await;
        assert_eq!(status, 503);
        assert!(body.starts_with("The certificate ") && body.contains(why), "{body}");
        let good = ca.server(NAME);
        volume.swap(&Volume::files(&good));
        process.event("reloaded");
        assert_eq!(process.get("/readyz").await, (200, "ok\n".to_owned()));
        assert_eq!(shown(process.bind, &ca).await, good.der());
    }
}

#[test]
fn a_volume_that_was_swapped_is_read_as_one() {
    let ca = Ca::new("volume CA");
    let pairs = [ca.server(NAME), ca.server(NAME)];
    let volume = Volume::of(&pairs[0]);
    let files = Files { cert: volume.file("tls.crt"), key: volume.file("tls.key"), client: None };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(SeqCst) {
                files.load().unwrap_or_else(|errors| panic!("{errors:?}"));
            }
        });
        for pair in pairs.iter().cycle().take(100) {
            // The old directory stays, so that no reading fails for a file that is gone.
            let name = tempfile::tempdir_in(volume.path()).unwrap().keep();
            pair.write(&name);
            std::os::unix::fs::symlink(&name, volume.file("..data_tmp")).unwrap();
            fs::rename(volume.file("..data_tmp"), volume.file("..data")).unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
        done.store(true, SeqCst);
    });
}
