//! Self-managed certificates against an API server (a stand-in: `api`): replicas agree, mend what people break, and live
//! with refusals.

use crate::api::{Api, CONFIGURATION, Kind, NAMESPACE, SECRET, SERVICE, configuration, secret, text};
use crate::client::{config, config_of, connect};
use crate::pki::Ca;
use crate::server::{NAME, Options, Running};
use kubevirt_preflight::serve::certificates::clocks::Clocks;
use kubevirt_preflight::serve::certificates::cluster::{Own, SelfManaged};
use kubevirt_preflight::serve::certificates::pair::Cert;
use kubevirt_preflight::serve::certificates::trust;
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::serve::tls::{self, Client, Tls};
use rustls::pki_types::CertificateDer;
use rustls::version::TLS12;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(60);

/// A replica without its listener.
struct Replica {
    tls: watch::Receiver<Option<Arc<Tls>>>,
    metrics: Arc<Metrics>,
    task: JoinHandle<()>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn own() -> Own {
    Own::new(NAMESPACE, SERVICE, CONFIGURATION).unwrap()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl Replica {
    async fn start(api: &Api, clocks: Clocks) -> Self {
        let kept = SelfManaged { own: own(), secret: SECRET.to_owned(), clocks, clients: None };
        let (sender, tls) = watch::channel(None);
        let metrics = Arc::new(Metrics::default());
        let task = tokio::spawn(kept.keep(api.client().await, sender, Arc::clone(&metrics)));
        Self { tls, metrics, task }
    }

    fn chain(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.tls.borrow().as_ref().map(|tls| tls.chain.clone())
    }

    /// Why an API server that knows these bundles would refuse what is shown.
    fn fault(&self, bundles: &[String]) -> Option<String> {
        let Some(chain) = self.chain() else { return Some("nothing is shown".to_owned()) };
        bundles.iter().find_map(|bundle| trust::chain_fault(&chain, &cas(bundle), own().names(), now()))
    }

    fn metric(&self, series: &str) -> Option<f64> {
        let text = self.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }
}

fn cas(bundle: &str) -> Vec<Cert> {
    Cert::parse_all(bundle).into_iter().map(Result::unwrap).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const TRUSTED: &str = "kubevirt_preflight_certificate_trusted";

fn failures(step: &str) -> String {
    format!(r#"kubevirt_preflight_certificate_failures_total{{step="{step}"}}"#)
}

/// All show a leaf that is trusted, and say so.
async fn until_trusted(api: &Api, replicas: &[Replica]) {
    until("not all replicas are trusted", || {
        let bundles = api.bundles();
        replicas.iter().all(|one| one.fault(&bundles).is_none() && one.metric(TRUSTED) == Some(1.0))
    })
    .await;
}

/// Everything but what is ours to write.
fn others(mut object: Value) -> Value {
    object["metadata"]["resourceVersion"] = Value::Null;
    for entry in object["webhooks"].as_array_mut().unwrap() {
        entry["clientConfig"]["caBundle"] = Value::Null;
    }
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_at_once_agree_on_one_ca() {
    let api = Api::start().await;
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(Replica::start(&api, Clocks::default()).await);
    }
    until_trusted(&api, &replicas).await;
    let bundles = api.bundles();
    assert_eq!((bundles.len(), cas(&bundles[0]).len(), &bundles[0]), (2, 1, &bundles[1]));
    let chains: Vec<_> = replicas.iter().map(Replica::chain).collect();
    assert!(chains.iter().all(|chain| *chain == chains[0]), "they show the leaf of the one Secret");
    // Made, published, and noted when: whoever came late found nothing to do.
    until("it is not noted when the CA was published", || api.state().writes >= 3).await;
    assert_eq!(api.state().writes, 3);
    let found = api.object(Kind::Configuration).unwrap();
    assert_eq!(others(found), others(configuration()));
    let kept = api.object(Kind::Secret).unwrap();
    assert_eq!(
        (&kept["metadata"]["annotations"], &kept["type"]),
        (&secret()["metadata"]["annotations"], &json!("Opaque"))
    );
    let keys: Vec<_> = kept["data"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["ca.crt", "ca.key", "ca.published", "tls.crt", "tls.key"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_break_comes_back_at_once() {
    let api = Api::start().await;
    let replicas = [Replica::start(&api, Clocks::default()).await, Replica::start(&api, Clocks::default()).await];
    until_trusted(&api, &replicas).await;
    let bundle = api.bundles()[0].clone();
    let begun = Instant::now();
    for broken in ["", "no PEM"] {
        api.set_bundles(broken);
        until("the bundle does not come back", || api.bundles().iter().all(|one| *one == bundle)).await;
    }
    let foreign = Ca::new("foreign").pem();
    api.set_bundles(&(bundle.clone() + &foreign));
    until("a foreign CA stays", || api.bundles().iter().all(|one| *one == bundle)).await;
    // Damaged: the CA is still there, and signs another leaf.
    let key = |api: &Api| api.object(Kind::Secret).map(|secret| text(&secret["data"]["tls.key"])).unwrap();
    let old = key(&api);
    api.edit(Kind::Secret, |secret| secret["data"]["tls.key"] = json!("bm8gUEVN"));
    until("the leaf does not come back", || key(&api).contains("PRIVATE KEY") && key(&api) != old).await;
    until_trusted(&api, &replicas).await;
    assert_eq!(api.bundles()[0], bundle);
    // Gone: there is another CA, beside the one that replicas are trusted by.
    let chain = replicas[0].chain();
    api.put(Kind::Secret, None);
    until("the Secret does not come back", || {
        api.object(Kind::Secret).is_some_and(|one| !one["data"]["ca.key"].is_null())
    })
    .await;
    until("the new CA is not published", || cas(&api.bundles()[0]).len() == 2).await;
    until_trusted(&api, &replicas).await;
    assert_eq!(replicas[0].chain(), chain, "API servers may not know the new CA yet");
    assert!(begun.elapsed() < Duration::from_secs(120), "changes are seen, not only looked for every 5 minutes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_api_server_refuses_is_tried_again() {
    let api = Api::start().await;
    let (read, write) = (("GET", Kind::Secret), ("PUT", Kind::Secret));
    api.state().refused = [(("GET", Kind::Configuration), 500), (("WATCH", Kind::Secret), 403)].into();
    let replica = Replica::start(&api, Clocks::default()).await;
    let failed = |step: &str| replica.metric(&failures(step)).is_some_and(|count| count >= 1.0);
    until("a failure is not counted", || failed("read")).await;
    api.state().refused = [(read, 403)].into();
    let before = replica.metric(&failures("read"));
    until("a failure is not counted", || replica.metric(&failures("read")) > before).await;
    api.state().refused = [(write, 500)].into();
    until("a failure is not counted", || failed("write")).await;
    assert_eq!(api.bundles(), ["", ""], "nothing is published that is not kept");
    api.state().refused = [(("PATCH", Kind::Configuration), 403)].into();
    until("a failure is not counted", || failed("publish")).await;
    assert_eq!(replica.chain(), None, "nothing is shown that is not published");
    api.state().refused.clear();
    until_trusted(&api, &[replica]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_may_not_be_made_is_waited_for_and_the_leaf_stays() {
    let api = Api::start().await;
    let replicas = [Replica::start(&api, Clocks::default()).await];
    until_trusted(&api, &replicas).await;
    let (chain, bundle) = (replicas[0].chain(), api.bundles());
    api.state().refused = [(("POST", Kind::Secret), 403)].into();
    api.put(Kind::Secret, None);
    until("a failure is not counted", || replicas[0].metric(&failures("write")).is_some()).await;
    assert_eq!((replicas[0].chain(), api.bundles()), (chain.clone(), bundle.clone()));
    // Whatever cannot be done: whether the leaf is trusted is told.
    for (bundles, trusted) in [(&Ca::new("foreign").pem(), 0.0), (&bundle[0], 1.0)] {
        api.set_bundles(bundles);
        until("it is not told whether the leaf is trusted", || replicas[0].metric(TRUSTED) == Some(trusted)).await;
    }
    // Somebody makes it, empty, as the log says.
    api.put(Kind::Secret, Some(secret()));
    until("the new CA is not published", || cas(&api.bundles()[0]).len() == 2).await;
    until_trusted(&api, &replicas).await;
    assert_eq!(replicas[0].chain(), chain);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_configuration_nothing_is_made() {
    let api = Api::start().await;
    api.put(Kind::Configuration, None);
    let replicas = [Replica::start(&api, Clocks::default()).await];
    until("a failure is not counted", || replicas[0].metric(&failures("read")).is_some()).await;
    assert_eq!((replicas[0].chain(), api.state().writes), (None, 0));
    // helm makes it last.
    api.put(Kind::Configuration, Some(configuration()));
    until_trusted(&api, &replicas).await;
    let chain = replicas[0].chain();
    api.put(Kind::Configuration, None);
    until("nobody calls, and it is not told", || replicas[0].metric(TRUSTED) == Some(0.0)).await;
    assert_eq!(replicas[0].chain(), chain);
}

/// Both clocks run out several times: a leaf after 8 s, the CA after 20 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_rotation_with_short_clocks_and_no_leaf_is_refused() {
    let seconds = Duration::from_secs;
    let clocks = Clocks::of(seconds(30), seconds(12), seconds(2)).unwrap();
    let api = Api::start().await;
    let replicas = [Replica::start(&api, clocks).await, Replica::start(&api, clocks).await];
    until_trusted(&api, &replicas).await;
    let first = cas(&api.bundles()[0]).remove(0);
    let (mut leaves, mut both) = (Vec::new(), false);
    until("the first CA still signs", || {
        let bundles = api.bundles();
        for replica in &replicas {
            assert_eq!(replica.fault(&bundles), None, "{leaves:?}");
            let chain = replica.chain().unwrap();
            if !leaves.contains(&chain) {
                leaves.push(chain);
            }
        }
        let known = cas(&bundles[0]);
        both |= known.len() == 2 && known[0] == first;
        let alone = |replica: &Replica| replica.fault(&[first.pem().to_owned()]).is_some();
        known[0] != first && replicas.iter().all(alone)
    })
    .await;
    assert!(both, "the next CA was published beside the first");
    assert!((3..=6).contains(&leaves.len()), "{leaves:?}");
    until("the first CA is still published", || !cas(&api.bundles()[0]).contains(&first)).await;
    until_trusted(&api, &replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_clients_of_the_ca_may_call_and_the_ca_may_change() {
    let api = Api::start().await;
    let running = Running::start(Options::default()).await;
    let (old, new) = (Ca::new("clients"), Ca::new("clients"));
    let ca = running.folder.path().join("client-ca.crt");
    std::fs::write(&ca, old.pem()).unwrap();
    let client = Client { ca: ca.clone(), names: Vec::new() };
    let (sender, clients) = watch::channel(client.verifier().unwrap().0);
    tokio::spawn(tls::follow_clients(client, sender, Duration::from_millis(50), Arc::default()));
    let kept = SelfManaged { own: own(), secret: SECRET.to_owned(), clocks: Clocks::default(), clients: Some(clients) };
    tokio::spawn(kept.keep(api.client().await, running.tls.clone(), Arc::clone(&running.metrics)));
    until("it is not trusted", || running.metric(TRUSTED) == Some(1.0)).await;
    let server = cas(&api.bundles()[0]).remove(0).der().clone();
    // In TLS 1.2 the client hears of a refusal in the handshake.
    let as_one_of = |ca: &Ca| config_of(&[&TLS12], server.clone(), &["http/1.1"], Some(&ca.client("kube-apiserver")));
    let address = running.addresses.bind;
    connect(address, as_one_of(&old), NAME).await.unwrap();
    assert!(connect(address, as_one_of(&new), NAME).await.is_err());
    assert!(connect(address, config(server.clone(), "http/1.1", None), "another.kubevirt.svc").await.is_err());
    std::fs::write(ca.with_extension("new"), new.pem()).unwrap();
    std::fs::rename(ca.with_extension("new"), &ca).unwrap();
    let begun = Instant::now();
    while connect(address, as_one_of(&new), NAME).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the new CA of clients is not used");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(connect(address, as_one_of(&old), NAME).await.is_err());
    assert_eq!(text(&api.object(Kind::Secret).unwrap()["data"]["ca.crt"]), api.bundles()[0]);
}
