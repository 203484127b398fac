//! Why a file of ours (networks, policy) is refused: the place, and a sentence that mends it.

use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

/// A file of ours that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {why}")]
pub struct FileError {
    /// As it was named.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// One sentence without the place.
    pub why: String,
}

impl FileError {
    /// From what the YAML reader says about `file`.
    pub fn of(file: &str, error: &Error) -> Self {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
        Self { file: file.to_owned(), line: number(line), column: number(column), why: printable(&sentence(error)) }
    }
}

/// Control characters of a file must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn sentence(error: &Error) -> String {
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            let meant = expected.iter().find(|key| is_near(field, key));
            let meant = meant.map_or_else(String::new, |key| format!(" (is `{key}` meant?)"));
            format!("There is no key `{field}` here{meant}; the keys are {}.", listed(expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` cannot stand here; write {}.", one_of(expected))
        }
        Error::SerdeMissingField { field, .. } => format!("The key `{field}` is missing; add it."),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("The key `{key}` stands twice; keep one of them."),
        Error::Unexpected { expected, .. } => format!("Write {} here.", shape(expected)),
        Error::NullIntoString { .. } => "Write a value here; there is none.".to_owned(),
        Error::InvalidBooleanStrict { .. } | Error::InvalidScalar { ty: "boolean" | "bool", .. } => {
            "Write true or false here.".to_owned()
        }
        Error::Eof { .. } => "The file is empty or ends too early; write the keys that it must have.".to_owned(),
        Error::MultipleDocuments { .. } => "The file holds more than one YAML document; keep one.".to_owned(),
        Error::Message { msg, .. } => format!("{msg}."),
        other => format!("This is not YAML as it must be: {}.", UserMessageFormatter.format_message(other)),
    }
}

/// The YAML reader's word for a kind of value, in the words of people who write YAML.
fn shape(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list",
        "mapping start" => "keys with values",
        "string scalar" => "a plain text",
        other => other,
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// `a`, `b` or `c`
fn one_of(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or `{last}`", listed(first)),
        all => listed(all),
    }
}

/// Equal but for case, or for one letter too many, too few or wrong.
fn is_near(typed: &str, key: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (typed.to_lowercase().chars().collect(), key.to_lowercase().chars().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    a.len().abs_diff(b.len()) <= 1 && head + tail + 1 >= a.len().max(b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_one_letter() {
        for near in ["pod", "Pods", "podz", "ppods", "pds", "pods"] {
            assert!(is_near(near, "pods"), "{near}");
        }
        for far in ["po", "services", "", "spod", "nodes"] {
            assert!(!is_near(far, "pods"), "{far}");
        }
    }
}
