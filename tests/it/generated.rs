//! Files that are made from the program: compared here, written by `make generate`.

use crate::{root, run};
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
fn generated_rule_table_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (head, rest) = readme.split_once(OPEN).unwrap();
    let (_, tail) = rest.split_once(CLOSE).unwrap();
    let (_, table, _) = run(&["rules", "-o", "markdown"]);
    settle("README.md", &format!("{head}{OPEN}{table}{CLOSE}{tail}"));
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
