//! Self-managed certificates: what to do next, as a pure function of what is seen.
//!
//! ```text
//! webhook entries ─┐                    ┌─► write the Secret, if it has not changed since it was read
//! Secret ──────────┼─► step (clocks) ───┼─► publish the bundle, if the entries have not changed since they were read
//! what is shown ───┘                    └─► show this leaf; look again then
//! ```
//!
//! Whoever calls [`step`] keeps to four things, and any number of replicas may do so at once:
//! 1. The entries are read before the Secret, and the Secret is read from the API server, never from a cache. So no
//!    bundle of an old Secret is published over that of a newer one.
//! 2. Both writes carry the `resourceVersion` that was read. The replica that loses looks again, and finds nothing to do.
//! 3. One look is one read, one step, and the writes and the switch that it asks for; errors are tried again with a
//!    growing pause.
//! 4. Clocks of replicas and API servers differ by less than a quarter of the time to settle.
//!
//! A CA lives through this, and the next one through the same beside it:
//!
//! ```text
//! made (next-ca) ─► published beside the old ─► time to settle ─► signs (ca) ─► next one signs (previous-ca) ─► ended
//! ```
//!
//! The caBundle of our own webhook configuration is ours: what others put beside our CAs is replaced, because a CA that
//! is trusted there can read and answer the reviews.

pub mod clocks;
pub mod cluster;
pub mod held;
pub mod issue;
pub mod pair;
pub mod renew;
pub mod trust;

use clocks::Clocks;
use held::{Data, Held};
use issue::IssueError;
use pair::{Cert, Shown};
use renew::Renewal;
use rustls::pki_types::ServerName;
use std::time::Duration;

/// After something was begun that others have yet to see.
const SOON: Duration = Duration::from_secs(2);

/// What a replica sees when it looks.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The `caBundle` of each entry of our webhook configurations, out of base64. Read first.
    pub entries: &'a [Vec<u8>],
    /// `data` of the Secret; `None` if there is no Secret.
    pub secret: Option<&'a Data>,
    /// What this replica shows to its clients; `None` before its first leaf.
    pub shown: Option<&'a Shown>,
    /// The names that API servers call the webhook by: NAME.NAMESPACE.svc.
    pub names: &'a [ServerName<'static>],
    /// Unix time.
    pub now: i64,
}

/// What a replica is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// To be written as the whole `data` of the Secret.
    pub write: Option<Data>,
    /// To be written as the `caBundle` of every entry.
    pub publish: Option<String>,
    /// To be shown from now on, in place of what is.
    pub show: Option<Shown>,
    /// When to look again, at the latest.
    pub look_again: Duration,
    /// What is done and why, for the log: a sentence each.
    pub told: Vec<String>,
}

/// What is to be done now.
pub fn step(seen: &Seen<'_>, clocks: &Clocks) -> Result<Step, IssueError> {
    let (held, faults) = seen.secret.map(Held::read).unwrap_or_default();
    let mut told: Vec<_> = faults.iter().map(|fault| format!("The Secret is not as it was written: {fault}")).collect();
    let view = View::of(seen, held, *clocks);
    let renewed = view.renewed()?.or_else(|| view.cleaned(!faults.is_empty()));
    told.extend(renewed.iter().map(|renewed| renewed.why.to_owned()));
    let publish = view.publish();
    if publish.is_some() {
        told.push("The CA bundle of the webhook configuration is not the Secret's; it is published again.".to_owned());
    }
    let soon = renewed.is_some() || publish.is_some() || view.is_unseen();
    let look_again = if soon { SOON.min(clocks.look()) } else { view.look_again() };
    let write = renewed.map(|Renewal { held, .. }| held.data());
    Ok(Step { write, publish, show: view.show(), look_again, told })
}

/// What is seen, parsed.
pub(crate) struct View<'a> {
    seen: Seen<'a>,
    clocks: Clocks,
    held: Held,
    /// Of each entry; empty where one cannot be read.
    bundles: Vec<Vec<Cert>>,
    /// The leaf held, if the CA held has signed it, with these names, and it holds.
    good: Option<Shown>,
}

impl<'a> View<'a> {
    fn of(seen: &Seen<'a>, held: Held, clocks: Clocks) -> Self {
        let wanted: String = held.bundle().into_iter().map(Cert::pem).collect();
        let bundles = seen.entries.iter().map(|bundle| {
            // Nearly always; then nothing needs to be parsed.
            if *bundle == wanted.as_bytes() {
                return held.bundle().into_iter().cloned().collect();
            }
            let all: Result<Vec<_>, _> = Cert::parse_all(&String::from_utf8_lossy(bundle)).into_iter().collect();
            all.unwrap_or_default()
        });
        let good = held.leaf.as_ref().zip(held.ca.as_ref()).map(|(leaf, ca)| (leaf.clone(), ca.cert.clone()));
        let good = good.map(|(leaf, ca)| Shown { leaf, ca });
        let good = good.filter(|one| trust::fault(one.leaf.cert(), [&one.ca], seen.names, seen.now).is_none());
        let bundles = bundles.collect();
        Self { seen: *seen, clocks, held, bundles, good }
    }

    /// The Secret without what is no good in it.
    fn cleaned(&self, faulty: bool) -> Option<Renewal> {
        let differs = faulty && self.seen.secret != Some(&self.held.data());
        differs.then(|| Renewal { held: self.held.clone(), why: "What is no good in the Secret is taken out." })
    }

    /// Whether every entry trusts this CA.
    fn is_published(&self, ca: &Cert) -> bool {
        self.bundles.iter().all(|bundle| bundle.contains(ca))
    }

    /// The bundle of the Secret, where an entry has another one. Without a good leaf there is something to write first.
    fn publish(&self) -> Option<String> {
        self.good.as_ref()?;
        let wanted = self.held.bundle();
        let differs = self.bundles.iter().any(|bundle| !bundle.iter().eq(wanted.iter().copied()));
        differs.then(|| wanted.into_iter().map(Cert::pem).collect())
    }

    /// The leaf held, where it is better than what is shown.
    fn show(&self) -> Option<Shown> {
        let good = self.good.as_ref().filter(|good| self.is_published(&good.ca))?;
        let better = match self.seen.shown {
            None => true,
            Some(shown) if shown == good => false,
            // Some API servers may not have heard of the new CA yet.
            Some(shown) => self.is_settled() || self.is_in_a_hurry(shown) || !self.is_trusted(shown),
        };
        better.then(|| good.clone())
    }

    /// Whether the CA held has been published for so long that all API servers know it.
    fn is_settled(&self) -> bool {
        let published = self.held.ca.as_ref().and_then(|ca| ca.published);
        published.is_some_and(|at| self.clocks.settled(at) <= self.seen.now)
    }

    /// Whether its leaf is about to end.
    fn is_in_a_hurry(&self, shown: &Shown) -> bool {
        self.clocks.hurry(shown.leaf.cert().validity) <= self.seen.now
    }

    fn is_trusted(&self, shown: &Shown) -> bool {
        let Seen { names, now, .. } = self.seen;
        self.bundles.iter().all(|bundle| trust::fault(shown.leaf.cert(), bundle, names, now).is_none())
    }

    /// Whether the leaf held waits for its CA to be seen published.
    fn is_unseen(&self) -> bool {
        self.good.as_ref().is_none_or(|good| !self.is_published(&good.ca))
    }

    /// When something is due, or the state is to be looked at anyway.
    fn look_again(&self) -> Duration {
        let due = self.due().map(|at| at - self.seen.now).filter(|left| *left > 0).min();
        let due = due.and_then(|left| u64::try_from(left).ok()).map(Duration::from_secs);
        due.map_or(self.clocks.look(), |due| due.min(self.clocks.look()))
    }
}
