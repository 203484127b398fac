//! What a command said.

use kubevirt_preflight::rules::RULES;
use std::collections::BTreeSet;
use std::process::Output;

/// Whether it succeeded, and its output and errors (warnings, too) in this order.
#[derive(Clone, Debug)]
pub struct Said {
    pub ok: bool,
    pub text: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Self { ok: output.status.success(), text }
    }
}

impl Said {
    /// The findings that it names, as the pages name them: `deny default-route`, `warn tight-range`.
    pub fn findings(&self) -> BTreeSet<String> {
        self.text.lines().filter_map(finding).collect()
    }
}

fn finding(line: &str) -> Option<String> {
    let (level, rest) = match (
        line.strip_prefix("Warning: "),
        line.split_once(" denied the request: ").or(line.split_once(" denied request: ")),
    ) {
        (Some(rest), _) => ("warn", rest),
        (None, Some((_, rest))) => ("deny", rest),
        (None, None) => ("deny", line),
    };
    let (id, _) = rest.split_once(": ")?;
    RULES.iter().any(|rule| rule.id == id).then(|| format!("{level} {id}"))
}
