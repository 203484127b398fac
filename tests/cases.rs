//! Verdicts from the outside: each file of tests/cases is a list of worlds with the findings that they must give.
//!
//! A line `## world OPTIONS` (or `before`, `after`) begins a block as a fence does in a rule's page; a comment
//! `# deny: RULE` or `# deny: RULE SUBJECT` in a document is a finding about it. `as-above` adds the documents of the
//! file's first block whose kind the block has none of. What is not named must not be found.
#![allow(clippy::unwrap_used)]

#[path = "pages/page.rs"]
#[allow(dead_code)]
mod page;
#[path = "pages/world.rs"]
mod world;

use kubevirt_preflight::finding::{Finding, Level};
use kubevirt_preflight::rules::{Levels, RULES};
use page::{Block, Page};
use std::collections::BTreeMap;
use std::{env, fs};

#[test]
fn every_case_gives_exactly_the_findings_that_it_names() {
    let wrong: Vec<_> = files().flat_map(|(name, text)| wrong(&name, &text)).collect();
    assert!(wrong.is_empty(), "{}\n{} in all", wrong.join("\n"), wrong.len());
}

/// A harness that finds nothing wrong with a wrong case proves nothing.
#[test]
fn a_wrong_case_is_found_out() {
    let (_, right) = files().find(|(name, _)| name == "routes.yaml").unwrap();
    assert!(wrong("routes.yaml", &right).is_empty());
    for (from, to) in [
        ("# deny: default-route IPv4", "# deny: default-route IPv6"),
        ("# deny: default-route IPv4", "# warn: default-route IPv4"),
        ("# deny: default-route IPv4", ""),
        ("## world as-above\n", "## world as-above whole\n"),
    ] {
        assert!(right.contains(from), "{from}");
        assert!(!wrong("routes.yaml", &right.replacen(from, to, 1)).is_empty(), "{from} -> {to}");
    }
}

/// Recommended, strict, relaxed.
#[test]
fn levels_are_those_of_the_specification() {
    let wanted: BTreeMap<_, _> = LEVELS.iter().flat_map(|(levels, ids)| ids.iter().map(|id| (*id, *levels))).collect();
    let letter = |level| match level {
        Level::Deny => 'D',
        Level::Warn => 'W',
        Level::Off => '-',
    };
    let found = RULES.iter().map(|rule| match rule.levels {
        Levels::Set(a, b, c) => (rule.id, format!("{}/{}/{}", letter(a), letter(b), letter(c))),
        Levels::Unknown => (rule.id, "u".to_owned()),
    });
    let found: BTreeMap<_, _> = found.collect();
    let wanted: BTreeMap<_, _> = wanted.into_iter().map(|(id, levels)| (id, levels.to_owned())).collect();
    assert_eq!(found, wanted);
}

const LEVELS: &[(&str, &[&str])] = &[
    (
        "D/D/D",
        &[
            "reference-syntax",
            "foreign-namespace-attachment",
            "pod-network-overlap",
            "service-network-overlap",
            "node-network-overlap",
            "special-range",
            "no-address",
            "default-route",
            "unusable-config",
            "ambiguous-config",
            "unreadable-document",
        ],
    ),
    (
        "D/D/W",
        &[
            "missing-attachment",
            "attachment-in-use",
            "cni-internal-overlap",
            "no-route-to-peers",
            "node-local-ipam",
            "duplicate-pool",
            "range-too-small",
            "missing-interface",
            "dhcp-routes",
            "misspelt-kind",
        ],
    ),
    (
        "W/D/-",
        &[
            "odd-reference",
            "unseen-attachment",
            "cross-namespace-attachment",
            "customized-network",
            "cleartext-migration",
            "secondary-network-overlap",
            "routes-off-network",
            "odd-spelling",
            "duplicate-object",
        ],
    ),
    (
        "W/W/-",
        &[
            "ignored-kubevirt",
            "edit-in-use",
            "weak-interface",
            "unusual-range",
            "shared-pool",
            "tight-range",
            "gateway-outside-network",
            "dhcp-may-route",
            "shared-l2-gateway",
            "implicit-master",
            "resource-not-requested",
        ],
    ),
    ("W/D/W", &["expired-exception"]),
    ("u", &["opaque-config", "unchecked-networks"]),
];

/// The case files; with CASE only those whose name has it.
fn files() -> impl Iterator<Item = (String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    let only = env::var("CASE").unwrap_or_default();
    files.into_iter().filter(move |(name, _)| name.contains(&only))
}

fn wrong(name: &str, text: &str) -> Vec<String> {
    let text = fenced(text);
    let page = Page::of(&text);
    let strays = page.strays.iter().map(|stray| format!("{name}: {stray}"));
    strays
        .chain(page.tests().flat_map(|block| {
            let title = text.lines().nth(block.line).unwrap_or_default();
            mismatches(&format!("{name}: {title}"), &page, block)
        }))
        .collect()
}

/// The file as a rule's page would have it; every line keeps its number but for the closing fences before it.
fn fenced(text: &str) -> String {
    let lines = text.lines().enumerate().map(|(at, line)| match line.strip_prefix("## ") {
        Some(rest) if at == 0 => ["```yaml ", rest, "\n"].concat(),
        Some(rest) => ["```\n```yaml ", rest, "\n"].concat(),
        None => [line, "\n"].concat(),
    });
    lines.chain(["```\n".to_owned()]).collect()
}

fn mismatches(place: &str, page: &Page, block: &Block) -> Vec<String> {
    let mut found = match world::findings(page, block) {
        Ok(found) => found,
        Err(error) => return vec![format!("{place}: {error}")],
    };
    let documents = block.documents.iter().enumerate().map(|(at, document)| (Some(at), &document.marks));
    let marks = documents.chain([(None, &block.gone)]).flat_map(|(at, marks)| marks.iter().map(move |mark| (at, mark)));
    // Those that name a subject choose first.
    let (exact, loose): (Vec<_>, Vec<_>) = marks.partition(|(_, mark)| mark.split(' ').nth(2).is_some());
    let missing = exact.into_iter().chain(loose).filter(|(at, mark)| !take(&mut found, *at, mark));
    let missing: Vec<_> = missing.map(|(_, mark)| format!("{place}: missing {mark}")).collect();
    let unexpected = found.into_iter().map(|(_, f)| {
        let Finding { level, rule, subject, message, .. } = f;
        format!("{place}: unexpected {level} {rule} {subject}\n    {message}")
    });
    missing.into_iter().chain(unexpected).collect()
}

/// Whether a finding was there to be taken away.
fn take(found: &mut Vec<world::Found>, document: Option<usize>, mark: &str) -> bool {
    let is_it = |(at, finding): &world::Found| {
        let short = format!("{} {}", finding.level, finding.rule);
        *at == document && (mark == short || mark == format!("{short} {}", finding.subject))
    };
    let position = found.iter().position(is_it);
    position.map(|at| found.remove(at)).is_some()
}
