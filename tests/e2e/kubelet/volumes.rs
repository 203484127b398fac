//! The volumes of a Pod, as the kubelet's atomic writer lays them out: names are links into `..data`, which is a link to
//! the folder of this version and is swapped by a rename.

use super::{Shared, text};
use crate::api;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The files of a volume.
type Files = BTreeMap<String, Vec<u8>>;

/// A volume on the node.
pub struct Volume {
    pub name: String,
    pub path: PathBuf,
    spec: Value,
    written: Option<Files>,
    version: usize,
    /// A token and when it is asked for anew.
    token: Option<(String, Instant)>,
}

impl Volume {
    /// The Pod's volumes under this folder, still empty.
    pub fn all(pod: &Value, folder: &Path) -> Vec<Self> {
        let volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        let volume = |spec: Value| {
            let name = text(&spec, "/name");
            let path = folder.join(&name);
            fs::create_dir_all(&path).unwrap();
            Self { name, path, spec, written: None, version: 0, token: None }
        };
        volumes.into_iter().map(volume).collect()
    }

    /// Writes what the API server has now, if it differs; false while something that is not optional is missing.
    pub fn sync(&mut self, pod: &Value, shared: &Shared) -> bool {
        if self.spec.get("emptyDir").is_some() {
            let _ = fs::set_permissions(&self.path, fs::Permissions::from_mode(0o777));
            return true;
        }
        match self.files(pod, shared) {
            Ok(files) if self.written.as_ref() == Some(&files) => true,
            Ok(files) => {
                self.write(&files);
                self.written = Some(files);
                true
            }
            // What was mounted once stays while the API server or the object is away.
            Err(_) => self.written.is_some(),
        }
    }

    fn files(&mut self, pod: &Value, shared: &Shared) -> Result<Files, String> {
        let spec = self.spec.clone();
        if let Some(secret) = spec.get("secret") {
            return object(pod, "secrets", &text(secret, "/secretName"), secret);
        }
        if let Some(map) = spec.get("configMap") {
            return object(pod, "configmaps", &text(map, "/name"), map);
        }
        let Some(projected) = spec.get("projected") else {
            shared.fault(format!("a volume of a kind that is not played: {spec}"));
            return Err("unknown".to_owned());
        };
        let mut files = Files::new();
        for source in projected["sources"].as_array().into_iter().flatten() {
            files.extend(self.projected(pod, source, shared)?);
        }
        Ok(files)
    }

    fn projected(&mut self, pod: &Value, source: &Value, shared: &Shared) -> Result<Files, String> {
        if let Some(map) = source.get("configMap") {
            return object(pod, "configmaps", &text(map, "/name"), map);
        }
        if let Some(secret) = source.get("secret") {
            return object(pod, "secrets", &text(secret, "/name"), secret);
        }
        if let Some(items) = source.pointer("/downwardAPI/items").and_then(Value::as_array) {
            let file = |item: &Value| {
                (text(item, "/path"), field(pod, &text(item, "/fieldRef/fieldPath"), shared).into_bytes())
            };
            return Ok(items.iter().map(file).collect());
        }
        if let Some(token) = source.get("serviceAccountToken") {
            return Ok(Files::from([(text(token, "/path"), self.token(pod, token)?.into_bytes())]));
        }
        shared.fault(format!("a projected source of a kind that is not played: {source}"));
        Err("unknown".to_owned())
    }

    /// A token that is bound to the Pod; a new one after four fifths of its time.
    fn token(&mut self, pod: &Value, spec: &Value) -> Result<String, String> {
        if let Some((token, renew)) = &self.token
            && Instant::now() < *renew
        {
            return Ok(token.clone());
        }
        let seconds = spec["expirationSeconds"].as_u64().unwrap_or(3600);
        let (namespace, account) = (text(pod, "/metadata/namespace"), text(pod, "/spec/serviceAccountName"));
        let mut request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
            "expirationSeconds": seconds, "boundObjectRef": {"apiVersion": "v1", "kind": "Pod",
                "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}}});
        if let Some(audience) = spec["audience"].as_str() {
            request["spec"]["audiences"] = json!([audience]);
        }
        let answer = api::post(&format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"), &request)?;
        let token = text(&answer, "/status/token");
        self.token = Some((token.clone(), Instant::now() + Duration::from_secs(seconds * 4 / 5)));
        Ok(token)
    }

    fn write(&mut self, files: &Files) {
        self.version += 1;
        let version = format!("..version_{}", self.version);
        let folder = self.path.join(&version);
        for (name, bytes) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(self.mode())).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        let (data, next) = (self.path.join("..data"), self.path.join("..data_tmp"));
        let old = fs::read_link(&data).ok();
        let _ = fs::remove_file(&next);
        symlink(&version, &next).unwrap();
        fs::rename(&next, &data).unwrap();
        for name in files.keys().filter_map(|name| name.split('/').next()) {
            let _ = symlink(format!("..data/{name}"), self.path.join(name));
        }
        for gone in self.written.iter().flat_map(|old| old.keys()).filter(|name| !files.contains_key(*name)) {
            let _ = fs::remove_file(self.path.join(gone));
        }
        if let Some(old) = old {
            let _ = fs::remove_dir_all(self.path.join(old));
        }
    }

    /// Of the files; 0644 if nothing is said.
    fn mode(&self) -> u32 {
        let modes = ["/secret/defaultMode", "/configMap/defaultMode", "/projected/defaultMode"];
        let mode = modes.iter().find_map(|pointer| self.spec.pointer(pointer)?.as_u64());
        u32::try_from(mode.unwrap_or(0o644)).unwrap()
    }
}

/// The files of a Secret or ConfigMap, with `items` and `optional` as the volume says.
fn object(pod: &Value, resource: &str, name: &str, spec: &Value) -> Result<Files, String> {
    let namespace = text(pod, "/metadata/namespace");
    let object = match api::get(&format!("/api/v1/namespaces/{namespace}/{resource}/{name}")) {
        Err(error) if error.contains("404") && spec["optional"] == true => return Ok(Files::new()),
        other => other?,
    };
    let secret = resource == "secrets";
    let value = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        if secret { base64(text) } else { text.as_bytes().to_vec() }
    };
    let data: Files =
        object["data"].as_object().into_iter().flatten().map(|(key, text)| (key.clone(), value(text))).collect();
    let Some(items) = spec["items"].as_array() else { return Ok(data) };
    let mut files = Files::new();
    for item in items {
        match data.get(&text(item, "/key")) {
            Some(bytes) => drop(files.insert(text(item, "/path"), bytes.clone())),
            None if spec["optional"] == true => {}
            None => return Err(format!("{resource}/{name} has no {item}")),
        }
    }
    Ok(files)
}

/// A field of the Pod, by the names of the downward API.
pub fn field(pod: &Value, path: &str, shared: &Shared) -> String {
    let pointer = match path {
        "metadata.name" => "/metadata/name",
        "metadata.namespace" => "/metadata/namespace",
        "metadata.uid" => "/metadata/uid",
        "spec.nodeName" => "/spec/nodeName",
        "spec.serviceAccountName" => "/spec/serviceAccountName",
        "status.podIP" => "/status/podIP",
        "status.hostIP" => "/status/hostIP",
        other => {
            shared.fault(format!("a field that is not played: {other}"));
            return String::new();
        }
    };
    text(pod, pointer)
}

/// The bytes of a text in base64.
pub fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(u32::from).collect();
    let group = |group: &[u32]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
