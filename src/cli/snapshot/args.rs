//! `snapshot`: what is read of a cluster, as a file.

use super::Snapshot;
use crate::cli::cluster::{Live, Taken};
use crate::cli::output::{print, remark};
use crate::cli::world::lists;
use anyhow::{Context as _, Result};
use jiff::civil::Date;
use kubevirt_preflight::networks::classes::{Classes, Known};
use kubevirt_preflight::networks::declared::API_VERSION;
use kubevirt_preflight::networks::report::List;
use kubevirt_preflight::objects::name_of;
use kubevirt_preflight::serve::judge::today;
use kubevirt_preflight::tree::Node;
use kubevirt_preflight::world::{Inputs, World};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SnapshotArgs {
    #[command(flatten)]
    live: Live,
    /// Where to write it; standard output if left out.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl SnapshotArgs {
    pub(in crate::cli) fn run(&self) -> Result<ExitCode> {
        let Taken { objects, mut nodes, mut snapshot, remark: note } = self.live.take()?;
        snapshot.taken = Some(today());
        let lists = lists(Some(&snapshot), true);
        let world = World::of(Inputs { objects, lists, ..Inputs::default() });
        nodes.sort_by_cached_key(|node| {
            name_of(node).map(|name| (name.kind, name.api_version, name.namespace, name.name))
        });
        let text = written(&snapshot, world.classes(), &nodes)?;
        match &self.output {
            Some(path) => std::fs::write(path, text)
                .with_context(|| format!("The snapshot cannot be written to {}:", path.display()))?,
            None => print(&text)?,
        }
        remark(&snapshot.unread().into_iter().chain(note).collect::<Vec<_>>());
        Ok(ExitCode::SUCCESS)
    }
}

/// The document that says what the others are.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'s> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<String>,
    /// `Kind.group`
    whole: Vec<String>,
    lists: &'s [List],
    /// Told for people: `check` finds them out anew.
    classes: Vec<ClassState>,
}

#[derive(Serialize)]
struct ClassState {
    class: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The header, and a document for each object.
fn written(snapshot: &Snapshot, classes: &Classes, nodes: &[Node<'_>]) -> Result<String> {
    let class = |(class, known): (kubevirt_preflight::networks::Class, &Known)| ClassState {
        class: class.name(),
        state: if *known == Known::Known { "known" } else { "unknown" },
        why: classes.sentence(class),
    };
    let kind =
        |(group, kind): &(String, String)| if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
    let header = Header {
        api_version: API_VERSION,
        kind: "Snapshot",
        cluster: snapshot.cluster.as_deref(),
        taken: snapshot.taken.as_ref().map(Date::to_string),
        whole: snapshot.whole.iter().map(kind).collect(),
        lists: &snapshot.lists,
        classes: classes.iter().map(class).collect(),
    };
    let mut text = serde_saphyr::to_string(&header)?;
    for node in nodes {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(node)?);
    }
    Ok(text)
}
