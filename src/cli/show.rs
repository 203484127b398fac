//! What the program says about itself: pages, levels, schemas, completions, man page.

use super::output::print;
use super::{Args, world};
use anyhow::{Result, anyhow};
use clap::{CommandFactory, ValueEnum};
use kubevirt_preflight::report::{rules, schema};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// Id of the rule, as findings show it.
    #[arg(value_name = "RULE")]
    rule: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct RulesArgs {
    /// Policy file: its levels are shown first.
    #[arg(long, value_name = "FILE", env = "KUBEVIRT_PREFLIGHT_POLICY")]
    policy: Option<String>,
    /// Format.
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table.
    Text,
    /// For programs.
    Json,
    /// A table with links to the pages.
    Markdown,
}

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// Which one.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(schema::SCHEMAS.iter().map(|(name, _)| *name)))]
    name: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: clap_complete::Shell,
}

impl ExplainArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let page = rules::page(&self.rule).map_err(|why| anyhow!("{why}."))?;
        printed(page)
    }
}

impl RulesArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let (policy, _) = world::policy(self.policy.as_deref())?;
        printed(&match self.output {
            Output::Text => rules::text(&policy),
            Output::Json => rules::json(&policy)?,
            Output::Markdown => rules::markdown("src/rules"),
        })
    }
}

impl SchemaArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let text = schema::render(&self.name).ok_or_else(|| anyhow!("There is no schema `{}`.", self.name))??;
        printed(&text)
    }
}

impl CompletionsArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let (mut command, mut bytes) = (Args::command(), Vec::new());
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut bytes);
        printed(&String::from_utf8(bytes)?)
    }
}

/// The man page: the program and each of its commands.
pub(super) fn man() -> Result<ExitCode> {
    let mut command = Args::command();
    command.build();
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut bytes)?;
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        let man = clap_mangen::Man::new(part.clone());
        man.render_name_section(&mut bytes)?;
        man.render_options_section(&mut bytes)?;
    }
    printed(&String::from_utf8(bytes)?)
}

fn printed(text: &str) -> Result<ExitCode> {
    print(text)?;
    Ok(ExitCode::SUCCESS)
}
