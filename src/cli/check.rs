//! `check`: the manifests' review, or the response to a recorded admission review.

use super::output::print;
use super::verdict::{self, Shown, report_of};
use super::world::Gathered;
use super::{Color, Facts, Given, files};
use anyhow::{Context as _, Result};
use jiff::civil::Date;
use kubevirt_preflight::admission::{self, Verdict};
use kubevirt_preflight::finding::Finding;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::review::{self, Review};
use kubevirt_preflight::world::World;
use std::collections::BTreeSet;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 clean, 1 findings at or above --fail-on (--review: refused), 2 could not review."
)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    given: Given,
    /// Print the response to a recorded AdmissionReview instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "fail_on", "quiet", "absolute"])]
    review: Option<String>,
    #[command(flatten)]
    shown: Shown,
    // Last: its heading would stand above all that follows.
    #[command(flatten)]
    facts: Facts,
    /// With --world: judge everything, not only what the manifests make worse.
    #[arg(long, requires = "world")]
    absolute: bool,
    /// Warn if the world is older.
    #[arg(long, value_name = "DAYS", default_value_t = 30, requires = "world")]
    max_world_age: u32,
    /// Refuse the world of another cluster: the UID of its namespace kube-system.
    #[arg(long, value_name = "UID", requires = "world")]
    expect_cluster: Option<String>,
}

impl CheckArgs {
    pub(super) fn run(&self, color: Color) -> Result<ExitCode> {
        if self.given.paths.is_empty() && self.review.is_none() {
            anyhow::bail!("Nothing to check; name files or directories with manifests, or - for standard input.");
        }
        let gathered = Gathered::of(&self.given, &self.facts, self.review.is_none())?;
        let today = self.shown.day();
        if let (Some(uid), Some(file), Some((_, snapshot))) =
            (&self.expect_cluster, &self.facts.world, &gathered.given_world)
        {
            snapshot.expect(uid, file)?;
        }
        match &self.review {
            Some(file) => replay(file, &gathered, today),
            None => self.report(gathered, today, color),
        }
    }

    fn report(&self, gathered: Gathered, today: Date, color: Color) -> Result<ExitCode> {
        let world = gathered.after(true);
        let now = review::review(&world, &gathered.policy, today);
        let review = match gathered.before(true).filter(|_| !self.absolute) {
            Some(before) => worse(now, &gathered, &before, &world, today),
            None => now,
        };
        let mut notes = self.notes(&gathered, today);
        notes.extend(world.interfaces().sentence().filter(|_| world.interfaces().unwatched() > 0));
        self.shown.print(&report_of(review, &world, gathered, notes), color)
    }

    /// What is told besides findings, the world's age first.
    fn notes(&self, gathered: &Gathered, today: Date) -> Vec<String> {
        let mut notes = gathered.manifests.notes.clone();
        if let (Some((_, snapshot)), Some(file)) = (&gathered.given_world, &self.facts.world) {
            notes.extend(snapshot.notes(file, today, self.max_world_age));
            notes.extend(snapshot.unread());
        }
        notes.extend(verdict::notes(gathered, today));
        notes
    }
}

/// What the manifests make worse; what was there before is warned of where it is about one of them.
fn worse(now: Review, gathered: &Gathered, before: &World, after: &World, today: Date) -> Review {
    let own: BTreeSet<_> = gathered.objects.iter().map(Object::reference).collect();
    let is_told = |finding: &Finding| {
        finding.document.is_some()
            || own.contains(&finding.object)
            || finding.referrer.as_ref().is_some_and(|referrer| own.contains(referrer))
    };
    let old = review::review(before, &gathered.policy, today);
    let changes = review::review_each(&gathered.updates(), before, after, &gathered.policy, today);
    review::since(now, &old, changes, is_told)
}

/// Prints what the webhook would answer to the recorded review.
fn replay(file: &str, gathered: &Gathered, today: Date) -> Result<ExitCode> {
    let body = files::text(file, "review")?;
    let world = gathered.after(false);
    let answer = admission::respond(body.as_bytes(), &world, &gathered.policy, today)
        .with_context(|| format!("{file} cannot be replayed:"))?;
    let value: serde_json::Value = serde_json::from_slice(&answer.bytes)?;
    print(&(serde_json::to_string_pretty(&value)? + "\n"))?;
    Ok(ExitCode::from(u8::from(answer.summary.verdict == Verdict::Denied)))
}
