//! Commands and files in README.md and docs/*.md do what the text says.

use crate::{files, root};
use kubevirt_preflight::networks::declared::Declared;
use kubevirt_preflight::policy::Policy;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A fenced block: its language and its text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut parts = text.split("\n```");
    parts.next();
    let (mut found, mut open) = (Vec::new(), true);
    for part in parts {
        if open {
            let (language, body) = part.split_once('\n').unwrap_or((part, ""));
            found.push((language.trim().to_owned(), body.to_owned()));
        }
        open = !open;
    }
    found
}

fn pages() -> Vec<PathBuf> {
    let docs = files(&root().join("docs")).into_iter().filter(|path| path.extension().is_some_and(|end| end == "md"));
    docs.chain([root().join("README.md")]).collect()
}

/// The command in a shell at the top of the repository, with the program of this build.
fn shell(command: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_kubevirt-preflight")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", command])
        .current_dir(root())
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// Lines that begin with `$`, each with the lines of output that follow.
fn session(text: &str) -> Vec<(String, String)> {
    let commands = text.split("\n$ ").map(|part| part.trim_start_matches("$ "));
    let pairs = commands.map(|part| part.split_once('\n').unwrap_or((part, "")));
    pairs.map(|(command, output)| (command.to_owned(), output.trim_end().to_owned())).collect()
}

#[test]
fn sessions_print_what_the_pages_show() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (_, body) in blocks(&text).into_iter().filter(|(language, _)| language == "console") {
            for (command, expected) in session(&body) {
                if command.starts_with("make ") || command.starts_with("cargo ") {
                    continue;
                }
                let output = shell(&command);
                let printed = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
                let told = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
                assert_ne!(output.status.code(), Some(127), "{}: {command}", page.display());
                if !expected.is_empty() {
                    assert_eq!([printed, told].concat(), expected, "{}: {command}", page.display());
                }
                count += 1;
            }
        }
    }
    assert!(count >= 6, "{count} commands");
}

#[test]
fn files_in_the_pages_are_read_without_error() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (_, body) in blocks(&text).into_iter().filter(|(language, _)| language == "yaml") {
            if body.contains("kind: Policy") {
                Policy::parse(&body, "page").unwrap_or_else(|error| panic!("{}: {error}", page.display()));
                count += 1;
            } else if body.contains("kind: ClusterNetworks") {
                Declared::parse(&body, "page").unwrap_or_else(|error| panic!("{}: {error}", page.display()));
                count += 1;
            }
        }
    }
    assert!(count >= 2, "{count} files");
}

#[test]
fn make_targets_in_the_pages_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for mention in ["`make ", "$ make ", "run: make "] {
            for rest in text.split(mention).skip(1) {
                let target: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
                assert!(makefile.contains(&format!("\n{target}:")), "{}: make {target}", page.display());
                count += 1;
            }
        }
    }
    assert!(count >= 2, "{count} targets");
}

#[test]
fn steps_of_workflows_run() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let steps = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("run: "));
        for step in steps.filter(|step| step.starts_with("kubevirt-preflight ")) {
            let output = shell(step.split(" > ").next().unwrap());
            let code = output.status.code().unwrap();
            assert!(code < 2, "{step}: {}", String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    assert!(count >= 2, "{count} steps");
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|part| part.split(')').next()) {
            let file = link.split('#').next().unwrap();
            let there = file.is_empty() || link.starts_with("http") || page.parent().unwrap().join(file).exists();
            assert!(there, "{}: {link}", page.display());
        }
    }
}
