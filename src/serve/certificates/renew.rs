//! What comes next for the Secret: one change at a time, the most urgent first.

use super::View;
use super::held::{Authority, Held};
use super::issue::{self, CA_NAME, IssueError};
use super::pair::{Cert, Pair};

/// Ended CAs and those without a use are few; more than these are somebody's edits.
const PREVIOUS: usize = 4;

/// A new content of the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// What it will hold.
    pub held: Held,
    /// Why, a sentence.
    pub why: &'static str,
}

impl View<'_> {
    /// What is to be written, if anything.
    pub(super) fn renewed(&self) -> Result<Option<Renewal>, IssueError> {
        if self.good.is_none() {
            return self.restored().map(Some);
        }
        if let Some(renewal) = self.made_next()? {
            return Ok(Some(renewal));
        }
        if let Some(renewal) = self.promoted()? {
            return Ok(Some(renewal));
        }
        if let Some(renewal) = self.signed_anew()? {
            return Ok(Some(renewal));
        }
        Ok(self.marked().or_else(|| self.without_ended()))
    }

    /// There is no good leaf: the CA held signs one, else the next one, else a new one.
    fn restored(&self) -> Result<Renewal, IssueError> {
        let mut held = self.held.clone();
        if let Some(ca) = held.ca.as_ref().and_then(|ca| self.signer(ca)) {
            held.leaf = Some(self.leaf(ca)?);
            return Ok(Renewal { held, why: "There was no leaf for the names that holds; the CA has signed one." });
        }
        let next = held.next.take().filter(|next| self.signer(next).is_some());
        let (ca, why) = match next {
            Some(next) => (next, "There was no CA to sign with; the next one signs from now on."),
            None => (self.new_ca()?, "There was no CA to sign with; there is a new one."),
        };
        held.leaf = ca.pair.as_ref().map(|pair| self.leaf(pair)).transpose()?;
        let lost = held.ca.replace(ca).map(|ca| ca.cert);
        held.previous = self.previous(held.previous.iter().chain(&lost).chain(self.trusted_till_now()), &held);
        Ok(Renewal { held, why })
    }

    /// CAs of ours by which other replicas may still be trusted, although the Secret has lost them.
    fn trusted_till_now(&self) -> impl Iterator<Item = &Cert> {
        let shown = self.seen.shown.map(|shown| &shown.ca);
        let ours = self.bundles.iter().flatten().filter(|ca| ca.common_name.starts_with(CA_NAME));
        shown.into_iter().chain(ours)
    }

    /// Those of which a leaf can be in use, each once, newest first.
    fn previous<'c>(&self, all: impl Iterator<Item = &'c Cert>, held: &Held) -> Vec<Cert> {
        let current = [&held.ca, &held.next].map(|authority| authority.as_ref().map(|authority| &authority.cert));
        let mut kept: Vec<Cert> = Vec::new();
        for cert in all.filter(|cert| cert.is_ca && !self.has_ended(cert) && !current.contains(&Some(*cert))) {
            if !kept.contains(cert) {
                kept.push(cert.clone());
            }
        }
        kept.sort_by_key(|cert| std::cmp::Reverse(cert.validity.not_after));
        kept.truncate(PREVIOUS);
        kept
    }

    /// The CA is due, or cannot sign: the next one is made. Or there is one that is no good.
    fn made_next(&self) -> Result<Option<Renewal>, IssueError> {
        let due = self
            .held
            .ca
            .as_ref()
            .is_none_or(|ca| self.signer(ca).is_none() || self.clocks.ca_due(ca.cert.validity) <= self.seen.now);
        let lacking = self.held.next.as_ref().is_none_or(|next| self.signer(next).is_none());
        if !(lacking && (due || self.held.next.is_some())) {
            return Ok(None);
        }
        let held = Held { next: Some(self.new_ca()?), ..self.held.clone() };
        Ok(Some(Renewal { held, why: "The CA is to be renewed; the next one is made and published beside it." }))
    }

    /// The next CA is known everywhere and signs from now on.
    fn promoted(&self) -> Result<Option<Renewal>, IssueError> {
        let Some(next) = &self.held.next else { return Ok(None) };
        let settled = next.published.is_some_and(|at| self.clocks.settled(at) <= self.seen.now);
        // The program was off for long: there is no time left to settle.
        let hurry = self.good.as_ref().is_some_and(|good| self.is_in_a_hurry(good));
        let Some(pair) = self.signer(next).filter(|_| (settled || hurry) && self.is_seen_published(&next.cert)) else {
            return Ok(None);
        };
        let leaf = Some(self.leaf(pair)?);
        let mut held = Held { ca: Some(next.clone()), next: None, previous: Vec::new(), leaf };
        let old = self.held.ca.iter().map(|ca| &ca.cert);
        held.previous = self.previous(old.chain(&self.held.previous), &held);
        Ok(Some(Renewal { held, why: "The next CA is published and signs from now on." }))
    }

    /// The leaf is due. A CA near its end can give little: then what is left of the leaf is used up first.
    fn signed_anew(&self) -> Result<Option<Renewal>, IssueError> {
        let (Some(good), Some(ca)) = (&self.good, &self.held.ca) else { return Ok(None) };
        let (now, leaf) = (self.seen.now, good.leaf.cert().validity);
        let gained = self.clocks.leaf(now, ca.cert.validity).not_after - leaf.not_after;
        let Some(pair) =
            self.signer(ca).filter(|_| self.clocks.leaf_due(leaf) <= now && gained > (leaf.not_after - now) / 2)
        else {
            return Ok(None);
        };
        let held = Held { leaf: Some(self.leaf(pair)?), ..self.held.clone() };
        Ok(Some(Renewal { held, why: "The leaf is renewed." }))
    }

    /// It is written down since when CAs are published.
    fn marked(&self) -> Option<Renewal> {
        let mut held = self.held.clone();
        for authority in [&mut held.ca, &mut held.next].into_iter().flatten() {
            authority.published = self.mark(authority);
        }
        // Of the signing CA no mark is taken back: it has nothing to wait for.
        let ca = self.held.ca.as_ref().and_then(|ca| ca.published).filter(|at| !self.is_ahead(*at));
        if let (Some(authority), Some(at)) = (&mut held.ca, ca) {
            authority.published = Some(at);
        }
        (held != self.held).then_some(Renewal { held, why: "It is noted since when the CAs are published." })
    }

    fn mark(&self, authority: &Authority) -> Option<i64> {
        let now = self.seen.now;
        let seen = self.is_seen_published(&authority.cert);
        match authority.published.filter(|at| !self.is_ahead(*at)) {
            None => seen.then_some(now),
            Some(at) if seen || now <= self.clocks.lagging(at) => Some(at),
            // Somebody has taken it out of an entry: the time to settle begins anew.
            Some(_) => None,
        }
    }

    /// No clock is so far ahead: somebody has written this time.
    fn is_ahead(&self, at: i64) -> bool {
        at > self.seen.now + self.clocks.skew()
    }

    fn without_ended(&self) -> Option<Renewal> {
        let previous = self.previous(self.held.previous.iter(), &self.held);
        let held = Held { previous, ..self.held.clone() };
        (held != self.held).then_some(Renewal { held, why: "A previous CA has ended and is no longer published." })
    }

    /// Whether there are entries, and all trust this CA.
    fn is_seen_published(&self, ca: &Cert) -> bool {
        !self.bundles.is_empty() && self.is_published(ca)
    }

    /// Certificate and key of a CA that can sign.
    fn signer<'h>(&self, authority: &'h Authority) -> Option<&'h Pair> {
        authority.pair.as_ref().filter(|pair| pair.cert().holds(self.seen.now))
    }

    /// No leaf outlasts its CA, so that none is in use any more, by any clock.
    fn has_ended(&self, ca: &Cert) -> bool {
        ca.validity.not_after + self.clocks.skew() < self.seen.now
    }

    fn new_ca(&self) -> Result<Authority, IssueError> {
        Ok(Authority::new(issue::ca(self.clocks.ca(self.seen.now))?))
    }

    fn leaf(&self, ca: &Pair) -> Result<Pair, IssueError> {
        issue::leaf(self.seen.names, self.clocks.leaf(self.seen.now, ca.cert().validity), ca)
    }

    /// When something of the above is due.
    pub(super) fn due(&self) -> impl Iterator<Item = i64> {
        let ca = self.held.ca.as_ref();
        let leaf = self.good.as_ref().map(|good| good.leaf.cert().validity);
        let authorities = [ca, self.held.next.as_ref()].into_iter().flatten();
        let settled = authorities.filter_map(|authority| authority.published).map(|at| self.clocks.settled(at));
        let ca = ca.map(|ca| self.clocks.ca_due(ca.cert.validity));
        let leaf = leaf.map(|leaf| [self.clocks.leaf_due(leaf), self.clocks.hurry(leaf)]);
        ca.into_iter().chain(leaf.into_iter().flatten()).chain(settled)
    }
}
