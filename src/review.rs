//! The review of a world, and of a write: every rule, then levels, exceptions and enforcement, once.

use crate::finding::{Finding, Identity, Level, Role};
use crate::networks::Confidence;
use crate::objects::{Kind, Object, kind_of};
use crate::policy::{Exception, Policy};
use crate::rules::{Check, RULES, Rule};
use crate::world::{Change, World};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// What a review finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Review {
    /// Sorted; the level of each is as policy has it.
    pub findings: Vec<Finding>,
    /// What exceptions hide.
    pub excepted: Vec<Excepted>,
}

/// A finding that an exception hides.
#[derive(Clone, Debug, PartialEq)]
pub struct Excepted {
    /// The finding.
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
    /// The last day.
    pub expires: Date,
}

/// What a write is refused for, and what its author is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeReview {
    /// New findings of level deny.
    pub denied: Vec<Finding>,
    /// The other new findings, and old ones that are about what was written.
    pub warned: Vec<Finding>,
    /// What exceptions hide.
    pub excepted: Vec<Excepted>,
}

/// Every rule of a state on `world`.
pub fn review(world: &World, policy: &Policy, today: Date) -> Review {
    let states = RULES.iter().flat_map(|rule| match rule.check {
        Check::State(check) => check(world),
        Check::Policy => expired(policy, rule, today),
        Check::Change(_) => Vec::new(),
    });
    sorted(states, policy, today)
}

/// What `change` makes worse: `before` is the world with the object as it was.
pub fn review_change(change: &Change, before: &World, policy: &Policy, today: Date) -> ChangeReview {
    let after = before.after(change);
    let now = review(&after, policy, today);
    compared(change, before, &after, now, policy, today)
}

/// What of `now`, the review of `after`, `before` did not have; `before` is reviewed only if anything was found.
pub(crate) fn compared(
    change: &Change,
    before: &World,
    after: &World,
    now: Review,
    policy: &Policy,
    today: Date,
) -> ChangeReview {
    let of_change = RULES.iter().flat_map(|rule| match rule.check {
        Check::Change(check) => check(change, before, after),
        Check::State(_) | Check::Policy => Vec::new(),
    });
    let of_change = sorted(of_change, policy, today);
    let told = now.findings.into_iter().filter(|finding| is_asked(change, finding));
    let found: Vec<_> = of_change.findings.into_iter().chain(told).collect();
    let old = if found.is_empty() { Review::default() } else { review(before, policy, today) };
    let cap = if is_judged_copy(change, before) || !policy.refuses() { Level::Warn } else { Level::Deny };
    let levels: BTreeMap<_, _> = old.findings.iter().map(|finding| (finding.identity(), finding.level)).collect();
    let mut result = ChangeReview { excepted: of_change.excepted, ..ChangeReview::default() };
    result.excepted.extend(now.excepted);
    for finding in found {
        match (is_new(&levels, &finding), finding.level.min(cap)) {
            (true, Level::Deny) => result.denied.push(finding),
            (true, level) => result.warned.push(Finding { level, ..finding }),
            (false, _) if is_about(change, after, &finding) => {
                result.warned.push(Finding { level: Level::Warn, ..finding });
            }
            (false, _) => {}
        }
    }
    result
}

/// New unless the same cause was there before at the same level or a higher one. What a candidate has, it has had if it
/// had it under a reference: to take the reference away makes nothing worse.
fn is_new(before: &BTreeMap<Identity<'_>, Level>, finding: &Finding) -> bool {
    let identity = finding.identity();
    let freed = |(other, level): (&Identity<'_>, &Level)| {
        finding.role == Role::Candidate && other.is_but_for_role(&identity) && *level >= finding.level
    };
    before.get(&identity).is_none_or(|level| *level < finding.level) && !before.iter().any(freed)
}

/// Whether the finding's object, or a CR that refers to it, is what was written.
fn is_about(change: &Change, after: &World, finding: &Finding) -> bool {
    let Some(written) = change.after.as_ref().or(change.before.as_ref()).map(Object::reference) else { return false };
    let mut own = after
        .references()
        .iter()
        .filter(|reference| reference.referrer.as_ref().is_some_and(|referrer| referrer.object.is_same(written)));
    finding.object.is_same(written) || own.any(|reference| finding.role == Role::Reference(reference.subject()))
}

/// What the author of a write can be asked about. An object that only states a fact: overlaps with that very fact. A
/// NAD: nothing about references to other ones that are absent; of its own deletion attachment-in-use tells.
fn is_asked(change: &Change, finding: &Finding) -> bool {
    match change.after.as_ref().or(change.before.as_ref()) {
        Some(Object::Found(found)) => {
            finding.fact.as_ref().is_some_and(|fact| fact.origin.object.is_same(&found.object))
        }
        Some(Object::Nad(_)) => {
            !matches!(finding.rule, "missing-attachment" | "unseen-attachment" | "foreign-namespace-attachment")
        }
        Some(Object::Referrer(_)) | None => true,
    }
}

/// A KubeVirt write that copies the network of the stored active HyperConverged: that write was judged, and refusing
/// the operator's copy would stop HyperConverged's whole reconcile.
fn is_judged_copy(change: &Change, before: &World) -> bool {
    let Some(Object::Referrer(written)) = &change.after else { return false };
    let Some(network) = written.network.as_ref().filter(|_| kind_of(&written.object) == Some(Kind::KubeVirt)) else {
        return false;
    };
    before.referrers().any(|other| {
        !other.is_kubevirt()
            && !other.deleting
            && other.object.namespace == written.object.namespace
            && other.network.as_ref().is_some_and(|theirs| theirs.text == network.text)
    })
}

/// Exceptions of the policy whose last day is over.
fn expired(policy: &Policy, rule: &Rule, today: Date) -> Vec<Finding> {
    let exceptions = policy.file.exceptions.iter().enumerate();
    let over = exceptions.filter(|(_, exception)| exception.has_expired(today));
    let findings = over.map(|(at, exception)| {
        let subject = format!("{} {}", exception.rule.0, exception.object);
        let message = format!(
            "The exception from {} for {} expired on {} and no longer applies.",
            exception.rule.0, exception.object, exception.expires.0,
        );
        let help = "Mend the finding, or give the exception a new day and reason; else remove it.";
        Finding::new(rule.id, &policy.object(), subject).at(format!("exceptions[{at}].expires")).says(message, help)
    });
    findings.collect()
}

/// What files make worse: the findings of `now` that are new since `before`, older ones as warnings where `is_told`,
/// and those of [`review_each`].
#[must_use]
pub fn since(now: Review, before: &Review, changes: Review, is_told: impl Fn(&Finding) -> bool) -> Review {
    let levels: BTreeMap<_, _> = before.findings.iter().map(|finding| (finding.identity(), finding.level)).collect();
    let findings = now.findings.into_iter().filter_map(|finding| {
        if is_new(&levels, &finding) {
            return Some(finding);
        }
        is_told(&finding).then_some(Finding { level: Level::Warn, ..finding })
    });
    let mut findings: Vec<_> = findings.chain(changes.findings).collect();
    findings.sort_by(|a, b| report_order(a).cmp(&report_order(b)));
    let excepted = now.excepted.into_iter().filter(|one| is_told(&one.finding)).chain(changes.excepted).collect();
    Review { findings, excepted }
}

/// What the rules of a change say about each of `changes`, which together lead from `before` to `after`.
pub fn review_each(changes: &[Change], before: &World, after: &World, policy: &Policy, today: Date) -> Review {
    let checks = RULES.iter().filter_map(|rule| match rule.check {
        Check::Change(check) => Some(check),
        Check::State(_) | Check::Policy => None,
    });
    sorted(checks.flat_map(|check| changes.iter().flat_map(move |change| check(change, before, after))), policy, today)
}

/// Exceptions that end within 14 days, for a note in the output.
pub fn expiring(policy: &Policy, today: Date) -> impl Iterator<Item = &Exception> {
    let limit = today.checked_add(14.days()).unwrap_or(Date::MAX);
    policy.file.exceptions.iter().filter(move |exception| !exception.has_expired(today) && exception.expires.0 <= limit)
}

/// Levels and exceptions applied, in the order of reports.
fn sorted(findings: impl Iterator<Item = Finding>, policy: &Policy, today: Date) -> Review {
    let mut review = Review::default();
    for mut finding in findings {
        let Some(rule) = crate::rules::rule(finding.rule) else { continue };
        let stale = finding.fact.as_ref().is_some_and(|fact| fact.confidence == Confidence::Stale);
        finding.level = if stale { policy.level(rule).min(Level::Warn) } else { policy.level(rule) };
        match (finding.level, policy.exception(&finding, today)) {
            (Level::Off, _) => {}
            (_, Some(Exception { reason, expires, .. })) => {
                review.excepted.push(Excepted { finding, reason: reason.clone(), expires: expires.0 });
            }
            (_, None) => review.findings.push(finding),
        }
    }
    review.findings.sort_by(|a, b| report_order(a).cmp(&report_order(b)));
    review.excepted.sort_by(|a, b| report_order(&a.finding).cmp(&report_order(&b.finding)));
    review
}

/// Deny before warn, then by identity, document and pointer.
fn report_order(finding: &Finding) -> (std::cmp::Reverse<Level>, Identity<'_>, Option<usize>, Option<&str>) {
    (std::cmp::Reverse(finding.level), finding.identity(), finding.document, finding.pointer.as_deref())
}
