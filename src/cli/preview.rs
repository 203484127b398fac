//! `preview`: what a NAD would do inside virt-handler.

use super::output::{print, remark};
use super::world::Gathered;
use super::{Facts, Given};
use anyhow::{Result, bail};
use clap::ValueEnum;
use kubevirt_preflight::cni::preview::{AttachmentPreview, Preview};
use kubevirt_preflight::report;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct PreviewArgs {
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
    /// As `ip address` and `ip route` would print it.
    Text,
    /// For programs, version 1.
    Json,
}

impl PreviewArgs {
    pub(super) fn run(&self) -> Result<ExitCode> {
        if self.given.paths.is_empty() {
            bail!("Nothing to preview; name files or directories with NetworkAttachmentDefinitions, or -.");
        }
        let gathered = Gathered::of(&self.given, &self.facts, true)?.with_deleted();
        let world = gathered.after(true);
        let mut nads: Vec<_> = world.nads().filter(|attached| attached.nad.document.is_some()).collect();
        nads.sort_by_key(|attached| attached.nad.document);
        let attachments = nads
            .iter()
            .map(|attached| AttachmentPreview::of(&attached.attachment, Some(attached.nad.object.as_ref().clone())));
        let preview = Preview::of(attachments.collect());
        let mut text = String::new();
        match self.output {
            Output::Text => report::preview::write(&preview, &mut text)?,
            Output::Json => text = serde_json::to_string_pretty(&preview)? + "\n",
        }
        if preview.attachments.is_empty() && self.output == Output::Text {
            text.push_str("There is no NetworkAttachmentDefinition among the documents.\n");
        }
        print(&text)?;
        remark(&gathered.remarks());
        Ok(ExitCode::SUCCESS)
    }
}
