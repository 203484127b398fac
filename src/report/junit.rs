//! For test dashboards: one test case for each judged network, and for each other object that a finding is about.
//!
//! A finding at or above `fail_on` makes its case fail; the others stand in the case's output. No times and no ids, so
//! that the same input gives the same bytes.

use super::{Report, ReportError, told};
use crate::finding::{Finding, Level};
use crate::place::ObjectRef;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;

/// What is said about one object.
#[derive(Default)]
struct Said<'r> {
    failures: Vec<&'r Finding>,
    remarks: Vec<String>,
}

/// The report as XML.
pub fn render(report: &Report, fail_on: impl Into<Option<Level>>) -> Result<String, ReportError> {
    let mut suite = TestSuite::new("kubevirt-preflight");
    for (object, said) in by_object(report, fail_on.into()) {
        suite.add_test_case(said.case(object));
    }
    for one in &report.not_judged {
        let mut case = TestCase::new(format!("{}:{}", one.file, one.line), TestCaseStatus::skipped());
        case.set_classname("not judged").status.set_message(one.reason.as_str());
        suite.add_test_case(case);
    }
    let rest = report.notes.iter().cloned().chain(report.nothing_judged()).chain([report.summary()]);
    suite.set_system_out(rest.collect::<Vec<_>>().join("\n"));
    let mut whole = quick_junit::Report::new("kubevirt-preflight");
    whole.add_test_suite(suite);
    Ok(whole.to_string()?)
}

fn by_object(report: &Report, fail_on: Option<Level>) -> BTreeMap<&ObjectRef, Said<'_>> {
    let mut all: BTreeMap<_, Said<'_>> = report.judged.iter().map(|object| (object, Said::default())).collect();
    for finding in &report.review.findings {
        let said = all.entry(&finding.object).or_default();
        if fail_on.is_some_and(|level| finding.level >= level) {
            said.failures.push(finding);
        } else {
            said.remarks.push(line(finding));
        }
    }
    for excepted in &report.review.excepted {
        let told = format!("{} (excepted until {}: {})", line(&excepted.finding), excepted.expires, excepted.reason);
        all.entry(&excepted.finding.object).or_default().remarks.push(told);
    }
    all
}

/// `nad.yaml:14:9: warn tight-range: ...`
fn line(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(|place| format!("{}:{}:{}: ", place.file, place.line, place.column));
    format!("{}{} {}: {}", place.unwrap_or_default(), finding.level, finding.rule, told(finding))
}

impl Said<'_> {
    fn case(self, object: &ObjectRef) -> TestCase {
        let mut case = TestCase::new(object.to_string(), self.status());
        case.set_classname(object.kind.as_str());
        if !self.remarks.is_empty() {
            case.set_system_out(self.remarks.join("\n"));
        }
        case
    }

    /// Dashboards show one failure of a case: it holds them all.
    fn status(&self) -> TestCaseStatus {
        let Some(first) = self.failures.first() else { return TestCaseStatus::success() };
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let mut rules: Vec<_> = self.failures.iter().map(|finding| finding.rule).collect();
        rules.dedup();
        status.set_type(rules.join(" ")).set_message(first.message.as_str());
        status.set_description(self.failures.iter().map(|finding| line(finding)).collect::<Vec<_>>().join("\n"));
        status
    }
}
