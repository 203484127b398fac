//! What the overlap and route rules share: which intervals of the main table are the NAD's own, and what they meet.

use crate::cni::{Address, Attachment, Pointer, Route, Taken};
use crate::finding::{Fact, Finding};
use crate::net::{Family, Interval, cover_everything};
use crate::networks::free::nearby_free;
use crate::networks::{Class, Confidence, Network};
use crate::world::{Judged, World};
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// Addresses that a pod with the attachment sends out of migration0.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) interval: Interval,
    pub(super) pointer: Pointer,
    /// A route, not an on-link prefix or an address.
    pub(super) route: bool,
}

impl Own {
    fn what(&self) -> &'static str {
        match (self.route, self.interval.prefix()) {
            (true, _) => "Route",
            (false, Some(_)) => "Prefix",
            (false, None) => "Pool",
        }
    }
}

/// The on-link prefixes, the addresses whose prefix has left the main table, and the routes that lead beyond the
/// prefixes and are no part of a default; each interval once.
pub(super) fn owned(attachment: &Attachment) -> Vec<Own> {
    let addresses = attachment.addresses.iter().filter(|address| !address.prefix.is_everything());
    let mut seen = BTreeSet::new();
    let mut own: Vec<_> = addresses.map(own_address).filter(|own| seen.insert(own.interval)).collect();
    let defaults = Family::ALL.map(|family| default_parts(attachment, family)).concat();
    let routes = main_routes(attachment).map(|route| Own {
        interval: route.dst.interval(),
        pointer: route.pointer.clone(),
        route: true,
    });
    let beyond = |route: &Own| !own.iter().any(|prefix| prefix.interval.holds(route.interval));
    let leading = routes.filter(|route| beyond(route) && !defaults.contains(&route.interval));
    let routes: Vec<_> = leading.filter(|route| seen.insert(route.interval)).collect();
    own.extend(routes);
    own
}

fn own_address(address: &Address) -> Own {
    let interval = match (address.on_link, &address.taken) {
        (true, _) => address.prefix.interval(),
        (false, Taken::Fixed(one)) => Interval::single(*one),
        (false, Taken::Pool(pool, _)) => *pool,
    };
    Own { interval, pointer: address.pointer.clone(), route: false }
}

/// The routes that every packet meets: those of the main table, and of the table `local`, which the kernel asks before it.
pub(super) fn main_routes(attachment: &Attachment) -> impl Iterator<Item = &Route> {
    attachment.routes.iter().filter(|route| matches!(route.table, None | Some(254 | 255)))
}

/// The main-table routes that are a default route of the family: /0, or the widest ones if together they cover it.
pub(super) fn default_parts(attachment: &Attachment, family: Family) -> Vec<Interval> {
    let routes: Vec<_> =
        main_routes(attachment).map(|route| route.dst.interval()).filter(|i| i.family() == family).collect();
    if let Some(whole) = routes.iter().find(|interval| **interval == family.everything().interval()) {
        return vec![*whole];
    }
    let on_link =
        attachment.addresses.iter().filter(|address| address.on_link).map(|address| address.prefix.interval());
    if routes.is_empty() || !cover_everything(family, routes.iter().copied().chain(on_link)) {
        return Vec::new();
    }
    let widest = |one: &&Interval| !routes.iter().any(|other| other != *one && other.holds(**one));
    routes.iter().filter(widest).copied().collect()
}

/// The first of the intervals, and how many more there are.
pub(super) fn listed(intervals: &[Interval]) -> String {
    let named = intervals.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match intervals.len().saturating_sub(3) {
        0 => named,
        n => format!("{named} and {n} more"),
    }
}

/// One finding for each own interval and network of `class` that it meets; exact addresses of nodes count as one.
pub(super) fn findings(world: &World, rule: &'static str, class: Class, harm: &str) -> Vec<Finding> {
    let judged = world.judged().iter();
    judged.flat_map(|judged| of_judged(world, judged, rule, &[class], harm)).collect()
}

/// The same for one judged NAD and several classes.
pub(super) fn of_judged(
    world: &World,
    judged: &Judged,
    rule: &'static str,
    classes: &[Class],
    harm: &str,
) -> Vec<Finding> {
    let own = owned(&judged.attached.attachment);
    let meetings = own.iter().map(|own| Clash { world, judged, rule, own, harm, remedy: OnceCell::new() });
    meetings.flat_map(|clash| classes.iter().flat_map(|class| clash.with(*class)).collect::<Vec<_>>()).collect()
}

/// One own interval and what it may meet.
struct Clash<'c> {
    world: &'c World,
    judged: &'c Judged,
    rule: &'static str,
    own: &'c Own,
    /// What comes of it.
    harm: &'c str,
    /// Worked out with the first finding: there can be thousands.
    remedy: OnceCell<String>,
}

impl Clash<'_> {
    fn with(&self, class: Class) -> Vec<Finding> {
        let hits = self.world.meeting(self.judged, class, self.own.interval);
        let (exact, wide): (Vec<_>, Vec<_>) =
            hits.into_iter().partition(|hit| class == Class::Node && hit.interval.size() == 1);
        wide.iter().map(|hit| self.with_network(hit)).chain(self.with_nodes(&exact)).collect()
    }

    fn with_network(&self, hit: &Network<'_>) -> Finding {
        let lead = hit.lead();
        // A node's address and its on-link prefix are two claims of one field.
        let origins: BTreeSet<_> = hit.claims.iter().map(|claim| &claim.origin).collect();
        let more = and_more(origins.len());
        let message = format!(
            "{} {} of {} meets {} network {} ({}{more}; {}): {}.",
            self.own.what(),
            self.own.interval,
            self.judged.who(),
            hit.class,
            hit.interval,
            lead.origin,
            hit.confidence,
            self.harm,
        );
        // Classes of one rule can hold equal intervals.
        let subject = match hit.class {
            Class::LoadBalancer | Class::Other => format!("{} {} {}", self.own.interval, hit.class, hit.interval),
            _ => format!("{} {}", self.own.interval, hit.interval),
        };
        self.finding(subject, hit).says(message, self.help(hit.confidence))
    }

    /// All exact node addresses inside the interval.
    fn with_nodes(&self, hits: &[Network<'_>]) -> Option<Finding> {
        let strongest = hits.iter().rev().max_by_key(|hit| hit.confidence)?;
        let more = and_more(hits.len());
        let message = format!(
            "{} {} of {} holds {} ({}; {}){more} of nodes or the API server: {}.",
            self.own.what(),
            self.own.interval,
            self.judged.who(),
            strongest.interval.first(),
            strongest.lead().origin,
            strongest.confidence,
            self.harm,
        );
        let subject = format!("{} nodes", self.own.interval);
        Some(self.finding(subject, strongest).says(message, self.help(strongest.confidence)))
    }

    fn finding(&self, subject: String, hit: &Network<'_>) -> Finding {
        Finding {
            pointer: Some(self.own.pointer.clone()),
            fact: Some(Fact {
                class: hit.class,
                interval: hit.interval,
                origin: hit.lead().origin.clone(),
                confidence: hit.confidence,
            }),
            ..self.judged.finding(self.rule, subject)
        }
    }

    fn help(&self, confidence: Confidence) -> String {
        let remedy = self.remedy.get_or_init(|| self.remedy());
        match confidence {
            Confidence::Stale => format!(
                "{remedy} The fact was written at install and may be out of date: confirm it in the networks file, or \
                 except it in the policy."
            ),
            _ => remedy.clone(),
        }
    }

    fn remedy(&self) -> String {
        if self.own.route {
            return "Remove the route: migration peers are on-link and need none.".to_owned();
        }
        let (own, taken) = (self.own.interval, self.world.networks());
        match own.prefix().and_then(|prefix| nearby_free(prefix.length(), own, taken, &[])) {
            Some(free) => format!("Use a subnet that nothing else uses; {free} is free as far as is known."),
            None => "Use a subnet that nothing else in the cluster uses.".to_owned(),
        }
    }
}

/// ` and 3 more` for the others of `count`.
fn and_more(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        n => format!(" and {n} more"),
    }
}
