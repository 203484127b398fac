//! docs/truth.md: its tables are written by the run.

use super::tally::Tally;
use std::path::Path;

const OPEN: &str = "<!-- tables: written by make truth GENERATE=1 -->\n";
const CLOSE: &str = "<!-- end of tables -->";

/// Writes the tables, and below them `further` lines, if GENERATE is set; else says what is out of date.
pub fn settle(tally: &Tally, further: &[String]) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/truth.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(OPEN).unwrap();
    let (old, tail) = rest.split_once(CLOSE).unwrap();
    if let Some(cause) = tally.causes().find(|cause| !tail.contains(&format!("**{cause}**"))) {
        return Some(format!("docs/truth.md does not explain why `check` denies without harm: {cause}"));
    }
    let tables = format!("{}\n- {}\n", tally.tables(), further.join("\n- "));
    if old == tables {
        return None;
    }
    if std::env::var_os("GENERATE").is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, format!("{head}{OPEN}{tables}{CLOSE}{tail}")).unwrap();
        return None;
    }
    let line = tables.lines().find(|line| !old.lines().any(|known| known == *line)).unwrap_or("a line less");
    Some(format!("docs/truth.md is not up to date, run `make truth GENERATE=1`: {line}"))
}
