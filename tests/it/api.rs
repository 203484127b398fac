//! A stand-in for the API server: plain HTTP on loopback that serves the objects it is given, with pages and field
//! selectors, and fails where it is told to. The real one is in the end-to-end test.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use tempfile::TempDir;

/// What is served: apiVersion, kind, name in the API.
const KINDS: [(&str, &str, &str); 9] = [
    ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", "network-attachment-definitions"),
    ("kubevirt.io/v1", "KubeVirt", "kubevirts"),
    ("crd.projectcalico.org/v1", "IPPool", "ippools"),
    ("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs"),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    ("v1", "Node", "nodes"),
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Service", "services"),
    ("v1", "Namespace", "namespaces"),
];

/// How a path fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Answered with this status.
    Status(u16),
    /// Half of the answer, then the connection ends.
    Half,
    /// No answer at all.
    Silence,
}

#[derive(Default)]
struct State {
    objects: Vec<Value>,
    /// By the name in the API; a group as a whole by its name.
    faults: BTreeMap<String, Fault>,
}

/// A server that runs until the test ends.
pub(crate) struct Api {
    folder: TempDir,
}

impl Api {
    /// Serves `objects`, and fails as `faults` say.
    pub(crate) fn of(objects: Vec<Value>, faults: &[(&str, Fault)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = Self::at(listener.local_addr().unwrap());
        let faults = faults.iter().map(|(name, fault)| ((*name).to_owned(), *fault)).collect();
        let state = Arc::new(State { objects, faults });
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                // A client that goes away is none of the server's business.
                thread::spawn(move || drop(state.answer(stream.unwrap())));
            }
        });
        api
    }

    /// A kubeconfig for whoever listens there.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "t"}}]});
        std::fs::write(folder.path().join("kubeconfig"), config.to_string()).unwrap();
        Self { folder }
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.file("kubeconfig").to_str().unwrap().to_owned()
    }

    /// A file that goes with the server.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match self.fault(path) {
            Some(Fault::Silence) => {
                // Until the client gives up.
                while lines.next().transpose()?.is_some() {}
                return Ok(());
            }
            Some(Fault::Status(code)) => {
                (code, json!({"kind": "Status", "code": code, "message": format!("{path} fails with {code}")}))
            }
            Some(Fault::Half) | None => self.found(path).map_or_else(
                || (404, json!({"kind": "Status", "code": 404, "message": "not found"})),
                |body| (200, body),
            ),
        };
        let body = body.to_string();
        let sent = if matches!(self.fault(path), Some(Fault::Half)) { &body[..body.len() / 2] } else { &body };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
        write!(stream, "{head}\r\nconnection: close\r\n\r\n{sent}")
    }

    fn fault(&self, path: &str) -> Option<Fault> {
        let path = path.split('?').next().unwrap_or_default();
        let parts: Vec<_> = path.split('/').collect();
        self.faults.iter().find(|(name, _)| parts.last() == Some(&name.as_str())).map(|(_, fault)| *fault)
    }

    /// `/apis/GROUP/VERSION`, a list, or an object.
    fn found(&self, path: &str) -> Option<Value> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (version, rest) = versioned(path)?;
        let served: Vec<_> = KINDS.iter().filter(|(api, _, plural)| *api == version && self.serves(plural)).collect();
        if rest.is_empty() {
            let names: Vec<_> = served.iter().map(|(.., plural)| json!({"name": plural})).collect();
            return (!names.is_empty()).then(|| json!({"resources": names}));
        }
        let parts: Vec<_> = rest.split('/').skip(1).collect();
        match parts.as_slice() {
            ["namespaces", name] => {
                self.objects.iter().find(|one| is(one, "v1", "Namespace", None, Some(name))).cloned()
            }
            ["namespaces", namespace, plural] => self.list(&version, served, plural, Some(namespace), query),
            [plural] => self.list(&version, served, plural, None, query),
            _ => None,
        }
    }

    fn serves(&self, plural: &str) -> bool {
        !matches!(self.faults.get(plural), Some(Fault::Status(404)))
    }

    fn list(
        &self,
        version: &str,
        served: Vec<&(&str, &str, &str)>,
        plural: &str,
        namespace: Option<&str>,
        query: &str,
    ) -> Option<Value> {
        let (_, kind, _) = served.into_iter().find(|(.., name)| *name == plural)?;
        let asked = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let name = asked("fieldSelector").and_then(|selector| selector.strip_prefix("metadata.name%3D"));
        let from: usize = asked("continue").map_or(0, |token| token.parse().unwrap());
        let limit: usize = asked("limit").unwrap().parse().unwrap();
        let all: Vec<_> = self.objects.iter().filter(|one| is(one, version, kind, namespace, name)).collect();
        let page: Vec<_> = all.iter().skip(from).take(limit).map(|one| without_kind(one)).collect();
        let next = if from + page.len() < all.len() { (from + page.len()).to_string() } else { String::new() };
        Some(json!({"metadata": {"resourceVersion": "7", "continue": next}, "items": page}))
    }
}

/// The apiVersion of a path, and what follows it.
fn versioned(path: &str) -> Option<(String, &str)> {
    if let Some(rest) = path.strip_prefix("/api/v1") {
        return Some(("v1".to_owned(), rest));
    }
    let path = path.strip_prefix("/apis/")?;
    let (group, rest) = path.split_once('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some((format!("{group}/{}", &rest[..end]), &rest[end..]))
}

fn is(object: &Value, version: &str, kind: &str, namespace: Option<&str>, name: Option<&str>) -> bool {
    object["apiVersion"] == version
        && object["kind"] == kind
        && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
        && name.is_none_or(|name| object["metadata"]["name"] == name)
}

/// Items of a list leave it out.
fn without_kind(object: &Value) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    members.retain(|key, _| key != "kind" && key != "apiVersion");
    object
}
