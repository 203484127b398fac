//! What stands, what of it is to be written, renewed or taken back, and when to look again. No clock, no wire.

use super::event::{News, Note};
use crate::finding::Finding;
use crate::place::ObjectRef;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A NAD that is not there may come with the next write: for so long it is unseen, and then missing.
const UNSEEN: Duration = Duration::from_secs(120);
/// An Event lives for an hour (kube-apiserver: --event-ttl) unless it is written again.
const RENEW: Duration = Duration::from_secs(30 * 60);
/// What could not be written is tried again so much later, and twice as much each time.
const RETRY: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(10 * 60)];

/// What stands and what was told of it.
#[derive(Debug, Default)]
pub struct Standing {
    absent: BTreeMap<(ObjectRef, String), Instant>,
    told: BTreeMap<String, Told>,
}

/// An Event and how far it is written.
#[derive(Debug)]
struct Told {
    note: Note,
    /// When it is to be written, for the first time or again.
    due: Instant,
    pause: Duration,
}

impl Standing {
    /// What stands: `at_rest`, the findings when no write is about to follow; but for a while a missing NAD is only what
    /// `unseen` says of it, the findings as at an admission.
    pub fn settle(&mut self, at_rest: Vec<Finding>, unseen: Vec<Finding>, now: Instant) -> Vec<Finding> {
        let key = |finding: &Finding| (finding.object.clone(), finding.subject.clone());
        let missing = at_rest.iter().filter(|finding| finding.rule == "missing-attachment").map(key);
        let since = std::mem::take(&mut self.absent);
        self.absent =
            missing.map(|key| (since.get(&key).copied().unwrap_or(now), key)).map(|(at, key)| (key, at)).collect();
        let young: BTreeSet<_> =
            self.absent.iter().filter(|(_, since)| now < **since + UNSEEN).map(|(key, _)| key.clone()).collect();
        if young.is_empty() {
            return at_rest;
        }
        let is_young = |finding: &Finding, rule| finding.rule == rule && young.contains(&key(finding));
        let stand = at_rest.into_iter().filter(|finding| !is_young(finding, "missing-attachment"));
        let unseen = unseen.into_iter().filter(|finding| is_young(finding, "unseen-attachment"));
        stand.chain(unseen).collect()
    }

    /// These Events are to be there from now on; those that no longer are get taken back.
    pub fn tell(&mut self, notes: Vec<Note>, now: Instant) {
        let wanted: BTreeSet<_> = notes.iter().map(|note| note.name.clone()).collect();
        for (name, told) in &mut self.told {
            if !wanted.contains(name) && told.note.news != News::Ended {
                let note = told.note.clone().ended();
                *told = Told { note, due: now, pause: RETRY[0] };
            }
        }
        for note in notes {
            if self.told.get(&note.name).is_none_or(|told| told.note != note) {
                self.told.insert(note.name.clone(), Told { note, due: now, pause: RETRY[0] });
            }
        }
    }

    /// At most so many of those that are to be written now.
    pub fn due(&self, most: usize, now: Instant) -> Vec<Note> {
        self.told.values().filter(|told| told.due <= now).take(most).map(|told| told.note.clone()).collect()
    }

    /// It was written so long ago, by whomever.
    pub fn wrote(&mut self, note: &Note, ago: Duration, now: Instant) {
        if note.news == News::Ended {
            self.told.remove(&note.name);
        } else if let Some(told) = self.told.get_mut(&note.name) {
            (told.due, told.pause) = (now + RENEW.saturating_sub(ago), RETRY[0]);
        }
    }

    /// It could not be written.
    pub fn failed(&mut self, note: &Note, now: Instant) {
        if let Some(told) = self.told.get_mut(&note.name) {
            told.due = now + told.pause;
            told.pause = (told.pause * 2).min(RETRY[1]);
        }
    }

    /// When something is to be written or becomes missing, if ever.
    pub fn again(&self, now: Instant) -> Option<Instant> {
        let missing = self.absent.values().map(|since| *since + UNSEEN).filter(|at| *at > now);
        missing.chain(self.told.values().map(|told| told.due)).min()
    }

    /// Whether something has become missing since `last`.
    pub fn has_aged(&self, last: Instant, now: Instant) -> bool {
        self.absent.values().any(|since| last < *since + UNSEEN && *since + UNSEEN <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::event;
    use super::*;
    use crate::finding::Level;

    const MINUTE: Duration = Duration::from_secs(60);

    fn object() -> ObjectRef {
        ObjectRef {
            api_version: "kubevirt.io/v1".into(),
            kind: "KubeVirt".into(),
            namespace: Some("kubevirt".into()),
            name: "kubevirt".into(),
        }
    }

    fn found(rule: &'static str, subject: &str) -> Finding {
        Finding { level: Level::Deny, ..Finding::new(rule, &object(), subject) }
    }

    fn rules(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn an_unseen_attachment_becomes_a_missing_one_after_two_minutes() {
        let (mut state, start) = (Standing::default(), Instant::now());
        let at_rest = || vec![found("missing-attachment", "a/b"), found("no-address", "")];
        let unseen = || vec![found("unseen-attachment", "a/b"), found("no-address", "")];
        assert_eq!(rules(&state.settle(at_rest(), unseen(), start)), ["no-address", "unseen-attachment"]);
        assert_eq!(state.again(start), Some(start + 2 * MINUTE));
        let soon = start + MINUTE;
        assert_eq!(rules(&state.settle(at_rest(), unseen(), soon)), ["no-address", "unseen-attachment"]);
        let late = start + 2 * MINUTE;
        assert!(!state.has_aged(start, soon) && state.has_aged(soon, late));
        assert_eq!(rules(&state.settle(at_rest(), unseen(), late)), ["missing-attachment", "no-address"]);
        // What came and went again is unseen again.
        state.settle(Vec::new(), Vec::new(), late);
        assert_eq!(rules(&state.settle(at_rest(), unseen(), late)), ["no-address", "unseen-attachment"]);
    }

    #[test]
    fn what_stands_is_written_renewed_and_taken_back() {
        let (mut state, start) = (Standing::default(), Instant::now());
        let notes = event::standing(&[found("no-address", "")]);
        state.tell(notes.clone(), start);
        assert_eq!(state.due(9, start), notes);
        state.wrote(&notes[0], Duration::ZERO, start);
        state.tell(notes.clone(), start);
        assert!(state.due(9, start + 29 * MINUTE).is_empty());
        assert_eq!(state.due(9, start + 30 * MINUTE), notes);
        // Another replica wrote it ten minutes ago.
        state.wrote(&notes[0], 10 * MINUTE, start);
        assert_eq!(state.due(9, start + 20 * MINUTE), notes);
        state.tell(Vec::new(), start);
        let ended = state.due(9, start);
        assert_eq!((ended[0].kind(), ended[0].reason.as_str(), &ended[0].name), ("Normal", "Resolved", &notes[0].name));
        state.wrote(&ended[0], Duration::ZERO, start);
        assert_eq!((state.due(9, start + 99 * MINUTE), state.again(start)), (Vec::new(), None));
    }

    #[test]
    fn what_ends_and_comes_back_is_written_again() {
        let (mut state, start) = (Standing::default(), Instant::now());
        let notes = event::standing(&[found("no-address", "")]);
        state.tell(notes.clone(), start);
        state.wrote(&notes[0], Duration::ZERO, start);
        state.tell(Vec::new(), start);
        state.tell(notes.clone(), start);
        assert_eq!(state.due(9, start), notes);
    }

    #[test]
    fn what_fails_is_tried_again_more_and_more_seldom() {
        let (mut state, mut now) = (Standing::default(), Instant::now());
        let notes = event::standing(&[found("no-address", "")]);
        state.tell(notes.clone(), now);
        for seconds in [15, 30, 60, 120, 240, 480, 600, 600] {
            state.failed(&notes[0], now);
            now += Duration::from_secs(seconds - 1);
            assert!(state.due(9, now).is_empty(), "{seconds}");
            now += Duration::from_secs(1);
            assert_eq!(state.due(9, now), notes, "{seconds}");
        }
    }
}
