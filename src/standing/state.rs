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
