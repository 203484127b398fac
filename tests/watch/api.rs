//! The stand-in: discovery, lists, watches, objects and writes, each as the test says.

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode};
use axum::{Router, body};
use kube::{Client, Config};
use kubevirt_preflight::serve::metrics::Metrics;
use kubevirt_preflight::watch::follow::Cluster;
use kubevirt_preflight::watch::kept::Kept;
use kubevirt_preflight::watch::pace::Pace;
use kubevirt_preflight::watch::resource::JUDGED;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::broadcast;
use tower::ServiceExt;

pub const KUBEVIRTS: &str = "/apis/kubevirt.io/v1/kubevirts";
pub const HCOS: &str = "/apis/hco.kubevirt.io/v1beta1/hyperconvergeds";
pub const NADS: &str = "/apis/k8s.cni.cncf.io/v1/network-attachment-definitions";

/// What a list answers.
#[derive(Clone, Debug)]
pub enum Says {
    /// These objects, at this version.
    Objects(u64, Vec<Value>),
    /// An error, for example 403; discovery has it.
    Fails(u16),
    /// Discovery does not have it.
    Absent,
    /// Discovery itself fails, as for an aggregated API whose server is down.
    Away,
    /// Nothing, ever.
    Silent,
}

/// What a stand-in does.
#[derive(Default)]
pub struct Script {
    pub lists: BTreeMap<String, Says>,
    /// The status of watches, where they fail.
    pub watches: Option<u16>,
    /// How often each path was watched.
    pub watched: BTreeMap<String, usize>,
    /// How often each path was listed.
    pub listed: BTreeMap<String, usize>,
    /// What was written: path and body.
    pub written: Vec<(String, Value)>,
    /// The status of writes, where they fail.
    pub writes: Option<u16>,
    lines: BTreeMap<String, broadcast::Sender<Sent>>,
}

/// What comes on a watch.
#[derive(Clone, Debug)]
enum Sent {
    Line(String),
    /// The end, in order.
    End,
    /// The connection is lost.
    Lost,
}

/// A stand-in API server.
#[derive(Clone)]
pub struct Api {
    script: Arc<Mutex<Script>>,
    pub client: Client,
}

impl Api {
    /// One that has nothing but these lists; the other judged kinds are empty.
    pub async fn with(lists: &[(&str, Says)]) -> Self {
        let mut script = Script::default();
        for path in [KUBEVIRTS, HCOS, NADS] {
            script.lists.insert(path.to_owned(), Says::Objects(1, Vec::new()));
        }
        script.lists.extend(lists.iter().map(|(path, says)| ((*path).to_owned(), says.clone())));
        let script = Arc::new(Mutex::new(script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(serve(listener, router));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = Config::new(format!("http://{address}").parse().unwrap());
        config.default_retry = false;
        Self { script, client: Client::try_from(config).unwrap() }
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// From now on the list says this; watches are not told.
    pub fn says(&self, path: &str, says: Says) {
        self.script().lists.insert(path.to_owned(), says);
    }

    /// Sends a line to the watches of the list, once there is one.
    pub async fn line(&self, path: &str, line: Value) {
        self.send(path, Sent::Line(line.to_string())).await;
    }

    /// Ends its watches, as the API server does after the time that was asked for.
    pub async fn cut(&self, path: &str) {
        self.send(path, Sent::End).await;
    }

    /// Loses the connections of its watches.
    pub async fn lose(&self, path: &str) {
        self.send(path, Sent::Lost).await;
    }

    async fn send(&self, path: &str, line: Sent) {
        let sent = || self.script().lines.get(path).is_some_and(|lines| lines.send(line.clone()).is_ok());
        until("a watch", sent).await;
    }

    /// Waits until the list has been watched so often.
    pub async fn watched(&self, path: &str, times: usize) {
        until("a watch", || self.script().watched.get(path).is_some_and(|watched| *watched >= times)).await;
    }

    pub fn listed(&self, path: &str) -> usize {
        self.script().listed.get(path).copied().unwrap_or_default()
    }
}

/// axum's own `serve` is not among its features here.
async fn serve(listener: tokio::net::TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            router.clone().oneshot(request.map(Body::new))
        });
        let io = hyper_util::rt::TokioIo::new(stream);
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
    }
}

fn json_of(status: u16, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn failure(code: u16) -> Response<Body> {
    json_of(code, &json!({"kind": "Status", "code": code, "message": format!("the script says {code}")}))
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request<Body>) -> Response<Body> {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    if request.method() == Method::PATCH {
        let body = body::to_bytes(request.into_body(), 1 << 22).await.unwrap();
        let mut script = script.lock().unwrap();
        if let Some(code) = script.writes {
            return failure(code);
        }
        script.written.push((path, serde_json::from_slice(&body).unwrap()));
        return json_of(200, &json!({}));
    }
    let said = script.lock().unwrap().lists.get(&path).cloned();
    match said {
        None => discovery_or_object(&script.lock().unwrap(), &path),
        Some(Says::Absent | Says::Away) => failure(404),
        Some(Says::Fails(code)) => failure(code),
        Some(Says::Silent) => std::future::pending().await,
        Some(Says::Objects(..)) if query.contains("watch=true") => watch(&mut script.lock().unwrap(), &path),
        Some(Says::Objects(version, items)) => {
            *script.lock().unwrap().listed.entry(path).or_default() += 1;
            json_of(200, &json!({"metadata": {"resourceVersion": version.to_string()}, "items": items}))
        }
    }
}

fn discovery_or_object(script: &Script, path: &str) -> Response<Body> {
    let below: Vec<_> = script.lists.iter().filter(|(list, _)| list.starts_with(&format!("{path}/"))).collect();
    if below.iter().any(|(_, says)| matches!(says, Says::Away)) {
        return failure(503);
    }
    let served = below.iter().filter(|(_, says)| !matches!(says, Says::Absent));
    let names: Vec<_> = served.map(|(list, _)| json!({"name": list.rsplit('/').next()})).collect();
    if !names.is_empty() {
        return json_of(200, &json!({"resources": names}));
    }
    let is_it = |item: &&Value| {
        let text = |key: &str| item["metadata"][key].as_str().unwrap_or_default().to_owned();
        path.ends_with(&format!("/{}", text("name"))) && path.contains(&format!("/namespaces/{}/", text("namespace")))
    };
    let mut all =
        script.lists.values().filter_map(|says| if let Says::Objects(_, items) = says { Some(items) } else { None });
    match all.find_map(|items| items.iter().find(is_it)) {
        Some(item) if !path.contains("/events/") => json_of(200, item),
        _ => failure(404),
    }
}

fn watch(script: &mut Script, path: &str) -> Response<Body> {
    if let Some(code) = script.watches {
        return failure(code);
    }
    *script.watched.entry(path.to_owned()).or_default() += 1;
    let lines = script.lines.entry(path.to_owned()).or_insert_with(|| broadcast::channel(64).0).subscribe();
    let stream = futures_util::stream::unfold(lines, |mut lines| async {
        let sent = match lines.recv().await.ok()? {
            Sent::Line(line) => Ok(format!("{line}\n")),
            Sent::End => return None,
            Sent::Lost => Err(std::io::Error::other("lost")),
        };
        Some((sent, lines))
    });
    Response::new(Body::from_stream(stream))
}

/// Times that a test can wait for.
pub fn quick() -> Pace {
    let [first, longest, probe, debounce] = [10, 50, 20, 10].map(Duration::from_millis);
    Pace { pauses: [first, longest], probe, debounce, courtesy: Duration::from_millis(100), ..Pace::default() }
}

/// A cluster that is followed.
pub struct Followed {
    pub api: Api,
    pub cluster: Arc<Cluster>,
    pub metrics: Arc<Metrics>,
}

impl Followed {
    pub async fn at(pace: Pace, lists: &[(&str, Says)]) -> Self {
        let (api, metrics) = (Api::with(lists).await, Arc::new(Metrics::default()));
        let cluster = Cluster::new(api.client.clone(), JUDGED.to_vec(), Arc::clone(&metrics)).at_pace(pace);
        let cluster = Arc::new(cluster);
        cluster.follow();
        Self { api, cluster, metrics }
    }

    pub async fn with(lists: &[(&str, Says)]) -> Self {
        Self::at(quick(), lists).await
    }

    /// Waits until /metrics has the source in this state, and in no other.
    pub async fn state(&self, source: &str, state: &str) {
        let line =
            |word: &str, value| format!(r#"kubevirt_preflight_source{{source="{source}",state="{word}"}} {value}"#);
        until(&line(state, 1), || {
            let text = self.metrics.text();
            let ones = text.lines().filter(|one| one.contains(&format!(r#"source="{source}""#)) && one.ends_with(" 1"));
            text.contains(&line(state, 1)) && ones.count() == 1
        })
        .await;
    }

    /// Waits until what is kept is as asked for.
    pub async fn kept(&self, what: &str, is: impl Fn(&Kept) -> bool) {
        until(what, || is(&self.cluster.kept())).await;
    }

    /// Waits until these NADs are kept, and no other.
    pub async fn nads(&self, names: &[&str]) {
        self.kept(&format!("{names:?}"), |kept| nads(kept) == names).await;
    }
}

pub fn nads(kept: &Kept) -> Vec<String> {
    let nads = kept
        .objects()
        .map(kubevirt_preflight::objects::Object::reference)
        .filter(|one| one.kind == "NetworkAttachmentDefinition");
    nads.map(|object| object.name.clone()).collect()
}

/// Waits for a condition.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}");
}

pub fn nad(name: &str, version: u64) -> Value {
    let meta = json!({"name": name, "namespace": "kubevirt", "uid": format!("uid-{name}"), "resourceVersion": version.to_string()});
    json!({"metadata": meta, "spec": {"config": "{\"cniVersion\":\"0.3.1\",\"type\":\"macvlan\",\"master\":\"eth1\"}"}})
}

pub fn kubevirt(network: &str) -> Value {
    json!({"metadata": {"name": "kubevirt", "namespace": "kubevirt", "uid": "uid-kubevirt", "resourceVersion": "1"},
        "spec": {"configuration": {"migrations": {"network": network}}}})
}
