//! `networks`: what is known of the cluster's networks.

use super::output::{print, remark};
use super::world::Gathered;
use super::{Facts, Given};
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
    // Last: its heading would stand above all that follows.
    #[command(flatten)]
    facts: Facts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table.
    Text,
    /// For programs, version 1.
    Json,
}

impl NetworksArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let gathered = Gathered::of(&self.given, &self.facts, !self.given.paths.is_empty())?;
        let world = gathered.after(true);
        let report = Report::of(world.networks(), world.classes());
        print(&match self.output {
            Output::Text => {
                let interfaces = world.interfaces().sentence().map(|sentence| format!("\n{sentence}\n"));
                report.text(gathered.bad()) + &interfaces.unwrap_or_default()
            }
            Output::Json => report.json()?,
        })?;
        remark(&gathered.remarks());
        Ok(ExitCode::SUCCESS)
    }
}
