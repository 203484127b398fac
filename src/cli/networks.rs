//! `networks`: what is known of the cluster's networks.

use super::cluster::Live;
use super::output::{print, remark};
use super::world::Gathered;
use super::{Cluster, Facts, Given};
use anyhow::Result;
use clap::ValueEnum;
use kubevirt_preflight::networks::report::Report;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct NetworksArgs {
    #[command(flatten)]
    given: Given,
    /// Format.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
    /// Read the cluster, as it is read when nothing else is named; networks file and flags add to it.
    #[arg(long = "cluster", conflicts_with_all = ["paths", "world"])]
    on_cluster: bool,
    #[command(flatten)]
    live: Live,
    // Last: its heading would stand above all that follows.
    #[command(flatten)]
    facts: Facts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table.
    Text,
    /// A tree: classes, networks by containment, who says so.
    Tree,
    /// For programs, version 1.
    Json,
}

impl NetworksArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let gathered = Gathered::of(&self.given, &self.facts, !self.given.paths.is_empty())?;
        let gathered = if self.is_of_cluster() {
            let (objects, snapshot) = self.live.read()?;
            gathered.on(objects, snapshot)
        } else {
            gathered
        };
        let world = gathered.after(true);
        let lists = gathered.given_world.as_ref().map(|(_, snapshot)| snapshot.lists.as_slice()).unwrap_or_default();
        let report = Report::of(world.networks(), world.classes()).with_lists(lists);
        print(&match self.output {
            Output::Text => {
                let interfaces = world.interfaces().sentence().map(|sentence| format!("\n{sentence}\n"));
                report.text(gathered.bad()) + &interfaces.unwrap_or_default()
            }
            Output::Tree => report.tree(gathered.bad()),
            Output::Json => report.json()?,
        })?;
        let unread = gathered.given_world.iter().filter(|_| self.output == Output::Json);
        let unread = unread.flat_map(|(_, snapshot)| snapshot.unread());
        remark(&unread.chain(gathered.remarks()).collect::<Vec<_>>());
        Ok(ExitCode::SUCCESS)
    }

    fn is_of_cluster(&self) -> bool {
        let Cluster { networks, pod_cidr, service_cidr, node, .. } = &self.facts.cluster;
        let named = |file: &Option<String>| file.as_ref().is_some_and(|path| !path.is_empty());
        let flags = [pod_cidr, service_cidr, node].into_iter().any(|values| !values.is_empty());
        self.on_cluster || self.given.paths.is_empty() && !named(networks) && !named(&self.facts.world) && !flags
    }
}
