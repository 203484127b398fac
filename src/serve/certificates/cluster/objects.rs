//! The two objects: read from the API server, never from a cache, and written as they were read but for what is ours.

use super::Own;
use super::trouble::Trouble;
use crate::serve::certificates::held::Data;
use crate::watch::client::Failure;
use crate::watch::named::Named;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{ValidatingWebhook, ValidatingWebhookConfiguration};
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// For an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Who writes, in `managedFields`.
const MANAGER: &str = "fieldManager=kubevirt-preflight";
const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// The way to both.
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) own: Own,
}

/// Our webhook configuration.
pub(super) struct Configuration {
    version: String,
    pub(super) entries: Vec<Entry>,
}

/// One of its entries.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Whether it calls our Service.
    pub(super) is_ours: bool,
    /// Out of base64.
    pub(super) bundle: Vec<u8>,
}

/// The Secret as it was read.
pub(super) struct Secret(v1::Secret);

impl Secret {
    /// Of a Secret without one: empty.
    pub(super) fn data(&self) -> Data {
        self.0.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect()
    }
}

impl Api {
    /// An error if it does not exist, or has no entries: then nobody calls.
    pub(super) async fn configuration(&self) -> Result<Configuration, Trouble> {
        let name = format!("ValidatingWebhookConfiguration {}", self.own.configuration);
        let failed = |what: String| Trouble::Failed { step: "read", what: format!("{name} {what}") };
        let request = request(Method::GET, &format!("{CONFIGURATIONS}/{}", self.own.configuration), None);
        let text = self.send(request).await.map_err(|refusal| match refusal {
            Refusal::Failure(Failure::NotFound) => Trouble::Uncalled(format!(
                "{name} does not exist: nothing is judged until it is there, for example by helm upgrade"
            )),
            refusal => failed(format!("cannot be read: {refusal}")),
        })?;
        let read: ValidatingWebhookConfiguration =
            serde_json::from_str(&text).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let entries: Vec<_> = read.webhooks.into_iter().flatten().map(|webhook| self.entry(webhook)).collect();
        if entries.is_empty() {
            return Err(Trouble::Uncalled(format!("{name} has no webhooks: nothing is judged until it has")));
        }
        Ok(Configuration { version: read.metadata.resource_version.unwrap_or_default(), entries })
    }

    fn entry(&self, ValidatingWebhook { name, client_config, .. }: ValidatingWebhook) -> Entry {
        let Own { namespace, service, .. } = &self.own;
        let called = client_config.service;
        let is_ours = called.is_some_and(|called| called.name == *service && called.namespace == *namespace);
        Entry { name, is_ours, bundle: client_config.ca_bundle.unwrap_or_default().0 }
    }

    /// Writes the bundle into every entry, and nothing else, if the configuration is still as it was read.
    pub(super) async fn publish(&self, read: &Configuration, bundle: &str) -> Result<(), Trouble> {
        let bundle = ByteString(bundle.as_bytes().to_vec());
        // The API server compares the version with that of the object, and answers with a conflict.
        let version = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": read.version});
        let entries = (0..read.entries.len())
            .map(|at| json!({"op": "add", "path": format!("/webhooks/{at}/clientConfig/caBundle"), "value": bundle}));
        let operations: Vec<Value> = [version].into_iter().chain(entries).collect();
        let path = format!("{CONFIGURATIONS}/{}?{MANAGER}", self.own.configuration);
        let request = request(Method::PATCH, &path, Some(("application/json-patch+json", body(&operations))));
        let what =
            format!("the CA bundle cannot be put into ValidatingWebhookConfiguration {}", self.own.configuration);
        self.send(request).await.map(drop).map_err(|refusal| refusal.trouble("publish", &what))
    }

    /// `None` if there is none.
    pub(super) async fn secret(&self, name: &str) -> Result<Option<Secret>, Trouble> {
        let what = format!("Secret {}/{name} cannot be read", self.own.namespace);
        match self.send(request(Method::GET, &format!("{}/{name}", self.secrets()), None)).await {
            // What is wrong with it is not told by the parser's words, which could be a part of a key.
            Ok(text) => serde_json::from_str(&text)
                .map(|secret| Some(Secret(secret)))
                .map_err(|_| Trouble::Failed { step: "read", what: format!("{what}: the answer is no Secret") }),
            Err(Refusal::Failure(Failure::NotFound)) => Ok(None),
            Err(refusal) => Err(refusal.trouble("read", &what)),
        }
    }

    /// Writes the whole `data`, if the Secret is still as it was read; makes it where there was none.
    pub(super) async fn write(&self, name: &str, read: Option<Secret>, data: Data) -> Result<(), Trouble> {
        let is_new = read.is_none();
        let mut secret = read.map(|Secret(secret)| secret).unwrap_or_default();
        secret.data = Some(data.into_iter().map(|(key, value)| (key, ByteString(value))).collect());
        let (list, namespace) = (self.secrets(), &self.own.namespace);
        let (method, path, what) = if is_new {
            secret.metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            let remedy = format!("make an empty one (kubectl -n {namespace} create secret generic {name})");
            let what = format!("Secret {namespace}/{name} is not there and cannot be made; {remedy}");
            (Method::POST, format!("{list}?{MANAGER}"), what)
        } else {
            let what = format!("Secret {namespace}/{name} cannot be written");
            (Method::PUT, format!("{list}/{name}?{MANAGER}"), what)
        };
        let request = request(method, &path, Some(("application/json", body(&secret))));
        self.send(request).await.map(drop).map_err(|refusal| match refusal {
            // It has gone since it was read.
            Refusal::Failure(Failure::NotFound) if !is_new => Trouble::Conflict,
            refusal => refusal.trouble("write", &what),
        })
    }

    fn secrets(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", self.own.namespace)
    }

    /// To be told of the configuration's changes.
    pub(super) fn watched_configuration(&self) -> Named {
        let name = self.own.configuration.clone();
        Named { what: format!("ValidatingWebhookConfiguration {name}"), list: CONFIGURATIONS.to_owned(), name }
    }

    /// To be told of the Secret's.
    pub(super) fn watched_secret(&self, name: &str) -> Named {
        let what = format!("Secret {}/{name}", self.own.namespace);
        Named { what, list: self.secrets(), name: name.to_owned() }
    }

    async fn send(&self, request: Result<Request<Vec<u8>>, axum::http::Error>) -> Result<String, Refusal> {
        let request = request.map_err(|error| Refusal::Failure(Failure::Other(error.to_string())))?;
        match timeout(ANSWER, self.client.request_text(request)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Refusal::Conflict),
            Ok(Err(error)) => Err(Refusal::Failure(Failure::from(error))),
            Err(_) => Err(Refusal::Failure(Failure::Other(format!("no answer within {ANSWER:?}")))),
        }
    }
}

/// What the API server says in place of an answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Failure(Failure),
    #[error("it conflicts with another write")]
    Conflict,
}

impl Refusal {
    fn trouble(self, step: &'static str, what: &str) -> Trouble {
        match self {
            Self::Conflict => Trouble::Conflict,
            Self::Failure(failure) => Trouble::Failed { step, what: format!("{what}: {failure}") },
        }
    }
}

fn request(
    method: Method,
    path: &str,
    body: Option<(&'static str, Vec<u8>)>,
) -> Result<Request<Vec<u8>>, axum::http::Error> {
    let request = Request::builder().method(method).uri(path);
    match body {
        Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(body),
        None => request.body(Vec::new()),
    }
}

/// What is made here is always JSON.
fn body(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
