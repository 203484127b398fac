//! What a world file says about itself, and how `snapshot` writes one.

mod args;

pub(super) use args::SnapshotArgs;

use anyhow::{Result, bail};
use jiff::civil::Date;
use kubevirt_preflight::manifests::Manifests;
use kubevirt_preflight::networks::declared::API_VERSION;
use kubevirt_preflight::networks::report::List;
use kubevirt_preflight::policy::Day;
use kubevirt_preflight::tree::{Map, Node};
use std::collections::BTreeSet;

/// A document `kind: Snapshot` among the objects, and the UID of the Namespace kube-system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// UID of the Namespace kube-system: which cluster it is.
    pub(super) cluster: Option<String>,
    /// When it was taken.
    pub(super) taken: Option<Date>,
    /// Group and kind of the lists that are whole.
    pub(super) whole: BTreeSet<(String, String)>,
    /// How far each list could be read.
    pub(super) lists: Vec<List>,
}

impl Snapshot {
    /// What the objects of the world file tell.
    pub(super) fn of(manifests: &Manifests) -> Result<Self> {
        let mut snapshot = Self::default();
        for document in &manifests.documents {
            let (kind, name) = (document.object.kind.as_str(), document.object.name.as_str());
            match (document.object.api_version.as_str(), kind) {
                ("v1", "Namespace") if name == "kube-system" => {
                    let uid = document.node.text_at(&["metadata", "uid"]);
                    snapshot.cluster = snapshot.cluster.or(uid.map(str::to_owned));
                }
                (API_VERSION, "Snapshot") => snapshot.read(&document.node)?,
                _ => {}
            }
        }
        Ok(snapshot)
    }

    fn read(&mut self, node: &Node<'_>) -> Result<()> {
        const KEYS: [&str; 8] = ["apiVersion", "kind", "metadata", "cluster", "taken", "whole", "lists", "classes"];
        let keys = node.map().into_iter().flat_map(Map::iter).map(|(key, _)| key);
        if let Some(unknown) = keys.into_iter().find(|key| !KEYS.contains(key)) {
            bail!("There is no key `{unknown}` in a Snapshot; the keys are {}.", KEYS.join(", "));
        }
        self.cluster = node.text_at(&["cluster"]).map(str::to_owned).or(self.cluster.take());
        if let Some(taken) = node.text_at(&["taken"]) {
            let Ok(Day(day)) = Day::try_from(taken.to_owned()) else {
                bail!("The world file says it was taken on `{taken}`; write the day as YYYY-MM-DD.");
            };
            self.taken = Some(day);
        }
        let kinds = node.list_at(&["whole"]).iter().filter_map(Node::text);
        self.whole.extend(kinds.map(|text| {
            let (kind, group) = text.split_once('.').unwrap_or((text, ""));
            (group.to_owned(), kind.to_owned())
        }));
        self.lists.extend(node.list_at(&["lists"]).iter().filter_map(list));
        Ok(())
    }

    /// The lists that could not be read, or not all of them: a sentence each.
    pub(super) fn unread(&self) -> Vec<String> {
        let told = |list: &List| {
            let why = list.why.as_deref()?.trim_end_matches('.');
            let remedy = if list.state == "forbidden" { "; grant the verb `list` on it" } else { "" };
            let how = if list.objects.is_some() { "not all of it could be read" } else { "it could not be read" };
            Some(format!("{}: {how}: {why}{remedy}.", list.name))
        };
        self.lists.iter().filter_map(told).collect()
    }

    /// Refuses the world of another cluster.
    pub(super) fn expect(&self, cluster: &str, file: &str) -> Result<()> {
        match &self.cluster {
            Some(own) if own == cluster => Ok(()),
            Some(own) => bail!("{file} is of the cluster {own}, not of {cluster}; give the snapshot of that cluster."),
            None => bail!(
                "{file} does not say which cluster it is of; take the snapshot anew, or leave out --expect-cluster."
            ),
        }
    }

    /// What is told of the world file, with a warning where it is older than `max_age` days.
    pub(super) fn notes(&self, file: &str, today: Date, max_age: u32) -> Vec<String> {
        let cluster =
            self.cluster.as_ref().map_or_else(|| "an unnamed cluster".to_owned(), |uid| format!("the cluster {uid}"));
        let Some(taken) = self.taken else { return vec![format!("{file} is of {cluster}, of an unknown day.")] };
        let age = (today - taken).get_days();
        let mut notes = vec![format!("{file} is of {cluster}, of {taken}.")];
        if i64::from(age) > i64::from(max_age) {
            notes.push(format!("{file} is {age} days old, more than {max_age}; take a new snapshot."));
        }
        notes
    }
}

fn list(node: &Node<'_>) -> Option<List> {
    let text = |key| node.text_at(&[key]).map(str::to_owned);
    let objects = node.at(&["objects"]).and_then(Node::whole).and_then(|count| usize::try_from(count).ok());
    Some(List { name: text("name")?, state: text("state")?, objects, why: text("why") })
}
