//! From the documents of a block to worlds and findings.

use crate::page::{Block, Kind, Page, Text};
use jiff::civil::Date;
use kubevirt_preflight::finding::{Finding, ObjectRef};
use kubevirt_preflight::objects::{Object, name_of};
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::{review, review_change};
use kubevirt_preflight::tree;
use kubevirt_preflight::world::{Change, Inputs, Lists, World};

/// A finding with the document that it is about; `None` for an object that is not in the block any more.
pub(crate) type Found = (Option<usize>, Finding);

/// The findings of a block.
pub(crate) fn findings(page: &Page, block: &Block) -> Vec<Found> {
    let today = block.option("today").unwrap_or("2026-09-01").parse().unwrap();
    match block.kind {
        Kind::World => of_state(&page.documents(block), block, today),
        Kind::After => {
            let at = page.blocks.iter().position(|other| other.line == block.line).unwrap();
            of_change(&page.blocks[at - 1], block, today)
        }
        Kind::Before => Vec::new(),
    }
}

fn of_state(documents: &[Text], block: &Block, today: Date) -> Vec<Found> {
    let read = Documents::of(documents, block);
    let found = review(&read.world, &read.policy, today).findings;
    found.into_iter().map(|finding| (read.document_of(&finding), finding)).collect()
}

/// One write for each object that differs: first what goes, then what changes, then what comes.
fn of_change(before: &Block, after: &Block, today: Date) -> Vec<Found> {
    let (mut was, is) = (Documents::of(&before.documents, before), Documents::of(&after.documents, after));
    let gone = was.objects.iter().filter(|old| is.same(old).is_none()).map(|old| (Some(old.clone()), None));
    let here = is.objects.iter().filter(|new| was.text(new) != is.text(new));
    let here = here.map(|new| (was.same(new).cloned(), Some(new.clone())));
    let changes: Vec<_> = gone.chain(here).map(|(before, after)| Change { before, after }).collect();
    let found = changes.iter().flat_map(|change| {
        let result = review_change(change, &was.world, &was.policy, today);
        was.world = was.world.after(change);
        result.denied.into_iter().chain(result.warned)
    });
    found.map(|finding| (is.objects.iter().position(|o| o.reference().is_same(&finding.object)), finding)).collect()
}

/// A block read.
struct Documents {
    texts: Vec<String>,
    names: Vec<Option<ObjectRef>>,
    objects: Vec<Object>,
    world: World,
    policy: Policy,
}

impl Documents {
    fn of(texts: &[Text], block: &Block) -> Self {
        let nodes: Vec<_> = texts.iter().map(|text| json(&text.text)).collect();
        let names: Vec<_> = nodes.iter().map(|json| name_of(&tree::parse(json).unwrap())).collect();
        let objects = nodes.iter().enumerate().filter_map(|(at, json)| {
            let node = tree::parse(json).unwrap();
            Object::read(&node, name_of(&node)?, Some(at))
        });
        let objects: Vec<_> = objects.collect();
        let policy = texts.iter().find(|text| text.top("kind") == Some("Policy"));
        let mut policy = policy.map_or_else(Policy::default, |text| Policy::parse(&text.text, "policy.yaml").unwrap());
        if block.option("profile") == Some("strict") {
            policy.file.profile = kubevirt_preflight::policy::Profile::Strict;
        }
        let mut settings = policy.settings();
        settings.all_nads = block.has("all-nads");
        let whole = block.has("complete");
        let lists = Lists { nads: whole, at_rest: whole };
        let world = World::of(Inputs { objects: objects.clone(), lists, settings, ..Inputs::default() });
        Self { texts: nodes, names, objects, world, policy }
    }

    fn same(&self, object: &Object) -> Option<&Object> {
        self.objects.iter().find(|other| other.reference().is_same(object.reference()))
    }

    /// The content of an object's document.
    fn text(&self, object: &Object) -> Option<&str> {
        let at = self.names.iter().position(|name| name.as_ref().is_some_and(|name| name.is_same(object.reference())));
        at.map(|at| self.texts[at].as_str())
    }

    fn document_of(&self, finding: &Finding) -> Option<usize> {
        let named = |name: &Option<ObjectRef>| name.as_ref().is_some_and(|name| name.kind == finding.object.kind);
        finding.document.or_else(|| self.names.iter().position(named))
    }
}

fn json(yaml: &str) -> String {
    serde_saphyr::from_str::<serde_json::Value>(yaml).map_or_else(|_| "null".into(), |value| value.to_string())
}
