//! `check`: the manifests' review, or the response to a recorded admission review.

use super::output::{colored, print};
use super::world::Gathered;
use super::{Color, Facts, Given, day, files};
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use jiff::civil::Date;
use kubevirt_preflight::admission::{self, Verdict};
use kubevirt_preflight::finding::{Finding, Level};
use kubevirt_preflight::manifests::Manifests;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::place::Place;
use kubevirt_preflight::report::{self, Report};
use kubevirt_preflight::review::{self, Review};
use kubevirt_preflight::serve::judge::today;
use kubevirt_preflight::tree;
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
    /// The day of the review in UTC, for exceptions and ages; today if left out.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    as_of: Option<Date>,
    /// Print the response to a recorded AdmissionReview instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "fail_on", "quiet", "absolute"])]
    review: Option<String>,
    /// Format.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    /// Findings of which level make the exit code 1.
    #[arg(long, value_enum, default_value_t = FailOn::Deny, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Print only the findings (text).
    #[arg(short, long)]
    quiet: bool,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs, version 1.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for test dashboards.
    Junit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Only denied.
    Deny,
    /// Warnings, too.
    Warn,
}

impl FailOn {
    fn level(self) -> Level {
        match self {
            Self::Deny => Level::Deny,
            Self::Warn => Level::Warn,
        }
    }
}

impl CheckArgs {
    pub(super) fn run(&self, color: Color) -> Result<ExitCode> {
        if self.given.paths.is_empty() && self.review.is_none() {
            anyhow::bail!("Nothing to check; name files or directories with manifests, or - for standard input.");
        }
        let gathered = Gathered::of(&self.given, &self.facts, self.review.is_none())?;
        let today = self.as_of.unwrap_or_else(today);
        if let (Some(uid), Some(file), Some((_, snapshot))) =
            (&self.expect_cluster, &self.facts.cluster.world, &gathered.given_world)
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
        let mut report = report_of(review, &world, gathered.manifests, notes);
        place_in_policy(&mut report, &gathered.policy_file);
        let level = self.fail_on.level();
        print(&self.render(&report, color)?)?;
        Ok(ExitCode::from(u8::from(report.reaches(level))))
    }

    fn render(&self, report: &Report, color: Color) -> Result<String> {
        let mut text = String::new();
        match self.output {
            Output::Text => {
                let look = report::text::Look { color: colored(color), quiet: self.quiet };
                report::text::write(report, look, &mut text)?;
            }
            Output::Github => report::github::write(report, &mut text)?,
            Output::Json => text = report::json::render(report)?,
            Output::Sarif => text = report::sarif::render(report)?,
            Output::Junit => text = report::junit::render(report, self.fail_on.level())?,
        }
        Ok(text)
    }

    /// What is told besides findings: the world's age, fields that cannot be read, exceptions that end soon.
    fn notes(&self, gathered: &Gathered, today: Date) -> Vec<String> {
        let mut notes = gathered.manifests.notes.clone();
        if let (Some((_, snapshot)), Some(file)) = (&gathered.given_world, &self.facts.cluster.world) {
            notes.extend(snapshot.notes(file, today, self.max_world_age));
        }
        notes.extend(gathered.bad().map(|(object, path, why)| format!("{path} of {object} cannot be read: {why}.")));
        notes.extend(review::expiring(&gathered.policy, today).map(|exception| {
            format!("The exception from {} for {} ends on {}.", exception.rule.0, exception.object, exception.expires.0)
        }));
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

/// Where a finding stands: the key that it is about, or in a text that is not JSON where reading it stopped.
fn place(finding: &Finding, manifests: &Manifests) -> Option<Place> {
    let document = manifests.documents.get(finding.document?)?;
    let pointer = finding.pointer.as_deref();
    let text =
        document.node.text_at(&["spec", "config"]).filter(|_| finding.path == "spec.config" && pointer == Some(""));
    Some(match text.map(tree::parse) {
        Some(Err(stop)) => manifests.place_in_text(document.id, &finding.path, stop.line, stop.column),
        _ => manifests.place(document.id, &finding.path, pointer),
    })
}

/// The report, with the place of every finding that stands in a document.
fn report_of(mut review: Review, world: &World, manifests: Manifests, notes: Vec<String>) -> Report {
    let place = |finding: &mut Finding| {
        let own = finding.place.take();
        finding.place = own.or_else(|| place(finding, &manifests));
    };
    review.findings.iter_mut().for_each(place);
    review.excepted.iter_mut().map(|excepted| &mut excepted.finding).for_each(place);
    let judged: BTreeSet<_> = world.judged().iter().map(|judged| judged.attached.nad.object.as_ref().clone()).collect();
    let names = world.referrers().any(|referrer| !referrer.deleting && referrer.network.is_some());
    let nads = world.nads().map(|attached| attached.nad.object.as_ref());
    Report {
        review,
        documents: manifests.count,
        named: names || !world.settings().migration_networks.is_empty(),
        bystanders: nads.filter(|nad| !judged.contains(nad)).cloned().collect(),
        judged: judged.into_iter().collect(),
        not_judged: manifests.not_judged,
        notes,
        sources: manifests.texts.into_iter().map(|text| (text.name, text.source)).collect(),
    }
}

/// Findings about the policy stand in its file.
fn place_in_policy(report: &mut Report, file: &Manifests) {
    let Some(document) = file.documents.first() else { return };
    let mut told = false;
    for finding in report.review.findings.iter_mut().filter(|finding| finding.object.kind == "Policy") {
        finding.place = Some(file.place(document.id, &finding.path, None));
        told = true;
    }
    if told {
        let texts = file.texts.iter().map(|text| (text.name.clone(), text.source.clone()));
        report.sources.extend(texts);
    }
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
