//! Random truth: NAD texts drawn from what the plugins that run here read, held against them like the cases.

mod draw;
mod grammar;
mod shrink;
mod spoil;
mod text;

use super::cases::Case;
use super::cluster::PODS;
use super::harm::harms;
use super::lab::Lab;
use super::places;
use super::reading::reading;
use super::said::Said;
use draw::Draw;
use text::Text;

/// After so many texts that differ a run ends: what is wrong is known, and shrinking takes time.
const MOST_FAILURES: usize = 5;
/// How often a failure is attached again to shrink it.
const MOST_STEPS: usize = 60;

/// What Multus says where the node decides, and not the text: such an ADD is counted, not compared.
const OF_THE_NODE: [&str; 2] = ["failed to find host device", "operation not supported"];

/// What a run saw.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Texts that were attached, without those of shrinking.
    pub texts: usize,
    /// Of these, how many could be attached.
    pub attached: usize,
    /// Of these, for how many `preview` said that it does not know something.
    pub unknown: usize,
    /// Of these, how many failed for the lab's node.
    pub by_node: usize,
    pub failures: Vec<Failure>,
}

/// A text that differs.
#[derive(Debug)]
pub struct Failure {
    /// The text as drawn.
    pub drawn: String,
    /// The smallest that was found.
    pub smallest: String,
    /// What differs in the smallest.
    pub differences: Vec<String>,
}

/// Draws `count` texts and attaches each; the same ones for the same seed.
pub fn run(lab: &mut Lab, count: usize, seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    if count == 0 {
        return outcome;
    }
    println!("random texts: {count} with SEED={seed}");
    for at in 0..count {
        let mut draw = Draw::new(seed, at as u64);
        let text = grammar::text(&mut draw);
        let found = compare(lab, &text);
        outcome.texts += 1;
        outcome.attached += usize::from(found.attached);
        outcome.unknown += usize::from(found.unknown);
        outcome.by_node += usize::from(found.by_node);
        if found.differences.is_empty() {
            continue;
        }
        let failure = shrunk(lab, &text, found.differences);
        println!("DIFFERS  random text {at} of seed {seed}\n{failure}");
        outcome.failures.push(failure);
        if outcome.failures.len() == MOST_FAILURES {
            break;
        }
    }
    println!("{outcome}");
    outcome
}

struct Seen {
    attached: bool,
    unknown: bool,
    by_node: bool,
    differences: Vec<String>,
}

fn compare(lab: &mut Lab, text: &Text) -> Seen {
    let case = Case { name: "random".to_owned(), config: text.written(), server: None };
    let said = Said::of(&case);
    let observed = lab.attach(&case, |observed| places::drawn(&said, observed));
    let unknown = said.preview["unknown"].as_array().is_some_and(|unknown| !unknown.is_empty());
    let harm = harms(&said, &observed).missed;
    let (by_node, differences) = match observed.failed.as_deref() {
        Some(why) if OF_THE_NODE.iter().any(|cause| why.contains(cause)) => (true, Vec::new()),
        Some(why) if is_taken_by_eth0(why) => (true, harm),
        _ => (false, [reading(&said, &observed).differences, harm].concat()),
    };
    Seen { attached: observed.failed.is_none(), unknown, by_node, differences }
}

/// Whether ADD failed for what eth0 has in this lab: its plugin made a route to the node's part of the pod network, and an
/// address in it. `check` denies such a text for that network; what its `preview` says does not depend on eth0.
fn is_taken_by_eth0(why: &str) -> bool {
    let starts = PODS.map(|subnet| subnet.trim_end_matches("0/24").trim_end_matches("/64"));
    let has =
        |cause: &str, word: &str| why.contains(cause) && starts.iter().any(|s| why.contains(&format!("{word}{s}")));
    has("file exists", "Dst: ") || has("invalid argument", "via ")
}

/// The failure with the smallest text that was found.
fn shrunk(lab: &mut Lab, drawn: &Text, mut differences: Vec<String>) -> Failure {
    let sought = differences.first().map(|line| kind(line)).unwrap_or_default();
    let mut smallest = drawn.clone();
    let mut steps = 0;
    let mut at = 0;
    while steps < MOST_STEPS {
        let Some(next) = shrink::smaller(&smallest).into_iter().nth(at) else { break };
        steps += 1;
        let seen = compare(lab, &next).differences;
        if seen.iter().any(|line| kind(line) == sought) {
            (smallest, differences) = (next, seen);
        } else {
            at += 1;
        }
    }
    Failure { drawn: drawn.written(), smallest: smallest.written(), differences }
}

/// What kind of difference a line tells of: its words up to the first that is of this text alone.
fn kind(line: &str) -> String {
    let words = line.split_whitespace();
    words.take(5).take_while(|word| !word.contains(|c: char| c.is_ascii_digit() || "{(".contains(c))).collect()
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "drawn:    {}", self.drawn)?;
        for line in &self.differences {
            // Of what Multus says the rest is its log.
            let told: Vec<&str> = line.lines().take(3).map(str::trim).collect();
            writeln!(f, "  {}", told.join(" "))?;
        }
        // One line of JSON is one line of YAML.
        writeln!(f, "for tests/truth/cases/found.yaml:")?;
        let (name, text) = ("random: say what it shows", serde_json::Value::from(self.smallest.as_str()));
        if self.smallest.contains('\n') {
            write!(f, "\"{name}\": {text}")
        } else {
            write!(f, "\"{name}\": |-\n  {}", self.smallest)
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = 100 * self.attached / self.texts.max(1);
        write!(
            f,
            "{} random texts, {} attached ({share} %), {} partly unknown, {} refused by this node, {} differ",
            self.texts,
            self.attached,
            self.unknown,
            self.by_node,
            self.failures.len()
        )
    }
}
