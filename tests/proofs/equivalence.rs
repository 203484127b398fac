//! Admission refuses a write exactly for what a review of the world made anew finds, and the former world did not have.
//!
//! These differences are on purpose and left out of what is expected: what only states a fact is asked about
//! that fact alone, the operator's copy of a judged network is only warned of, a reference whose NAD was deleted is
//! `attachment-in-use`, and CRs are deleted freely.

use crate::support::review as body;
use crate::worlds::{Scene, cause, causes, edits, read, scenes, today, worse};
use kubevirt_preflight::admission::{Verdict, respond};
use kubevirt_preflight::finding::{Finding, Level, Role};
use kubevirt_preflight::manifests::{Input, Manifests};
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::tree::Node;
use kubevirt_preflight::world::World;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ABSENCES: [&str; 3] = ["missing-attachment", "unseen-attachment", "foreign-namespace-attachment"];

/// The rules that `respond` refuses the write for, each cause named by its rule and count.
fn refused(world: &World, operation: &str, object: Value, old: Value) -> Vec<String> {
    let answer = respond(&body(operation, object, old), world, &Policy::default(), today()).unwrap();
    let value: Value = serde_json::from_slice(&answer.bytes).unwrap();
    let causes = value["response"]["status"]["details"]["causes"].as_array().cloned().unwrap_or_default();
    assert_eq!(answer.summary.verdict == Verdict::Denied, !causes.is_empty());
    let mut rules: Vec<_> = causes.iter().map(|cause| cause["reason"].as_str().unwrap().to_owned()).collect();
    rules.sort();
    rules
}

/// The rules of the causes that a write from `before` to `after` should be refused for.
fn expected(before: &Scene, after: &Scene, written: &Object) -> Vec<String> {
    let asked = |finding: &&Finding| match written {
        Object::Found(found) => finding.fact.as_ref().is_some_and(|fact| fact.origin.object.is_same(&found.object)),
        // The author of a NAD is not asked about references to other ones that are absent.
        Object::Nad(_) => !ABSENCES.contains(&finding.rule),
        Object::Referrer(_) => true,
    };
    if written.is_deleting() || is_copy(&before.world(), written) {
        return Vec::new();
    }
    let (now, was) = (after.review(), before.review());
    let new: BTreeSet<_> = worse(now.findings.iter().filter(asked), &was);
    // A candidate that was referenced before had its problems before.
    let freed = |finding: &Finding| {
        finding.role == Role::Candidate
            && was
                .findings
                .iter()
                .any(|old| old.identity().is_but_for_role(&finding.identity()) && old.level >= finding.level)
    };
    let fresh = now.findings.iter().filter(|finding| new.contains(&cause(finding)) && !freed(finding));
    let mut rules: Vec<_> = fresh.map(|one| one.rule.to_owned()).collect();
    rules.sort();
    rules
}

/// A KubeVirt that names what the HyperConverged beside it names.
fn is_copy(world: &World, written: &Object) -> bool {
    let Object::Referrer(cr) = written else { return false };
    let same = |other: &&std::sync::Arc<kubevirt_preflight::objects::Referrer>| {
        let text = |network: &Option<kubevirt_preflight::objects::Network>| network.as_ref().map(|n| n.text.clone());
        other.object.namespace == cr.object.namespace && text(&other.network) == text(&cr.network)
    };
    cr.is_kubevirt()
        && cr.network.is_some()
        && world.referrers().filter(|other| !other.is_kubevirt() && !other.deleting).any(|other| same(&other))
}

fn check_create(scene: &Scene, at: usize) -> Result<(), TestCaseError> {
    let object = &scene.objects[at];
    let Some(written) = read(object) else { return Ok(()) };
    let before = scene.without(at);
    let found = refused(&before.world(), "CREATE", object.clone(), Value::Null);
    prop_assert_eq!(found, expected(&before, scene, &written), "{}", object);
    Ok(())
}

fn check_update(scene: &Scene, at: usize, edit: &Value) -> Result<(), TestCaseError> {
    let mut objects = scene.objects.clone();
    objects[at] = edit.clone();
    let written = read(edit).unwrap();
    let found = refused(&scene.world(), "UPDATE", edit.clone(), scene.objects[at].clone());
    prop_assert_eq!(found, expected(scene, &scene.with(objects), &written), "{}", edit);
    Ok(())
}

fn check_delete(scene: &Scene, at: usize) -> Result<(), TestCaseError> {
    let object = &scene.objects[at];
    let Some(written) = read(object) else { return Ok(()) };
    let found = refused(&scene.world(), "DELETE", Value::Null, object.clone());
    let Object::Nad(nad) = &written else {
        prop_assert_eq!(found, Vec::<String>::new());
        return Ok(());
    };
    let (world, after) = (scene.world(), scene.without(at));
    let name = (nad.object.namespace.as_deref(), Some(nad.object.name.as_str()));
    let uses = world.references().iter().filter(|one| (one.namespace.as_deref(), one.name.as_deref()) == name).count();
    let mut rules = vec!["attachment-in-use".to_owned(); if nad.deleting { 0 } else { uses }];
    let more = expected(scene, &after, &written);
    rules.extend(more);
    rules.sort();
    prop_assert_eq!(found, rules, "{}", object);
    Ok(())
}

proptest! {
    #[test]
    fn a_create_is_refused_for_what_is_new((scene, at) in (scenes(), any::<Index>())) {
        check_create(&scene, at.index(scene.objects.len()))?;
    }

    #[test]
    fn a_delete_is_refused_for_what_is_new((scene, at) in (scenes(), any::<Index>())) {
        check_delete(&scene, at.index(scene.objects.len()))?;
    }

    #[test]
    fn an_update_is_refused_for_what_is_new((scene, at, edit) in (scenes(), any::<Index>()).prop_flat_map(|(scene, at)| {
        let at = at.index(scene.objects.len());
        let edit = edits(&scene.objects[at]);
        (Just(scene), Just(at), edit)
    })) {
        check_update(&scene, at, &edit)?;
    }
}

#[test]
fn the_generated_writes_are_refused_often_enough() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let denied = |scene: &Scene| scene.review().findings.iter().any(|finding| finding.level == Level::Deny);
    let scenes: Vec<_> =
        (0..100).map(|_| scenes().new_tree(&mut runner).unwrap().current()).filter(|scene| denied(scene)).collect();
    assert!((20..95).contains(&scenes.len()), "{}", scenes.len());
}

/// The bundles of examples, and the worlds on the rules' pages.
fn fixtures() -> Vec<(PathBuf, Vec<Value>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let bundles = list("examples/good").chain(list("examples/bad")).map(|bundle| {
        let texts = std::fs::read_dir(&bundle).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        (bundle, texts.collect::<Vec<_>>())
    });
    let pages = list("src/rules").filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let blocks = pages.flat_map(|page| {
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks: Vec<_> = text.split("```yaml world").skip(1).map(str::to_owned).collect();
        let block = move |block: String| {
            let body = block.split_once('\n').map_or("", |(_, body)| body).split("```").next().unwrap_or_default();
            (page.clone(), vec![body.as_bytes().to_vec()])
        };
        blocks.into_iter().map(block)
    });
    bundles.chain(blocks).map(|(path, texts)| (path, objects(texts))).collect()
}

/// The objects in the files, as JSON; of two of one name the first.
fn objects(texts: Vec<Vec<u8>>) -> Vec<Value> {
    let inputs =
        texts.into_iter().enumerate().map(|(at, bytes)| Input { name: format!("{at}.yaml"), bytes, explicit: true });
    let manifests = Manifests::read(inputs.collect(), Some("kubevirt"));
    let mut seen = BTreeSet::new();
    let first = manifests.documents.iter().filter(|document| seen.insert(document.object.clone()));
    let named = first.map(|document| {
        let mut value = json_of(&document.node);
        if let Some(namespace) = &document.object.namespace {
            value["metadata"]["namespace"] = json!(namespace);
        }
        value
    });
    named.collect()
}

fn json_of(node: &Node<'_>) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(flag) => (*flag).into(),
        Node::Number(number) => number.clone().into(),
        Node::Text(text) => text.as_ref().into(),
        Node::List(items) => items.iter().map(json_of).collect(),
        Node::Map(map) => {
            map.iter().map(|(key, value)| (key.to_owned(), json_of(value))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

#[test]
fn each_object_of_each_fixture_is_refused_for_what_is_new() {
    let fixtures = fixtures();
    let mut refusals = 0;
    for (path, objects) in &fixtures {
        let scene = Scene::of(objects.clone());
        for at in (0..objects.len()).filter(|at| read(&objects[*at]).is_some()) {
            let results = [check_create(&scene, at), check_delete(&scene, at), check_update(&scene, at, &objects[at])];
            for result in results {
                assert!(result.is_ok(), "{}: {result:?}", path.display());
            }
        }
        refusals += usize::from(causes(&scene.review().findings).values().any(|level| *level == Level::Deny));
    }
    assert!(fixtures.len() > 60 && refusals > 20, "{} {refusals}", fixtures.len());
}

/// The replay of a recorded review prints what the library answers.
#[test]
fn a_replay_is_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    let head = "apiVersion: kubevirt-preflight.io/v1alpha1\nkind: ClusterNetworks\n";
    file("cluster.yaml", format!("{head}{}", Scene::file()).as_bytes());
    let mut compared = 0;
    for (path, objects) in fixtures().into_iter().filter(|(path, _)| path.is_dir()) {
        for at in (0..objects.len()).filter(|at| read(&objects[*at]).is_some()) {
            let scene = Scene::among_files(objects.clone()).without(at);
            let review = body("CREATE", objects[at].clone(), Value::Null);
            let answer = respond(&review, &scene.world(), &Policy::default(), today()).unwrap();
            let list = json!({"apiVersion": "v1", "kind": "List", "items": scene.objects});
            file("review.json", &review);
            file("world.json", list.to_string().as_bytes());
            let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_kubevirt-preflight"))
                .current_dir(&folder)
                .args([
                    "check",
                    "--as-of",
                    "2026-11-24",
                    "--networks",
                    "cluster.yaml",
                    "--review",
                    "review.json",
                    "world.json",
                ])
                .env_remove("KUBEVIRT_PREFLIGHT_POLICY")
                .output()
                .unwrap();
            let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let expected: Value = serde_json::from_slice(&answer.bytes).unwrap();
            assert_eq!(printed, expected, "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(i32::from(answer.summary.verdict == Verdict::Denied)));
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}
