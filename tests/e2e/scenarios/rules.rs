//! The examples of the rules' pages, written to the API server.

#[allow(dead_code)]
#[path = "../../pages/page.rs"]
mod page;

use super::policy;
use crate::lab::{KUBEVIRT, Lab, kubevirt, nad};
use crate::process::within;
use kubevirt_preflight::rules::RULES;
use page::{Block, Kind, Page};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Rules that no admission can show, each with the reason.
const NOT_HERE: [(&str, &str); 8] = [
    ("duplicate-object", "an API server has every object once"),
    ("expired-exception", "of the policy, not of a write; the scenario of exceptions has it"),
    ("misspelt-kind", "an API server does not take it"),
    ("missing-attachment", "the NAD may come with the next write: unseen-attachment"),
    ("missing-interface", "NodeNetworkStates are read only if asked for; the scenario of interfaces has it"),
    ("unchecked-networks", "shown by itself, below"),
    ("unreadable-document", "an API server does not take it"),
    ("weak-interface", "as missing-interface"),
];

/// Kinds that are written; an example that needs another is passed over.
const KINDS: [&str; 3] = ["NetworkAttachmentDefinition", "KubeVirt", "HyperConverged"];

/// What a page's example comes to: its objects, the policy, and what must be found.
struct Example {
    title: String,
    before: Vec<Value>,
    after: Vec<Value>,
    policy: Value,
    wanted: BTreeSet<String>,
}

pub fn pages(lab: &mut Lab) {
    let mut examples: Vec<Example> = RULES.iter().flat_map(|rule| of_rule(rule.id, rule.page)).collect();
    // A policy is read by the replicas within seconds: each one once.
    examples.sort_by_key(|example| example.policy.to_string());
    for rule in RULES.iter().filter(|rule| NOT_HERE.iter().all(|(id, _)| *id != rule.id)) {
        let shown =
            examples.iter().any(|example| example.wanted.iter().any(|mark| mark.ends_with(&format!(" {}", rule.id))));
        lab.check(&format!("an example of {}", rule.id), shown, "none whose objects can be written here");
    }
    let mut current = Value::Null;
    for example in &examples {
        if example.policy != current {
            lab.policy(&example.policy);
            current = example.policy.clone();
        }
        // A replica may still know objects of the example before for a moment, and judge these by them: then once more.
        let (mut found, mut seen) = show(lab, example);
        if found != example.wanted {
            (found, seen) = show(lab, example);
        }
        lab.check(
            &format!("{}: {:?}", example.title, example.wanted),
            found == example.wanted,
            &format!("{found:?}\n{seen}"),
        );
    }
    lab.reset();
    unknown(lab);
    lab.policy(&policy());
}

/// The page's examples know nothing of Services either, which every API server tells.
fn unknown(lab: &mut Lab) {
    let mut without = policy();
    without["networks"].as_object_mut().unwrap().remove("pods");
    lab.policy(&without);
    assert!(lab.kubectl_with(&["create", "-f", "-"], &nad("mig", "10.200.5.0/24")).ok);
    let said = lab.kubectl_with(&["create", "-f", "-"], &kubevirt("kubevirt", "mig"));
    lab.warned("the pods' addresses are not known", &said, &["unchecked-networks"]);
    lab.reset();
}

/// The first example that shows the rule, and the last one that is clean.
fn of_rule(rule: &str, text: &str) -> Vec<Example> {
    if NOT_HERE.iter().any(|(id, _)| *id == rule) {
        return Vec::new();
    }
    let page = Page::of(text);
    let feasible: Vec<Example> = page.tests().filter_map(|block| example(rule, &page, block)).collect();
    let shows = feasible.iter().position(|one| one.wanted.iter().any(|mark| mark.split(' ').nth(1) == Some(rule)));
    let clean = feasible.iter().rposition(|one| one.wanted.is_empty());
    let kept = |(at, example)| (Some(at) == shows || Some(at) == clean).then_some(example);
    feasible.into_iter().enumerate().filter_map(kept).collect()
}

/// `None` for what cannot be written here.
fn example(rule: &str, page: &Page, block: &Block) -> Option<Example> {
    if block.has("all-nads") || block.has("complete") || block.has("today") {
        return None;
    }
    let read = |block: &Block| -> Option<Vec<Value>> {
        page.documents(block).iter().map(|text| serde_saphyr::from_str(&text.text).ok()).collect()
    };
    let after = read(block)?;
    let before = match block.kind {
        Kind::After => read(page.blocks.iter().take_while(|other| other.line != block.line).last()?)?,
        _ => Vec::new(),
    };
    let mut own = policy();
    own["networks"]["services"] = Value::Null;
    for document in after.iter().chain(&before) {
        match document["kind"].as_str()? {
            "Policy" => own.as_object_mut()?.extend(document.as_object()?.clone()),
            "ClusterNetworks" => {
                let mut networks = document.clone();
                networks.as_object_mut()?.retain(|key, _| key != "kind" && key != "apiVersion");
                own["networks"] = networks;
            }
            kind if KINDS.contains(&kind) => {}
            _ => return None,
        }
    }
    // The API server tells its Services' addresses by itself: an example that does without them cannot be shown.
    own["networks"].as_object_mut()?.remove("services")?;
    let title = format!("{rule}, example at line {}", block.line);
    let objects = |documents: Vec<Value>| {
        documents.into_iter().filter(|one| KINDS.contains(&one["kind"].as_str().unwrap_or(""))).collect()
    };
    Some(Example { title, before: objects(before), after: objects(after), policy: own, wanted: wanted(block) })
}

fn wanted(block: &Block) -> BTreeSet<String> {
    block.marks().cloned().collect()
}

/// What is found as its objects are written, and all that was said.
fn show(lab: &mut Lab, example: &Example) -> (BTreeSet<String>, String) {
    lab.reset();
    let mut seen = String::new();
    for namespace in example.before.iter().chain(&example.after).filter_map(|one| one["metadata"]["namespace"].as_str())
    {
        if namespace != KUBEVIRT {
            lab.kubectl(&["create", "namespace", namespace]);
        }
    }
    let mut found = BTreeSet::new();
    for object in ordered(&example.before) {
        let said = lab.kubectl_with(&["apply", "-f", "-"], &object.to_string());
        lab.check(&format!("{}: what was there before", example.title), said.ok, &said.text);
    }
    let gone = example.before.iter().filter(|old| example.after.iter().all(|new| !is_same(old, new)));
    let gone = gone.map(|object| (["delete", "--wait=false", "-f", "-"], object));
    let here = ordered(&example.after).into_iter().filter(|object| !example.before.contains(object));
    let here = here.map(|object| (["apply", "--wait=false", "-f", "-"], object));
    let mut writes: Vec<_> = gone.chain(here).map(|(verb, object)| (verb, object.to_string())).collect();
    let last = writes.pop();
    for (verb, write) in &writes {
        let said = lab.kubectl_with(verb, write);
        found.extend(said.findings());
        seen += &said.text;
    }
    if let Some((verb, write)) = last {
        // What the replicas know of the objects before may be a moment old: a dry run shows when they have it.
        let mut dry = BTreeSet::new();
        within(Duration::from_secs(3), || {
            dry = lab.kubectl_with(&[&verb[..], &["--dry-run=server"]].concat(), &write).findings();
            found.union(&dry).cloned().collect::<BTreeSet<_>>() == example.wanted
        });
        let said = lab.kubectl_with(&verb, &write);
        found.extend(said.findings());
        seen += &said.text;
    }
    (found, seen)
}

/// NADs first.
fn ordered(objects: &[Value]) -> Vec<&Value> {
    let mut objects: Vec<_> = objects.iter().collect();
    objects.sort_by_key(|object| KINDS.iter().position(|kind| object["kind"] == *kind));
    objects
}

fn is_same(one: &Value, other: &Value) -> bool {
    one["kind"] == other["kind"]
        && ["name", "namespace"].iter().all(|key| one["metadata"][key] == other["metadata"][key])
}
