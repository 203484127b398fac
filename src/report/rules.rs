//! The table of rules and their levels, and the page of one.

use super::ReportError;
use crate::finding::Level;
use crate::policy::{Policy, RuleId};
use crate::rules::{Levels, RULES, Rule};
use serde::Serialize;
use std::fmt::Write;

/// The rules and their levels as json; version 1.
#[derive(Serialize)]
struct Table {
    version: u8,
    rules: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    summary: &'static str,
    /// `null` where policy says it under `unknown`.
    levels: Option<Columns>,
    /// Under the policy given.
    level: Level,
}

#[derive(Serialize)]
struct Columns {
    recommended: Level,
    strict: Level,
    relaxed: Level,
}

/// For people: the level under `policy`, then the three profiles.
pub fn text(policy: &Policy) -> String {
    let wide = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let mut out = format!("{:wide$}  LEVEL  RECOMMENDED  STRICT  RELAXED  WHAT\n", "RULE");
    for rule in RULES {
        let [recommended, strict, relaxed] = columns(rule);
        let level = policy.level(rule);
        let line =
            format!("{:wide$}  {level:<5}  {recommended:<11}  {strict:<6}  {relaxed:<7}  {}", rule.id, rule.summary);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// For programs.
pub fn json(policy: &Policy) -> Result<String, ReportError> {
    let rows = RULES.iter().map(|rule| {
        let levels = match rule.levels {
            Levels::Set(recommended, strict, relaxed) => Some(Columns { recommended, strict, relaxed }),
            Levels::Unknown => None,
        };
        Row { id: rule.id, summary: rule.summary, levels, level: policy.level(rule) }
    });
    Ok(serde_json::to_string_pretty(&Table { version: 1, rules: rows.collect() })? + "\n")
}

/// For the README; `pages` is the way from there to the pages.
pub fn markdown(pages: &str) -> String {
    let mut out = "| rule | what it flags | recommended | strict | relaxed |\n|---|---|---|---|---|\n".to_owned();
    for rule in RULES {
        let [recommended, strict, relaxed] = columns(rule);
        let page = format!("{pages}/{}.md", rule.id.replace('-', "_"));
        let _ = writeln!(
            out,
            "| [{}]({page}) | {} | {recommended} | {strict} | {relaxed} |",
            rule.id,
            rule.summary.replace('|', "\\|")
        );
    }
    out
}

/// The page of the rule `id`, or the sentence that names the nearest one.
pub fn page(id: &str) -> Result<&'static str, String> {
    let RuleId(id) = RuleId::try_from(id.to_owned())?;
    Ok(crate::rules::rule(id).map_or("", |rule| rule.page))
}

fn columns(rule: &Rule) -> [&'static str; 3] {
    match rule.levels {
        Levels::Set(recommended, strict, relaxed) => [recommended, strict, relaxed].map(|level| match level {
            Level::Off => "-",
            Level::Warn => "warn",
            Level::Deny => "deny",
        }),
        Levels::Unknown => ["unknown"; 3],
    }
}
