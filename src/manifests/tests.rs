//! What is expected of whole files; the modules above test their own part.

mod any;
mod files;
mod places;

use super::*;

pub(super) fn read(files: &[(&str, &str)]) -> Manifests {
    let input = |(name, text): &(&str, &str)| Input { name: (*name).into(), bytes: (*text).into(), explicit: true };
    Manifests::read(files.iter().map(input).collect(), None)
}

pub(super) fn one(text: &str) -> Manifests {
    read(&[("f.yaml", text)])
}

/// `line:column`
pub(super) fn at(manifests: &Manifests, path: &str, pointer: Option<&str>) -> String {
    let Place { line, column, .. } = manifests.place(0, path, pointer);
    format!("{line}:{column}")
}

/// `line:column why` of each unreadable part.
pub(super) fn unreadable(manifests: &Manifests) -> Vec<String> {
    let said = |problem: &Problem| match problem {
        Problem::Unreadable { place, why, .. } => Some(format!("{}:{} {why}.", place.line, place.column)),
        _ => None,
    };
    manifests.problems.iter().filter_map(said).collect()
}

/// The objects as they display.
pub(super) fn objects(manifests: &Manifests) -> Vec<String> {
    manifests.documents.iter().map(|document| document.object.to_string()).collect()
}

/// A NAD of this name in namespace kubevirt.
pub(super) fn nad(name: &str) -> String {
    format!(
        "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n\
         metadata:\n  name: {name}\n  namespace: kubevirt\nspec:\n  config: '{{\"type\":\"bridge\"}}'\n"
    )
}
