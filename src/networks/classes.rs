//! Which classes of networks are known, and why the others are not.
//!
//! A class is known when somebody who is not a floor says everything about it: the networks file or a flag, a source
//! whose list is whole, or an object that is the whole truth in itself. Knowing nothing is never "there is none".

use super::declared::Declared;
use super::{Class, Confidence};
use crate::sources::{Found, Reads, SOURCES, Source};
use serde::Serialize;
use std::collections::BTreeMap;

/// Whether everything of a class is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "lowercase")]
pub enum Known {
    /// All that the cluster uses.
    Known,
    /// Perhaps not all: the reason, without a capital letter or full stop; [`remedy`] says what to do.
    Unknown(String),
}

impl Known {
    /// Why it is unknown.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Known => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

/// The state of every class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    states: BTreeMap<Class, Known>,
}

impl Classes {
    /// From what people said and what objects say; `is_whole` tells whether the list of a resource is whole (a cluster's
    /// list that succeeded, empty where the resource does not exist).
    pub fn of<'f>(
        declared: &Declared,
        found: impl IntoIterator<Item = &'f Found>,
        is_whole: impl Fn(&Reads) -> bool,
    ) -> Self {
        let mut tallies: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
        for one in found {
            tallies.entry(one.source).or_default().count(one);
        }
        let state = |class| {
            let declared = declared.knows().contains(&class);
            if declared { Known::Known } else { learned(class, &tallies, &is_whole) }
        };
        Self { states: Class::ALL.into_iter().map(|class| (class, state(class))).collect() }
    }

    /// The state of `class`.
    pub fn state(&self, class: Class) -> Option<&Known> {
        self.states.get(&class)
    }

    /// Whether everything of `class` is known.
    pub fn is_known(&self, class: Class) -> bool {
        self.state(class) == Some(&Known::Known)
    }

    /// One sentence: why `class` is not known, and what to do; `None` if it is known.
    pub fn sentence(&self, class: Class) -> Option<String> {
        let why = self.state(class)?.why()?;
        Some(format!("The {} are not known: {why}; {}.", noun(class), remedy(class)))
    }

    /// Every class with its state, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (Class, &Known)> {
        self.states.iter().map(|(class, known)| (*class, known))
    }
}

/// What the objects of one source say together.
#[derive(Debug, Default)]
struct Tally<'f> {
    /// The first object with a claim of the class, and how many there are.
    claimed: BTreeMap<Class, (&'f Found, usize)>,
    /// The first object with a field that cannot be read.
    bad: Option<&'f Found>,
}

impl<'f> Tally<'f> {
    fn count(&mut self, found: &'f Found) {
        let said = |class: &Class| {
            found.claims.iter().any(|claim| claim.class == *class && claim.confidence != Confidence::Floor)
        };
        for class in Class::ALL.into_iter().filter(said) {
            self.claimed.entry(class).or_insert((found, 0)).1 += 1;
        }
        self.bad = self.bad.or_else(|| Some(found).filter(|found| !found.bad.is_empty()));
    }
}

fn learned(class: Class, tallies: &BTreeMap<&str, Tally<'_>>, is_whole: impl Fn(&Reads) -> bool) -> Known {
    let sources = || SOURCES.iter().filter(|source| source.knows.contains(&class));
    let told = || sources().filter_map(|source| Some((source, tallies.get(source.name)?)));
    let whole = |source: &Source| source.whole_in_itself || source.reads.iter().all(&is_whole);
    let all_read = |(source, tally): (&&Source, &Tally<'_>)| {
        tally.claimed.contains_key(&class) && tally.bad.is_none() && whole(source)
    };
    if told().any(all_read) {
        return Known::Known;
    }
    let unreadable = told().find_map(|(_, tally)| tally.bad).and_then(unreadable);
    let part = || told().find_map(|(_, tally)| tally.claimed.get(&class)).map(|claimed| a_part(*claimed));
    let why = unreadable.or_else(part).unwrap_or_else(|| "nothing that was read names them all".to_owned());
    Known::Unknown(why)
}

fn unreadable(found: &Found) -> Option<String> {
    let (path, why) = found.bad.first()?;
    Some(format!("{path} of {} cannot be read ({why})", found.object))
}

fn a_part((found, count): (&Found, usize)) -> String {
    match count {
        1 => format!("{} may name only a part of them", found.object),
        _ => format!("{} and {} more may name only a part of them", found.object, count - 1),
    }
}

/// What messages call the networks of a class.
fn noun(class: Class) -> &'static str {
    match class {
        Class::Pod => "pod networks",
        Class::Service => "service networks",
        Class::Node => "nodes' networks",
        Class::CniInternal => "CNI's internal ranges",
        Class::LoadBalancer => "load balancers' pools",
        Class::Secondary => "secondary networks",
        Class::Other => "other networks",
    }
}

/// What makes a class known, without a capital letter or full stop.
pub fn remedy(class: Class) -> &'static str {
    match class {
        Class::Pod => "list them under `pods` in the networks file or the policy's `networks`, or give --pod-cidr",
        Class::Service => {
            "list them under `services` in the networks file or the policy's `networks`, or give --service-cidr"
        }
        Class::Node => "list the nodes under `nodes` in the networks file or the policy's `networks`",
        Class::CniInternal => "list them under `internal` in the networks file or the policy's `networks`",
        Class::LoadBalancer => "list them under `loadBalancers` in the networks file or the policy's `networks`",
        Class::Secondary => "list them under `secondary` in the networks file or the policy's `networks`",
        Class::Other => "list them under `other` in the networks file or the policy's `networks`",
    }
}

#[cfg(test)]
mod tests;
