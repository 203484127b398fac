//! One object of the cluster with all that stands: a `ClusterPolicyReport`, or a `ClusterReport`. Both have the same
//! fields (kubernetes-sigs/wg-policy-prototypes and openreports/reports-api: their CRDs).

use super::event::{WRITER, cut_to, reference};
use crate::finding::{Finding, Level};
use serde_json::{Value, json};

/// Most results; an object of etcd has 1.5 MiB at most.
const MOST: usize = 1_000;
/// Longest message, in bytes.
const MESSAGE: usize = 600;

/// Which object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// `wgpolicyk8s.io/v1alpha2`
    ClusterPolicyReport,
    /// `openreports.io/v1alpha1`
    OpenReports,
}

impl ReportKind {
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ClusterPolicyReport => ("wgpolicyk8s.io/v1alpha2", "ClusterPolicyReport", "clusterpolicyreports"),
            Self::OpenReports => ("openreports.io/v1alpha1", "ClusterReport", "clusterreports"),
        }
    }

    /// The path of the object.
    pub fn path(self) -> String {
        let (version, _, plural) = self.names();
        format!("/apis/{version}/{plural}/{WRITER}")
    }

    /// The object. No time is in it, so that all replicas write the same.
    pub fn body(self, findings: &[Finding]) -> Value {
        let (version, kind, _) = self.names();
        let of = |level| findings.iter().filter(|finding| finding.level == level).count();
        let mut results: Vec<_> = findings.iter().take(MOST).map(result).collect();
        if let Some(more) = findings.len().checked_sub(MOST).filter(|more| *more > 0) {
            let message = format!("And {more} more findings; `{WRITER} audit` has them all.");
            results.push(json!({"source": WRITER, "policy": WRITER, "result": "skip", "message": message}));
        }
        json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": WRITER, "labels": {"app.kubernetes.io/managed-by": WRITER}},
            "summary": {"pass": 0, "fail": of(Level::Deny), "warn": of(Level::Warn), "error": 0, "skip": 0},
            "results": results,
        })
    }
}

fn result(finding: &Finding) -> Value {
    let (result, severity) = if finding.level == Level::Deny { ("fail", "high") } else { ("warn", "medium") };
    let mut properties = json!({"subject": cut_to(&finding.subject, MESSAGE), "path": finding.path});
    if let Some(fact) = &finding.fact {
        properties["fact"] = json!(format!("{} {}", fact.class, fact.interval));
    }
    json!({
        "source": WRITER,
        "policy": WRITER,
        "rule": finding.rule,
        "result": result,
        "severity": severity,
        "scored": finding.level == Level::Deny,
        "message": cut_to(&format!("{} {}", finding.message, finding.help), MESSAGE),
        "resources": [reference(&finding.object)],
        "properties": properties,
    })
}
