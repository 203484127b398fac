//! NAD texts in files: tests/truth/cases/*.yaml, each a map of names to cases. A case is the text at spec.config, or a map
//! of `config` and `server` where a DHCP server takes part.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A text and what it is called.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// The text at spec.config.
    pub config: String,
    /// The DHCP server on the bridge `br0`, if there is one.
    pub server: Option<Server>,
}

/// How a DHCP server behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The first three numbers of its /24; it is 1 itself.
    #[serde(default = "usual_subnet")]
    pub subnet: String,
    /// Options that it sends where they are asked for, as dnsmasq writes them. A router is offered even if none is named.
    #[serde(default)]
    pub offers: Vec<String>,
    /// Options that it sends whether they are asked for or not.
    #[serde(default)]
    pub forces: Vec<String>,
}

/// Meets no network of the cluster.
pub const USUAL_SUBNET: &str = "10.200.5";

fn usual_subnet() -> String {
    USUAL_SUBNET.to_owned()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    WithServer { config: String, server: Server },
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
        let written: BTreeMap<String, Written> =
            serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        written.into_iter().map(move |(name, written)| written.named(format!("{stem}: {name}")))
    });
    cases.filter(|case| only.is_none_or(|only| case.name.contains(only))).collect()
}

impl Written {
    fn named(self, name: String) -> Case {
        match self {
            Self::Text(config) => Case { name, config, server: None },
            Self::WithServer { config, server } => Case { name, config, server: Some(server) },
        }
    }
}
