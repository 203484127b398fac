//! Why `check` denies although nothing that it denies for was seen: each cause has a paragraph in docs/truth.md.

use super::observed::Observed;
use super::said::Said;
use std::collections::BTreeSet;

/// The causes of a case, each once.
pub fn causes(said: &Said, observed: &Observed) -> BTreeSet<String> {
    let changed = observed.ways.iter().any(super::observed::Way::changed);
    said.denied().filter(|_| !changed).map(|(rule, finding)| format!("{rule} {}", finding["subject"])).collect()
}
