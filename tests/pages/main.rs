//! Every rule's page is run: its examples must give exactly the findings that their comments name.

mod page;
mod world;

use kubevirt_preflight::rules::{RULES, Rule};
use page::{Block, Page};
use std::collections::BTreeMap;

/// Warnings of the API server are cut beyond this many characters.
const LONGEST: usize = 256;

#[test]
fn every_page_has_what_a_page_has() {
    let wrong = RULES.iter().flat_map(|rule| {
        let lacks = Page::of(rule.page).lacks(rule.id);
        lacks.into_iter().map(|what| format!("{}: {what}", rule.id))
    });
    assert_none(wrong);
}

#[test]
fn examples_give_the_findings_that_their_comments_name() {
    assert_none(RULES.iter().flat_map(|rule| mismatches(rule.id, &Page::of(rule.page))));
}

#[test]
fn ids_name_the_pattern_and_read_well_after_allow() {
    let wrong = RULES.iter().filter(|rule| !is_well_named(rule.id)).map(|rule| rule.id.to_owned());
    assert_none(wrong);
    let unique: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(unique.len(), RULES.len());
}

#[test]
fn messages_are_short_sentences() {
    let wrong = RULES.iter().flat_map(|rule| messages(rule)).flat_map(|(place, text)| {
        let long =
            (text.chars().count() > LONGEST).then(|| format!("{place}: {} characters: {text}", text.chars().count()));
        let open = (!text.ends_with('.')).then(|| format!("{place}: no full stop: {text}"));
        let stops = text.ends_with("..").then(|| format!("{place}: two full stops: {text}"));
        [long, open, stops].into_iter().flatten()
    });
    assert_none(wrong);
}

/// A harness that finds nothing wrong with a wrong page proves nothing.
#[test]
fn a_wrong_page_is_found_out() {
    let right = RULES.iter().find(|rule| rule.id == "odd-reference").unwrap().page;
    let broken = |from: &str, to: &str| {
        assert!(right.contains(from), "{from}");
        let page = Page::of(&right.replace(from, to));
        [page.lacks("odd-reference"), mismatches("odd-reference", &page)].concat()
    };
    assert!(broken("# odd-reference\n", "# odd-reference\n").is_empty());
    for (from, to) in [
        ("# odd-reference\n", "# odd-text\n"),
        ("## Fix", "## Remedy"),
        ("The subject of a finding", "The subject"),
        ("```yaml world\n", "```yaml\n"),
        ("```yaml world\n", "```yaml world whole\n"),
        ("entry `network`", "entry `net`"),
        ("network: mig}", "network: \" mig\"}"),
        ("# warn: odd-reference", "# deny: odd-reference"),
        (" # warn: odd-reference", ""),
        ("# warn: odd-reference", "# warn: odd-reference # warn: odd-reference"),
    ] {
        assert!(!broken(from, to).is_empty(), "{from} -> {to}");
    }
}

fn assert_none(wrong: impl Iterator<Item = String>) {
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}\n{} in all", wrong.join("\n"), wrong.len());
}

/// Lower-case words and dashes, and no verb that says what to do about it.
fn is_well_named(id: &str) -> bool {
    const VERBS: [&str; 9] = ["allow", "avoid", "check", "deny", "disallow", "ensure", "forbid", "prevent", "require"];
    id.split('-').all(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'2') && !VERBS.contains(&word)
    })
}

/// Each finding that a block should give and does not, or gives and should not.
fn mismatches(rule: &str, page: &Page) -> Vec<String> {
    page.tests().flat_map(|block| mismatch(rule, page, block)).collect()
}

fn mismatch(rule: &str, page: &Page, block: &Block) -> Vec<String> {
    // Wanted counts up, found counts down; what is left over is wrong.
    let mut tally: BTreeMap<(Option<usize>, String), (i32, String)> = BTreeMap::new();
    let documents = block.documents.iter().enumerate().map(|(at, document)| (Some(at), &document.marks));
    for (at, marks) in documents.chain([(None, &block.gone)]) {
        for mark in marks {
            tally.entry((at, mark.clone())).or_default().0 += 1;
        }
    }
    let found = match world::findings(page, block) {
        Ok(found) => found,
        Err(error) => return vec![format!("{rule}: block at line {}: {error}", block.line)],
    };
    for (at, finding) in found {
        let entry = tally.entry((at, format!("{} {}", finding.level, finding.rule))).or_default();
        *entry = (entry.0 - 1, finding.message);
    }
    let left = tally.into_iter().filter(|(_, (count, _))| *count != 0);
    let told = left.map(|((at, mark), (count, message))| {
        let what = if count > 0 { "missing" } else { "unexpected" };
        let document = at.map_or("gone".to_owned(), |at| format!("document {}", at + 1));
        format!("{rule}: block at line {}, {document}: {what} {mark} {message}", block.line)
    });
    told.collect()
}

/// Messages and helps of the page's own findings.
fn messages(rule: &Rule) -> Vec<(String, String)> {
    let page = Page::of(rule.page);
    let found = page.tests().flat_map(|block| world::findings(&page, block).unwrap_or_default());
    let own = found.filter(|(_, finding)| finding.rule == rule.id);
    own.flat_map(|(_, f)| [(format!("{} message", rule.id), f.message), (format!("{} help", rule.id), f.help)])
        .collect()
}
