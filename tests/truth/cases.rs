//! NAD texts in files: tests/truth/cases/*.yaml, each a map of names to texts.

use std::collections::BTreeMap;
use std::path::Path;

/// A text and what it is called.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// The text at spec.config.
    pub config: String,
}

impl Case {
    /// The file that it is from.
    pub fn group(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }
}

/// All cases whose name contains `only`.
pub fn read(only: Option<&str>) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/truth/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let cases = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        let texts: BTreeMap<String, String> =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        texts.into_iter().map(move |(name, config)| Case { name: format!("{stem}: {name}"), config })
    });
    cases.filter(|case| only.is_none_or(|only| case.name.contains(only))).collect()
}
