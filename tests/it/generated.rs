//! Files that are made from the program: compared here, written by `make generate`.

mod chart;

use crate::{root, run};
use kubevirt_preflight::networks::Class;
use kubevirt_preflight::sources::{Reads, SOURCES, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const OPEN: &str = "<!-- rules: written by make generate -->\n";
const CLOSE: &str = "<!-- end of rules -->";

/// Writes or compares.
fn settle(file: &str, wanted: &str) {
    let path = root().join(file);
    if std::env::var_os("GENERATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{file} is not up to date: run `make generate`");
}

#[test]
fn generated_rule_table() {
    let page = fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let (head, rest) = page.split_once(OPEN).unwrap();
    let (_, tail) = rest.split_once(CLOSE).unwrap();
    let (_, table, _) = run(&["rules", "-o", "markdown"]);
    let table = table.replace("](src/", "](../src/");
    settle("docs/rules.md", &format!("{head}{OPEN}{table}{CLOSE}{tail}"));
}

#[test]
fn generated_schemas() {
    let names = kubevirt_preflight::report::schema::SCHEMAS.iter().map(|(name, _)| *name);
    for name in names {
        let (code, schema, _) = run(&["schema", name]);
        assert_eq!(code, 0);
        settle(&format!("docs/schema/{name}.json"), &schema);
    }
}

/// One object that a source reads, or all of a kind.
fn reads(reads: &Reads) -> String {
    let group = if reads.group.is_empty() { String::new() } else { format!(" ({})", reads.group) };
    let place = match (reads.namespace, reads.name) {
        (Some(namespace), Some(name)) => format!(" `{namespace}/{name}`"),
        (Some(namespace), None) => format!(" in `{namespace}`"),
        (None, Some(name)) => format!(" `{name}`"),
        (None, None) => String::new(),
    };
    format!("{}{place}{group}", reads.kind)
}

/// What the objects of tests/sources say, each class with its confidence: the library's tests hold it against them.
fn says(source: &Source) -> String {
    let text = fs::read_to_string(root().join(format!("tests/sources/{}.yaml", source.name))).unwrap();
    let claims = text.lines().filter_map(|line| line.strip_prefix("#= "));
    let mut said: BTreeMap<Class, BTreeSet<&str>> = BTreeMap::new();
    for mut words in claims.map(str::split_whitespace) {
        let class = words.next().and_then(|word| Class::ALL.into_iter().find(|class| class.name() == word)).unwrap();
        said.entry(class).or_default().insert(words.nth(1).unwrap());
    }
    let said =
        said.into_iter().map(|(class, how)| format!("{class} {}", how.into_iter().collect::<Vec<_>>().join("/")));
    said.collect::<Vec<_>>().join(", ")
}

#[test]
fn generated_table_of_sources() {
    let row = |source: &&Source| {
        let objects = source.reads.iter().map(reads).collect::<Vec<_>>().join("; ");
        let known = source.knows.iter().map(|class| class.name()).collect::<Vec<_>>().join(", ");
        let when = match (source.knows, source.whole_in_itself) {
            ([], _) => "",
            (_, true) => ", by one object",
            (_, false) => ", by the whole list",
        };
        format!("| {} | {objects} | {} | {known}{when} |\n", source.name, says(source))
    };
    let rows = SOURCES.iter().map(row).collect::<String>();
    let head = "| Source | Reads | Says, and how surely | Makes known |\n|---|---|---|---|\n";
    let (open, close) = ("<!-- sources: written by make generate -->\n", "<!-- end of sources -->");
    let page = fs::read_to_string(root().join("docs/sources.md")).unwrap();
    let (before, rest) = page.split_once(open).unwrap();
    let (_, after) = rest.split_once(close).unwrap();
    settle("docs/sources.md", &format!("{before}{open}{head}{rows}{close}{after}"));
}

/// The flags in the help of a command: flag with value, variable, default, meaning.
fn flags(help: &str) -> Vec<[String; 4]> {
    let mut flags: Vec<[String; 4]> = Vec::new();
    for line in help.lines().map(str::trim_end) {
        let text = line.trim_start();
        let inside = |name: &str| text.strip_prefix(&format!("[{name}: ")).and_then(|rest| rest.strip_suffix(']'));
        match (flags.last_mut(), inside("env"), inside("default")) {
            _ if line.len() - text.len() < 8 && text.starts_with('-') => {
                flags.push([text.to_owned(), String::new(), String::new(), String::new()]);
            }
            // What follows the last flag begins at the margin.
            _ if line.len() == text.len() && !text.is_empty() => flags.push(Default::default()),
            (Some(flag), Some(variable), _) => flag[1] = variable.split('=').next().unwrap().into(),
            (Some(flag), _, Some(default)) => flag[2] = default.into(),
            (Some(flag), ..) if !text.is_empty() => {
                let words = text.trim_matches(['[', ']']).replacen("possible", "Possible", 1);
                let value = words.strip_prefix("- ").and_then(|rest| rest.split(':').next());
                let link = match &flag[3] {
                    told if told.is_empty() => "",
                    _ if words.starts_with("Possible") => ". ",
                    told if value.is_some() && !told.ends_with(':') => ", ",
                    _ => " ",
                };
                flag[3] = format!("{}{link}{}", flag[3], value.unwrap_or(&words));
            }
            _ => {}
        }
    }
    flags.retain(|flag| flag[0].starts_with("--"));
    flags
}

#[test]
fn generated_flags_of_serve() {
    let mut command = crate::preflight();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OTEL_") || name.to_string_lossy().starts_with("KUBEVIRT_PREFLIGHT_") {
            command.env_remove(name);
        }
    }
    let help = String::from_utf8(command.args(["serve", "--help"]).output().unwrap().stdout).unwrap();
    let flags = flags(&help);
    assert!(flags.len() > 20 && flags.iter().all(|flag| !flag[3].is_empty()), "{flags:?}");
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let rows = flags.iter().map(|[flag, variable, default, meaning]| {
        format!("| {} | {} | {} | {meaning} |\n", code(flag), code(variable), code(default))
    });
    let table: String = ["| Flag | Environment | Default | Meaning |\n|---|---|---|---|\n".to_owned()]
        .into_iter()
        .chain(rows)
        .collect();
    let (open, close) = ("<!-- flags: written by make generate -->\n", "<!-- end of flags -->");
    let page = fs::read_to_string(root().join("docs/serve.md")).unwrap();
    let (head, rest) = page.split_once(open).unwrap();
    let (_, tail) = rest.split_once(close).unwrap();
    settle("docs/serve.md", &format!("{head}{open}{table}{close}{tail}"));
}
