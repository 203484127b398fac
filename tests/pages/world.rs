//! From the documents of a block to worlds and findings.

use crate::page::{Block, Kind, Page, Text};
use jiff::civil::Date;
use kubevirt_preflight::finding::Finding;
use kubevirt_preflight::manifests::{Input, Manifests};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::Object;
use kubevirt_preflight::place::ObjectRef;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::review::{review, review_change};
use kubevirt_preflight::world::{Change, Inputs, Lists, World};

/// A finding with the document that it is about; `None` for an object that is not in the block any more.
pub(crate) type Found = (Option<usize>, Finding);

/// The findings of a block, or why it cannot be run.
pub(crate) fn findings(page: &Page, block: &Block) -> Result<Vec<Found>, String> {
    let today = block.option("today").unwrap_or("2026-09-01").parse().map_err(|error| format!("today: {error}"))?;
    match block.kind {
        Kind::World => of_state(&page.documents(block), block, today),
        Kind::After => {
            let before = page.blocks.iter().take_while(|other| other.line != block.line).last();
            let before = before.filter(|block| block.kind == Kind::Before);
            of_change(before.ok_or("there is no block before it")?, block, today)
        }
        Kind::Before => Ok(Vec::new()),
    }
}

fn of_state(documents: &[Text], block: &Block, today: Date) -> Result<Vec<Found>, String> {
    let read = Read::of(documents, block)?;
    let found = review(&read.world, &read.policy, today).findings;
    Ok(found.into_iter().map(|finding| (read.document_of(&finding), finding)).collect())
}

/// One write for each object that differs: first what goes, then what changes or comes.
fn of_change(before: &Block, after: &Block, today: Date) -> Result<Vec<Found>, String> {
    let (was, is) = (Read::of(&before.documents, before)?, Read::of(&after.documents, after)?);
    let gone = was.objects.iter().filter(|(name, ..)| is.object(name).is_none());
    let gone = gone.map(|(_, _, object)| Change { before: Some(object.clone()), after: None });
    let here = is.objects.iter().filter(|(name, ..)| was.text_of(name) != is.text_of(name));
    let here = here.map(|(name, _, object)| Change { before: was.object(name).cloned(), after: Some(object.clone()) });
    let mut world = was.world.clone();
    let mut found = Vec::new();
    for change in gone.chain(here) {
        let result = review_change(&change, &world, &was.policy, today);
        world = world.after(&change);
        found.extend(result.denied.into_iter().chain(result.warned));
    }
    let document = |finding: &Finding| is.objects.iter().find(|(name, ..)| name.is_same(&finding.object));
    Ok(found.into_iter().map(|finding| (document(&finding).map(|(_, at, _)| *at), finding)).collect())
}

/// The documents of a block read.
struct Read {
    texts: Vec<String>,
    manifests: Manifests,
    /// Name, document and content.
    objects: Vec<(ObjectRef, usize, Object)>,
    world: World,
    policy: Policy,
}

impl Read {
    fn of(texts: &[Text], block: &Block) -> Result<Self, String> {
        let texts: Vec<_> = texts.iter().map(|text| text.text.clone()).collect();
        let bytes = texts.join("---\n").into_bytes();
        let manifests = Manifests::read(vec![Input { name: "page.yaml".into(), bytes, explicit: true }], None);
        let of_kind = |kind: &str| texts.iter().find(|text| text.lines().any(|line| line == format!("kind: {kind}")));
        let policy = of_kind("Policy").map(|text| Policy::parse(text, "policy.yaml"));
        let policy = policy.unwrap_or_else(|| Ok(Policy::default())).map_err(|error| error.to_string())?;
        let declared = of_kind("ClusterNetworks").map(|text| Declared::parse(text, "networks.yaml"));
        let declared = declared.unwrap_or_else(|| Ok(Declared::default())).map_err(|error| error.to_string())?;
        let declared = declared.merged(policy.declared());
        let mut settings = policy.settings();
        settings.all_nads = block.has("all-nads");
        let whole = block.has("complete");
        let lists = Lists { nads: whole, at_rest: whole, ..Lists::default() };
        let objects = objects(&manifests);
        let problems = manifests.problems.clone();
        let inputs =
            Inputs { objects: objects.iter().map(|(.., o)| o.clone()).collect(), declared, lists, settings, problems };
        let mut read = Self { texts, manifests, objects, world: World::of(inputs), policy };
        for at in 0..read.objects.len() {
            read.objects[at].1 = read.document_at(read.manifests.place(read.objects[at].1, "kind", None).line);
        }
        Ok(read)
    }

    fn object(&self, name: &ObjectRef) -> Option<&Object> {
        self.objects.iter().find(|(other, ..)| other.is_same(name)).map(|(.., object)| object)
    }

    /// The document without its comments: to name a finding is no write.
    fn text_of(&self, name: &ObjectRef) -> Option<String> {
        let at = self.objects.iter().find(|(other, ..)| other.is_same(name)).map(|(_, at, _)| *at)?;
        let code = |line: &str| line.split("# ").next().unwrap_or_default().trim_end().to_owned();
        let lines = self.texts.get(at)?.lines().map(code).filter(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The document that holds a line.
    fn document_at(&self, line: usize) -> usize {
        let mut end = 0;
        let ends = self.texts.iter().map(|text| {
            end += text.lines().count() + 1;
            end
        });
        ends.take_while(|end| *end < line).count()
    }

    fn document_of(&self, finding: &Finding) -> Option<usize> {
        let place = finding
            .place
            .clone()
            .or_else(|| Some(self.manifests.place(finding.document?, &finding.path, finding.pointer.as_deref())));
        let policy = || self.texts.iter().position(|text| text.contains(&format!("kind: {}\n", finding.object.kind)));
        place.map(|place| self.document_at(place.line)).or_else(policy)
    }
}

fn objects(manifests: &Manifests) -> Vec<(ObjectRef, usize, Object)> {
    let read = manifests.documents.iter().filter_map(|document| {
        let name = &document.object;
        let object = Object::read(&document.node, name.clone(), Some(document.id))?;
        Some((name.clone(), document.id, object))
    });
    read.collect()
}
