//! The counts of a run.

use super::cases::Case;
use super::comparison::Comparison;
use super::harm::{BARE, CLUSTER, FAILS, OUTSIDE, PEERS};
use std::collections::BTreeMap;
use std::fmt;

/// What is compared.
const FIELDS: [&str; 3] = ["fails", "addresses", "routes"];

/// What `check` must say of each kind of harm.
const WORDS: [(&str, &str); 5] = [
    (FAILS, "denied by any rule"),
    (CLUSTER, "denied by an overlap or route rule"),
    (OUTSIDE, "warned of or denied by a rule that speaks of the prefix or route"),
    (PEERS, "denied by `no-route-to-peers` or `no-address`, or by the rule that says why the prefix has no route"),
    (BARE, "denied by `no-address`"),
];

/// All of it.
#[derive(Debug, Default)]
pub struct Tally {
    groups: BTreeMap<String, Group>,
    /// Why, then by field.
    left_out: BTreeMap<String, BTreeMap<&'static str, usize>>,
    /// How many, and the first of them.
    idle: BTreeMap<String, (usize, String)>,
}

/// Of one group of cases.
#[derive(Debug, Default)]
struct Group {
    cases: usize,
    /// By field.
    compared: BTreeMap<&'static str, usize>,
    left_out: usize,
    /// Cases with this kind of harm.
    harms: BTreeMap<&'static str, usize>,
    different: usize,
}

impl Tally {
    /// Counts a case, and prints it in full if it differs.
    pub fn add(&mut self, case: &Case, comparison: Comparison) {
        let differences = comparison.differences();
        if !differences.is_empty() {
            println!("DIFFERS  {}\n{}\n  {}", case.name, case.config, differences.join("\n  "));
        }
        let group = self.groups.entry(case.group().to_owned()).or_default();
        group.cases += 1;
        group.different += usize::from(!differences.is_empty());
        group.left_out += comparison.reading.left_out.len();
        for field in comparison.reading.compared {
            *group.compared.entry(field).or_default() += 1;
        }
        for kind in comparison.harms.seen {
            *group.harms.entry(kind).or_default() += 1;
        }
        for (field, why) in comparison.reading.left_out {
            *self.left_out.entry(why).or_default().entry(field).or_default() += 1;
        }
        for cause in comparison.harms.idle {
            self.idle.entry(cause).or_insert_with(|| (0, case.name.clone())).0 += 1;
        }
    }

    /// How many cases differ.
    pub fn differences(&self) -> usize {
        self.groups.values().map(|group| group.different).sum()
    }

    /// One line about a group, for people.
    pub fn line(&self, name: &str) -> String {
        let group = &self.groups[name];
        let word = if group.different == 0 { "ok" } else { "DIFFERS" };
        let [fails, addresses, routes] = group.fields();
        let (cases, left_out, harms) = (group.cases, group.left_out, group.harms.values().sum::<usize>());
        format!(
            "{word:<8} {name:<12} {cases:>4} cases; compared: {fails} times whether ADD fails, {addresses} addresses, \
             {routes} routes; {left_out} left out; {harms} harms; {} differ",
            group.different
        )
    }

    /// The causes of denials without harm.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.idle.keys().map(String::as_str)
    }

    /// The tables of docs/truth.md.
    pub fn tables(&self) -> String {
        let mut out = "| cases | texts | ADD | addresses | routes | left out | harms | differences |\n\
                       |---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let mut all = Group::default();
        for (name, group) in &self.groups {
            out += &group.row(&name.replace('_', "-"));
            all.join(group);
        }
        out += &all.row("**all**");
        out += "\n| harm that was seen | texts | what `check` must say |\n|---|---|---|\n";
        let count = |kind| all.harms.get(kind).copied().unwrap_or_default();
        out.extend(WORDS.map(|(kind, word)| format!("| {kind} | {} | {word} |\n", count(kind))));
        out += "\n| denied, though no such harm was seen | texts |\n|---|---|\n";
        out.extend(self.idle.iter().map(|(cause, (count, _))| format!("| {cause} | {count} |\n")));
        out += "\n| left out, because `preview` says that it cannot know: why | ADD | addresses | routes |\n|---|---|---|---|\n";
        let rows = self.left_out.iter().map(|(why, fields)| {
            let [fails, addresses, routes] = FIELDS.map(|field| fields.get(field).copied().unwrap_or_default());
            format!("| {why} | {fails} | {addresses} | {routes} |\n")
        });
        out.extend(rows);
        out
    }
}

impl Group {
    fn fields(&self) -> [usize; 3] {
        FIELDS.map(|field| self.compared.get(field).copied().unwrap_or_default())
    }

    fn row(&self, name: &str) -> String {
        let [fails, addresses, routes] = self.fields();
        let (cases, left_out, harms) = (self.cases, self.left_out, self.harms.values().sum::<usize>());
        let different = self.different;
        format!("| {name} | {cases} | {fails} | {addresses} | {routes} | {left_out} | {harms} | {different} |\n")
    }

    fn join(&mut self, other: &Self) {
        self.cases += other.cases;
        self.left_out += other.left_out;
        self.different += other.different;
        for (field, count) in &other.compared {
            *self.compared.entry(field).or_default() += count;
        }
        for (kind, count) in &other.harms {
            *self.harms.entry(kind).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Group::default();
        self.groups.values().for_each(|group| all.join(group));
        for (kind, count) in &all.harms {
            writeln!(out, "harm: {kind}: {count} texts")?;
        }
        for (cause, (count, first)) in &self.idle {
            writeln!(out, "denied without such harm: {cause}: {count} texts, the first is {first}")?;
        }
        for (why, fields) in &self.left_out {
            let counts: Vec<_> = fields.iter().map(|(field, count)| format!("{field} {count} times")).collect();
            writeln!(out, "left out: {}: {why}", counts.join(", "))?;
        }
        let [fails, addresses, routes] = all.fields();
        writeln!(
            out,
            "{} texts: whether ADD fails compared {fails} times, addresses {addresses} times, routes {routes} times; \
             {} differ",
            all.cases, all.different
        )
    }
}
