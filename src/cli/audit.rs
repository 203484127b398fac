//! `audit`: the review of what a cluster has.

use super::cluster::{self, Live};
use super::output::{print, remark};
use super::verdict::{self, Shown, report_of};
use super::world::Gathered;
use super::{Cluster, Color, Facts, Given, day};
use anyhow::{Result, bail};
use jiff::civil::Date;
use kubevirt_preflight::finding::Finding;
use kubevirt_preflight::networks::declared::API_VERSION;
use kubevirt_preflight::report::{self, Report};
use kubevirt_preflight::review;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 clean, 1 findings at or above --fail-on, 2 could not review.\n\
    With --as-exceptions: 0 written, 2 could not review.")]
pub(super) struct AuditArgs {
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    shown: Shown,
    /// Judge every NAD as if it were its namespace's migration network.
    #[arg(long)]
    all_nads: bool,
    /// Print exceptions for a policy that cover what makes the audit fail now, and nothing else.
    #[arg(long, requires = "expires", conflicts_with_all = ["output", "quiet"])]
    as_exceptions: bool,
    /// The last day of the exceptions.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, requires = "as_exceptions")]
    expires: Option<Date>,
    /// Why they are accepted; left out, that an audit found them.
    #[arg(long, value_name = "TEXT", requires = "as_exceptions")]
    reason: Option<String>,
    // Last: its heading would stand above all that follows.
    #[command(flatten)]
    cluster: Cluster,
}

impl AuditArgs {
    pub(super) fn run(self, color: Color) -> Result<ExitCode> {
        let today = self.shown.day();
        if let Some(day) = self.expires.filter(|day| *day < today) {
            bail!("--expires {day} is over: exceptions until then would hide nothing; name a day from {today} on.");
        }
        if self.reason.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            bail!("--reason is empty; write why the findings are accepted, or leave it out.");
        }
        let facts = Facts { cluster: self.cluster, all_nads: self.all_nads, ..Facts::default() };
        let gathered = Gathered::of(&Given::default(), &facts, false)?;
        let (objects, snapshot) = self.live.read()?;
        cluster::judged(&snapshot)?;
        remark(&snapshot.unread());
        let count = objects.len();
        let without = cluster::is_without_kubevirt(&snapshot);
        let gathered = gathered.on(objects, snapshot);
        let world = gathered.after(true);
        let review = review::review(&world, &gathered.policy, today);
        if let Some(expires) = self.expires {
            let failing =
                review.findings.iter().filter(|finding| self.shown.level().is_some_and(|level| finding.level >= level));
            let reason = self.reason.unwrap_or_else(|| format!("Found by an audit on {today}."));
            return exceptions(failing, &reason, expires, facts.cluster.policy.as_deref());
        }
        let mut notes = verdict::notes(&gathered, today);
        if without {
            notes.push("The cluster has no KubeVirt: it serves no kubevirts.kubevirt.io.".to_owned());
        }
        let report = report_of(review, &world, gathered, notes);
        self.shown.print(&Report { given: report::Given::Cluster, documents: count, ..report }, color)
    }
}

#[derive(Serialize)]
struct Baseline<'f> {
    #[serde(flatten)]
    head: Option<Head>,
    exceptions: Vec<Exception<'f>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: &'static str,
    kind: &'static str,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Exception<'f> {
    rule: &'static str,
    object: Object<'f>,
    subject: &'f str,
    reason: &'f str,
    expires: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Object<'f> {
    kind: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'f str>,
    name: &'f str,
}

/// Prints one exception for each cause: a whole policy, or what to add to the one that is given.
fn exceptions<'f>(
    findings: impl Iterator<Item = &'f Finding>,
    reason: &str,
    expires: Date,
    policy: Option<&str>,
) -> Result<ExitCode> {
    let mut exceptions: Vec<_> = findings
        .map(|finding| Exception {
            rule: finding.rule,
            object: Object {
                kind: &finding.object.kind,
                namespace: finding.object.namespace.as_deref(),
                name: &finding.object.name,
            },
            subject: &finding.subject,
            reason,
            expires: expires.to_string(),
        })
        .collect();
    exceptions.sort();
    exceptions.dedup();
    let policy = policy.filter(|policy| !policy.is_empty());
    let head = policy.is_none().then_some(Head { api_version: API_VERSION, kind: "Policy" });
    let text = serde_saphyr::to_string(&Baseline { head, exceptions })?;
    let hint = policy.map(|policy| format!("# To be added to the exceptions of {policy}.\n")).unwrap_or_default();
    print(&(hint + &text))?;
    Ok(ExitCode::SUCCESS)
}
