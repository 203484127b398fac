//! From a review to what is printed, for `check` and `audit` alike.

use super::output::{colored, print};
use super::world::Gathered;
use super::{Color, day};
use anyhow::Result;
use clap::ValueEnum;
use jiff::civil::Date;
use kubevirt_preflight::finding::{Finding, Level};
use kubevirt_preflight::manifests::Manifests;
use kubevirt_preflight::place::Place;
use kubevirt_preflight::report::{self, Given, Report};
use kubevirt_preflight::review::{self, Review};
use kubevirt_preflight::serve::judge::today;
use kubevirt_preflight::tree;
use kubevirt_preflight::world::World;
use std::collections::BTreeSet;
use std::process::ExitCode;

/// How a review is shown, and what makes it fail.
#[derive(Debug, clap::Args)]
pub(super) struct Shown {
    /// The day of the review in UTC, for exceptions and ages; today if left out.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    as_of: Option<Date>,
    /// Format.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    /// Findings of which level make the exit code 1.
    #[arg(long, value_enum, default_value_t = FailOn::Deny, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Print only the findings (text).
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
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
pub(super) enum FailOn {
    /// Only denied.
    Deny,
    /// Warnings, too.
    Warn,
    /// None: only what could not be reviewed fails.
    Never,
}

impl FailOn {
    fn level(self) -> Option<Level> {
        match self {
            Self::Deny => Some(Level::Deny),
            Self::Warn => Some(Level::Warn),
            Self::Never => None,
        }
    }
}

impl Shown {
    /// The day of the review.
    pub(super) fn day(&self) -> Date {
        self.as_of.unwrap_or_else(today)
    }

    /// The level that makes it fail; `None` if none does.
    pub(super) fn level(&self) -> Option<Level> {
        self.fail_on.level()
    }

    /// Prints the report; the exit code says whether it fails.
    pub(super) fn print(&self, report: &Report, color: Color) -> Result<ExitCode> {
        print(&self.render(report, color)?)?;
        Ok(ExitCode::from(u8::from(report.reaches(self.level()))))
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
            Output::Junit => text = report::junit::render(report, self.level())?,
        }
        Ok(text)
    }
}

/// What is told besides findings: fields that cannot be read, exceptions that end soon.
pub(super) fn notes(gathered: &Gathered, today: Date) -> Vec<String> {
    let bad = gathered.bad().map(|(object, path, why)| format!("{path} of {object} cannot be read: {why}."));
    let ending = review::expiring(&gathered.policy, today).map(|exception| {
        format!("The exception from {} for {} ends on {}.", exception.rule.0, exception.object, exception.expires.0)
    });
    bad.chain(ending).collect()
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
pub(super) fn report_of(mut review: Review, world: &World, gathered: Gathered, notes: Vec<String>) -> Report {
    let manifests = gathered.manifests;
    let place = |finding: &mut Finding| {
        let own = finding.place.take();
        finding.place = own.or_else(|| place(finding, &manifests));
    };
    review.findings.iter_mut().for_each(place);
    review.excepted.iter_mut().map(|excepted| &mut excepted.finding).for_each(place);
    let judged: BTreeSet<_> = world.judged().iter().map(|judged| judged.attached.nad.object.as_ref().clone()).collect();
    let names = world.referrers().any(|referrer| !referrer.deleting && referrer.network.is_some());
    let nads = world.nads().map(|attached| attached.nad.object.as_ref());
    let mut report = Report {
        review,
        given: Given::Documents,
        documents: manifests.count,
        named: names || !world.settings().migration_networks.is_empty(),
        bystanders: nads.filter(|nad| !judged.contains(nad)).cloned().collect(),
        judged: judged.into_iter().collect(),
        not_judged: manifests.not_judged,
        notes,
        sources: manifests.texts.into_iter().map(|text| (text.name, text.source)).collect(),
    };
    place_in_policy(&mut report, &gathered.policy_file);
    report
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
