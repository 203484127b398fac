//! What the program says of a NAD: `preview -o json` and `check -o json`.

use super::cases::Case;
use super::cluster::NETWORKS;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// Both.
pub struct Said {
    /// The one attachment of `preview`.
    pub preview: Value,
    /// The findings of `check`.
    pub findings: Vec<Value>,
}

impl Said {
    pub fn of(case: &Case) -> Self {
        std::fs::write("/run/lab/networks.yaml", NETWORKS).unwrap();
        let nad = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": "mig", "namespace": "kubevirt"}, "spec": {"config": case.config}});
        let preview = program(&["preview", "-o", "json", "--networks", "/run/lab/networks.yaml", "-"], &nad);
        let check = program(&["check", "-o", "json", "--all-nads", "--networks", "/run/lab/networks.yaml", "-"], &nad);
        Self {
            preview: preview["attachments"][0].clone(),
            findings: check["findings"].as_array().cloned().unwrap_or_default(),
        }
    }

    /// Why `preview` does not know the field, for this family.
    pub fn unknown(&self, field: &str, family: Option<u64>) -> Option<&str> {
        let mut all = self.preview["unknown"].as_array().into_iter().flatten();
        let one = all.find(|unknown| {
            unknown["field"] == field && (unknown["family"].is_null() || unknown["family"].as_u64() == family)
        })?;
        one["why"].as_str()
    }

    /// The findings of level deny: rule and finding.
    pub fn denied(&self) -> impl Iterator<Item = (&str, &Value)> {
        let denied = self.findings.iter().filter(|finding| finding["level"] == "deny");
        denied.map(|finding| (finding["rule"].as_str().unwrap_or_default(), finding))
    }

    /// Whether a rule is broken at this level.
    pub fn has(&self, level: &str, rule: impl Fn(&str) -> bool) -> bool {
        self.findings.iter().any(|finding| finding["level"] == level && finding["rule"].as_str().is_some_and(&rule))
    }
}

/// The JSON that the program answers to this object.
pub fn program(arguments: &[&str], nad: &Value) -> Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(nad.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}
