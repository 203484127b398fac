//! An API server of two objects, for what a real one does only at the worst moment: conflicts, refusals, failures. It knows
//! versions, watches by name and the one patch that is sent. The real one is in `make e2e`.

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use kube::Client;
use kubevirt_preflight::watch::client::Access;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// The names of everything here; the Service is the one of `server::NAME`.
pub const NAMESPACE: &str = "kubevirt";
pub const SERVICE: &str = "preflight";
pub const CONFIGURATION: &str = "preflight";
pub const SECRET: &str = "preflight-tls";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Configuration,
    Secret,
}
use Kind::{Configuration, Secret};

pub struct Api {
    state: Mutex<State>,
    pub address: SocketAddr,
    folder: TempDir,
}

#[derive(Default)]
pub struct State {
    version: u64,
    objects: BTreeMap<Kind, Value>,
    watchers: Vec<(Kind, mpsc::UnboundedSender<Bytes>)>,
    /// What is answered to this method on this object, in place of doing it.
    pub refused: BTreeMap<(&'static str, Kind), u16>,
    /// Writes that were done, and those that came too late.
    pub writes: u32,
    pub conflicts: u32,
}

fn list(kind: Kind) -> String {
    match kind {
        Configuration => "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations".to_owned(),
        Secret => format!("/api/v1/namespaces/{NAMESPACE}/secrets"),
    }
}

/// As the chart makes it, and as others have written to it.
pub fn configuration() -> Value {
    let entry = |name: &str, policy: &str| {
        json!({"name": name, "failurePolicy": policy, "sideEffects": "NoneOnDryRun", "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": NAMESPACE, "name": SERVICE, "path": "/validate", "port": 443}},
            "timeoutSeconds": 2, "unknownField": {"kept": true}})
    };
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "uid": "1", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "webhooks": [entry("network.kubevirt-preflight.io", "Fail"), entry("attachments.kubevirt-preflight.io", "Ignore")]})
}

/// As the chart makes it.
pub fn secret() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": SECRET, "namespace": NAMESPACE, "uid": "2", "annotations": {"helm.sh/resource-policy": "keep"}}})
}

impl Api {
    /// With both objects as the chart makes them.
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, folder) = (listener.local_addr().unwrap(), tempfile::tempdir().unwrap());
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x", "users": [{"name": "x", "user": {"token": "t"}}],
            "clusters": [{"name": "x", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]});
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        let api = Arc::new(Self { state: Mutex::default(), address, folder });
        api.put(Configuration, Some(configuration()));
        api.put(Secret, Some(secret()));
        let serving = Arc::clone(&api);
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let api = Arc::clone(&serving);
                let answer = service_fn(move |request| {
                    let api = Arc::clone(&api);
                    async move { Ok::<_, Infallible>(api.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        api
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub async fn client(&self) -> Client {
        Access { kubeconfig: Some(self.kubeconfig()), ..Access::default() }.client().await.unwrap()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn object(&self, kind: Kind) -> Option<Value> {
        self.state().objects.get(&kind).cloned()
    }

    /// As somebody else writes it, or deletes it.
    pub fn put(&self, kind: Kind, object: Option<Value>) {
        self.state().put(kind, object);
    }

    /// As somebody else changes it.
    pub fn edit(&self, kind: Kind, change: impl FnOnce(&mut Value)) {
        let mut object = self.object(kind).unwrap();
        change(&mut object);
        self.put(kind, Some(object));
    }

    /// The `caBundle` of each entry.
    pub fn bundles(&self) -> Vec<String> {
        let configuration = self.object(Configuration).unwrap();
        let entries = configuration["webhooks"].as_array().unwrap();
        entries.iter().map(|entry| text(&entry["clientConfig"]["caBundle"])).collect()
    }

    pub fn set_bundles(&self, bundle: &str) {
        self.edit(Configuration, |configuration| {
            for entry in configuration["webhooks"].as_array_mut().unwrap() {
                entry["clientConfig"]["caBundle"] = json!(ByteString(bundle.as_bytes().to_vec()));
            }
        });
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let kind = [Configuration, Secret].into_iter().find(|kind| head.uri.path().starts_with(&list(*kind)));
        let Some(kind) = kind else { return status(404) };
        let is_watch = head.uri.query().unwrap_or_default().contains("watch=true");
        let method = if is_watch {
            "WATCH"
        } else {
            ["GET", "PUT", "POST", "PATCH"].into_iter().find(|one| head.method == **one).unwrap()
        };
        let mut state = self.state();
        if let Some(code) = state.refused.get(&(method, kind)) {
            return status(*code);
        }
        let found = state.objects.get(&kind).cloned();
        let written = match (&head.method, found) {
            _ if is_watch => return state.watch(kind),
            (&Method::GET, Some(found)) => return json_of(200, &found),
            (&Method::PUT, Some(found))
                if body["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"] =>
            {
                body
            }
            (&Method::POST, None) => body,
            (&Method::PATCH, Some(found)) => match patched(found, &body) {
                Some(patched) => patched,
                None => return state.conflict(),
            },
            (&Method::GET | &Method::PUT | &Method::PATCH, None) => return status(404),
            _ => return state.conflict(),
        };
        state.writes += 1;
        state.put(kind, Some(written));
        json_of(200, &state.objects[&kind])
    }
}

impl State {
    fn put(&mut self, kind: Kind, object: Option<Value>) {
        self.version += 1;
        let old = self.objects.remove(&kind);
        let what = if object.is_none() { "DELETED" } else { "MODIFIED" };
        let Some(mut object) = object.or(old) else { return };
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let line = line(what, &object);
        self.watchers.retain(|(watched, sender)| *watched != kind || sender.send(line.clone()).is_ok());
        if what == "MODIFIED" {
            self.objects.insert(kind, object);
        }
    }

    fn watch(&mut self, kind: Kind) -> Response<Body> {
        let (sender, receiver) = mpsc::unbounded_channel();
        if let Some(object) = self.objects.get(&kind) {
            sender.send(line("ADDED", object)).unwrap();
        }
        self.watchers.push((kind, sender));
        let lines = stream::unfold(receiver, |mut receiver| async {
            let line = receiver.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(line)), receiver))
        });
        Response::new(StreamBody::new(lines).boxed_unsync())
    }

    fn conflict(&mut self) -> Response<Body> {
        self.conflicts += 1;
        status(409)
    }
}

/// What is between base64's ends, as text.
pub fn text(value: &Value) -> String {
    let bytes: Option<ByteString> = serde_json::from_value(value.clone()).unwrap();
    String::from_utf8(bytes.unwrap_or_default().0).unwrap()
}

fn line(what: &str, object: &Value) -> Bytes {
    format!("{}\n", json!({"type": what, "object": object})).into()
}

/// `None` if it is a patch of another version.
fn patched(mut object: Value, operations: &Value) -> Option<Value> {
    assert_eq!(operations[0]["path"], "/metadata/resourceVersion", "a patch of whatever is there");
    for operation in operations.as_array().unwrap() {
        let (path, value) = (operation["path"].as_str().unwrap(), &operation["value"]);
        if path == "/metadata/resourceVersion" {
            assert_eq!(operation["op"], "replace");
            (object["metadata"]["resourceVersion"] == *value).then_some(())?;
        } else {
            assert!(operation["op"] == "add" && path.ends_with("/clientConfig/caBundle"), "{operation}");
            object.pointer_mut(path.strip_suffix("/caBundle").unwrap()).unwrap()["caBundle"] = value.clone();
        }
    }
    Some(object)
}

fn json_of(code: u16, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string())).boxed_unsync();
    Response::builder().status(code).header("content-type", "application/json").body(body).unwrap()
}

/// As an API server refuses.
fn status(code: u16) -> Response<Body> {
    let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "message": format!("the test says {code}"), "reason": "Test"});
    json_of(code, &status)
}
