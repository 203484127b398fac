//! From arguments to worlds: the manifests alone, or what they make of a world that is given.

use super::files::{self, Files};
use super::snapshot::Snapshot;
use super::{Cluster, Facts, Given};
use anyhow::{Context as _, Result, bail};
use kubevirt_preflight::manifests::{Input, Manifests};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::objects::{Kind, Object, kind_of};
use kubevirt_preflight::place::ObjectRef;
use kubevirt_preflight::policy::Policy;
use kubevirt_preflight::world::{Change, Inputs, Lists, Problem, Settings, World};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Group and kind of a NAD.
const NAD: (&str, &str) = ("k8s.cni.cncf.io", "NetworkAttachmentDefinition");

/// What was read.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) policy: Policy,
    /// The policy file as a document, for the places of its exceptions.
    pub(super) policy_file: Manifests,
    pub(super) manifests: Manifests,
    /// The objects of the manifests.
    pub(super) objects: Vec<Object>,
    /// Documents and files that are no good.
    problems: Vec<Problem>,
    declared: Declared,
    settings: Settings,
    complete: bool,
    /// The objects of the world file and what it says about itself.
    pub(super) given_world: Option<(Vec<Object>, Snapshot)>,
}

impl Gathered {
    /// Reads everything that the arguments name. Without `needed` there may be no manifests at all.
    pub(super) fn of(given: &Given, facts: &Facts, needed: bool) -> Result<Self> {
        let (policy, policy_text) = policy(facts.cluster.policy.as_deref())?;
        let policy_file = Input { name: policy.name.clone(), bytes: policy_text.into_bytes(), explicit: false };
        let files = Files::read(&given.paths)?;
        let manifests = Manifests::read(files.inputs, given.namespace.as_deref());
        let problems: Vec<_> = files.problems.into_iter().chain(manifests.problems.iter().cloned()).collect();
        if needed && manifests.count == 0 && problems.is_empty() {
            let names: Vec<_> =
                given.paths.iter().map(|path| if path == "-" { "standard input" } else { path }).collect();
            bail!("There is no document in {}; name files that hold manifests.", names.join(", "));
        }
        let given_world = facts.world.as_deref().map(read_world).transpose()?;
        let settings = Settings {
            migration_networks: facts.cluster.migration_network.clone(),
            all_nads: facts.all_nads,
            ..policy.settings()
        };
        Ok(Self {
            declared: declared(&facts.cluster)?.merged(policy.declared()),
            objects: objects(&manifests, true),
            policy,
            policy_file: Manifests::read(vec![policy_file], None),
            manifests,
            problems,
            settings,
            complete: facts.complete,
            given_world,
        })
    }

    /// With these objects of a cluster as the world that is given.
    pub(super) fn on(self, objects: Vec<Object>, snapshot: Snapshot) -> Self {
        Self { given_world: Some((objects, snapshot)), ..self }
    }

    /// The world that is given, before the manifests; `None` if there is none.
    pub(super) fn before(&self, at_rest: bool) -> Option<World> {
        let (objects, _) = self.given_world.as_ref()?;
        Some(World::of(Inputs { objects: objects.clone(), ..self.inputs(at_rest, false) }))
    }

    /// The world with the manifests: they replace what has the same name, or with `--complete` all of their kinds.
    pub(super) fn after(&self, at_rest: bool) -> World {
        let world = self.given_world.iter().flat_map(|(objects, _)| objects);
        let own: HashSet<_> = self.objects.iter().map(|object| identity(object.reference())).collect();
        let stays = |object: &&Object| {
            let name = object.reference();
            !(own.contains(&identity(name)) || self.complete && kind_of(name).is_some())
        };
        let objects = world.filter(stays).chain(&self.objects).cloned().collect();
        let problems = self.problems.clone();
        World::of(Inputs { objects, problems, ..self.inputs(at_rest, self.complete) })
    }

    fn inputs(&self, at_rest: bool, complete: bool) -> Inputs {
        let mut lists = lists(self.given_world.as_ref().map(|(_, snapshot)| snapshot), at_rest);
        lists.nads |= complete && !self.hides_nads();
        Inputs { declared: self.declared.clone(), lists, settings: self.settings.clone(), ..Inputs::default() }
    }

    /// Whether a NAD may be in what was not rendered: then the files are not all that there will be.
    fn hides_nads(&self) -> bool {
        let mut unread = self.manifests.not_judged.iter().map(|one| one.object.as_ref());
        unread.any(|object| object.is_none_or(|object| kind_of(object) == Some(Kind::Nad)))
    }

    /// The manifests' objects that the given world has in another state.
    pub(super) fn updates(&self) -> Vec<Change> {
        let world = self.given_world.iter().flat_map(|(objects, _)| objects);
        let old: HashMap<_, _> = world.map(|object| (identity(object.reference()), object)).collect();
        let pairs = self.objects.iter().filter_map(|new| {
            let before = *old.get(&identity(new.reference()))?;
            Some(Change { before: Some(before.clone()), after: Some(new.clone()) })
        });
        pairs.collect()
    }

    /// With the NADs that are being deleted, which other commands leave out.
    pub(super) fn with_deleted(mut self) -> Self {
        for object in &mut self.objects {
            if let Object::Nad(nad) = object {
                Arc::make_mut(nad).deleting = false;
            }
        }
        self
    }

    /// What was not read, and why: one sentence each, for commands that print no findings.
    pub(super) fn remarks(&self) -> Vec<String> {
        let unread = self.problems.iter().filter_map(|problem| match problem {
            Problem::Unreadable { place, why, .. } => {
                Some(format!("{}:{}:{}: {why}; it was not read.", place.file, place.line, place.column))
            }
            Problem::Misspelt { place, found, meant, .. } => Some(format!(
                "{}:{}:{}: `{found}` is not a known word here, `{meant}` is; it was not read.",
                place.file, place.line, place.column
            )),
            Problem::Duplicate { .. } => None,
        });
        let left = self.manifests.not_judged.iter().map(|one| format!("{}:{}: {}", one.file, one.line, one.reason));
        unread.chain(left).chain(self.manifests.notes.iter().cloned()).collect()
    }

    /// Fields that could not be read: of which object, which, and why.
    pub(super) fn bad(&self) -> impl Iterator<Item = (&ObjectRef, &str, &str)> {
        let world = self.given_world.iter().flat_map(|(objects, _)| objects);
        let found = self.objects.iter().chain(world).filter_map(|object| match object {
            Object::Found(found) => Some(found),
            _ => None,
        });
        found.flat_map(|found| found.bad.iter().map(|(path, why)| (&*found.object, path.as_str(), why.as_str())))
    }
}

/// What two versions of one object share; see [`ObjectRef::is_same`].
fn identity(object: &ObjectRef) -> (&str, &str, Option<&str>, &str) {
    (object.group(), &object.kind, object.namespace.as_deref(), &object.name)
}

/// What of a world file is whole.
pub(super) fn lists(snapshot: Option<&Snapshot>, at_rest: bool) -> Lists {
    let kinds = snapshot.map(|snapshot| snapshot.whole.clone()).unwrap_or_default();
    Lists { nads: kinds.contains(&(NAD.0.to_owned(), NAD.1.to_owned())), kinds, at_rest }
}

/// The policy file and its text, or the recommended levels.
pub(super) fn policy(path: Option<&str>) -> Result<(Policy, String)> {
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Ok(Default::default()) };
    let text = files::text(path, "policy")?;
    let policy = Policy::parse(&text, path).context("The policy is refused:")?;
    Ok((policy, text))
}

/// What the networks file and the flags say.
pub(super) fn declared(cluster: &Cluster) -> Result<Declared> {
    let file = match cluster.networks.as_ref().filter(|path| !path.is_empty()) {
        Some(path) => {
            Declared::parse(&files::text(path, "networks file")?, path).context("The networks file is refused:")?
        }
        None => Declared::default(),
    };
    Ok(file.with_flags(&cluster.pod_cidr, &cluster.service_cidr, &cluster.node)?)
}

/// The objects of a world file, and what it says about itself.
pub(super) fn read_world(path: &str) -> Result<(Vec<Object>, Snapshot)> {
    let files = Files::read(&[path.to_owned()])?;
    let manifests = Manifests::read(files.inputs, None);
    let unreadable = |problem: &&Problem| matches!(problem, Problem::Unreadable { .. });
    let mut problems = files.problems.iter().chain(&manifests.problems);
    if let Some(Problem::Unreadable { place, why, .. }) = problems.find(unreadable) {
        bail!(
            "The world file is refused: {}:{}:{}: {why}. Take the snapshot anew.",
            place.file,
            place.line,
            place.column
        );
    }
    if manifests.count == 0 {
        bail!("There is no document in the world file {path}; give the objects of the cluster.");
    }
    let snapshot = Snapshot::of(&manifests)?;
    Ok((objects(&manifests, false), snapshot))
}

/// What of the documents is judged or says something about networks. Only documents of the manifests have an index.
fn objects(manifests: &Manifests, indexed: bool) -> Vec<Object> {
    let objects = manifests.documents.iter().filter_map(|document| {
        let index = indexed.then_some(document.id);
        Object::read(&document.node, document.object.clone(), index)
    });
    objects.collect()
}
