//! What the chart takes from the program: what is to be read, what a policy may hold; and its page of values.

use super::settle;
use crate::{root, run};
use kubevirt_preflight::sources::SOURCES;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const CHART: &str = "charts/kubevirt-preflight";

/// What is judged; the rest of what is read is in SOURCES.
const JUDGED: [(&str, &str); 3] = [
    ("hco.kubevirt.io", "hyperconvergeds"),
    ("k8s.cni.cncf.io", "network-attachment-definitions"),
    ("kubevirt.io", "kubevirts"),
];

/// The kinds whose writes can newly collide with a migration network.
const REVERSE: [(&str, &str); 7] = [
    ("cilium.io", "ciliumpodippools"),
    ("crd.projectcalico.org", "ippools"),
    ("k8s.ovn.org", "clusteruserdefinednetworks"),
    ("k8s.ovn.org", "userdefinednetworks"),
    ("kubeovn.io", "subnets"),
    ("networking.k8s.io", "servicecidrs"),
    ("projectcalico.org", "ippools"),
];

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).unwrap())
}

#[test]
fn generated_sources_of_the_chart() {
    let mut reads: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    let mut reverse = BTreeMap::new();
    for source in SOURCES {
        for one in source.reads {
            let key = (one.group, one.plural, one.namespace.unwrap_or(""), one.name.unwrap_or(""));
            reads.entry(key).or_default().insert(source.name);
            if REVERSE.contains(&(one.group, one.plural)) {
                reverse.insert((one.group, one.plural), one.versions);
            }
        }
    }
    assert_eq!(reverse.len(), REVERSE.len(), "{reverse:?}");
    for (group, plural) in JUDGED {
        reads.entry((group, plural, "", "")).or_default().insert("judged");
    }
    let reads = reads.iter().map(|((group, resource, namespace, name), sources)| {
        json!({"group": group, "resource": resource, "namespace": namespace, "name": name, "sources": sources})
    });
    let reverse = reverse
        .iter()
        .map(|((group, resource), versions)| json!({"group": group, "resource": resource, "versions": versions}));
    let file = json!({"reads": reads.collect::<Vec<_>>(), "reverse": reverse.collect::<Vec<_>>()});
    settle(&format!("{CHART}/files/sources.json"), &pretty(&file));
}

/// The value `policy` is closed as the policy file is, less what the chart itself says.
#[test]
fn generated_policy_in_the_schema_of_values() {
    let file = format!("{CHART}/values.schema.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(root().join(&file)).unwrap()).unwrap();
    let (_, policy, _) = run(&["schema", "policy"]);
    let mut policy: Value = serde_json::from_str(&policy).unwrap();
    let definitions = policy.as_object_mut().unwrap().remove("$defs").unwrap();
    let Value::Object(mut definitions) = definitions else { panic!("$defs is a map") };
    for key in ["$schema", "required", "title"] {
        policy.as_object_mut().unwrap().remove(key);
    }
    for (key, definition) in [("apiVersion", "ApiVersion"), ("kind", "PolicyKind")] {
        policy["properties"].as_object_mut().unwrap().remove(key);
        definitions.remove(definition).unwrap();
    }
    definitions.insert("Policy".into(), policy);
    schema["$defs"] = Value::Object(definitions);
    settle(&file, &pretty(&schema));
}

/// A value with what its comment says.
struct Row {
    path: Vec<String>,
    meaning: String,
}

/// The keys of values.yaml and the comments over them, in its order.
fn rows(text: &str) -> Vec<Row> {
    let (mut rows, mut path, mut comment): (Vec<Row>, Vec<(usize, String)>, Vec<&str>) = Default::default();
    for line in text.lines() {
        let words = line.trim_start();
        if let Some(words) = words.strip_prefix("# ") {
            comment.push(words);
            continue;
        }
        let Some((key, _)) = words.split_once(':') else {
            comment.clear();
            continue;
        };
        let indent = line.len() - words.len();
        path.retain(|(at, _)| *at < indent);
        path.push((indent, key.to_owned()));
        let path = path.iter().map(|(_, key)| key.clone()).collect();
        rows.push(Row { path, meaning: std::mem::take(&mut comment).join(" ") });
    }
    rows
}

fn at<'v>(values: &'v Value, path: &[String]) -> &'v Value {
    path.iter().fold(values, |value, key| &value[key.as_str()])
}

/// A row stands for all below it, unless that has rows of its own.
fn table(text: &str) -> String {
    let values: Value = serde_saphyr::from_str(text).unwrap();
    let rows = rows(text);
    let told: Vec<_> = rows.iter().filter(|row| !row.meaning.is_empty()).collect();
    let below =
        |row: &Row| told.iter().any(|other| other.path.len() > row.path.len() && other.path.starts_with(&row.path));
    let covered = |row: &Row| told.iter().any(|other| row.path.starts_with(&other.path) && !below(other));
    for row in &rows {
        assert!(covered(row) || below(row), "values.yaml: {} has no comment", row.path.join("."));
    }
    let line = |row: &&Row| {
        let default = if below(row) { String::new() } else { format!("`{}`", at(&values, &row.path)) };
        format!("| `{}` | {default} | {} |\n", row.path.join("."), row.meaning.replace('|', "\\|"))
    };
    let rows: String = told.iter().map(line).collect();
    format!("| Value | Default | Meaning |\n|---|---|---|\n{rows}")
}

#[test]
fn generated_table_of_values() {
    let (open, close) = ("<!-- values: written by make generate -->\n", "<!-- end of values -->");
    let page = fs::read_to_string(root().join(CHART).join("README.md")).unwrap();
    let (head, rest) = page.split_once(open).unwrap();
    let (_, tail) = rest.split_once(close).unwrap();
    let text = fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    settle(&format!("{CHART}/README.md"), &format!("{head}{open}{}{close}{tail}", table(&text)));
}

/// The schema knows every value, and there is a default for each.
#[test]
fn values_and_their_schema_name_the_same() {
    let text = fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&text).unwrap();
    let schema = fs::read_to_string(root().join(CHART).join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    same("", &values, &schema);
}

fn same(path: &str, values: &Value, schema: &Value) {
    let none = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&none);
    let keys: BTreeSet<_> = values.as_object().unwrap().keys().collect();
    // A parent chart's.
    let known_keys: BTreeSet<_> = known.keys().filter(|key| *key != "global").collect();
    assert_eq!(keys, known_keys, "values.yaml and values.schema.json below `{path}`");
    for (key, schema) in known {
        let value = &values[key.as_str()];
        let filled = value.as_object().is_some_and(|map| !map.is_empty());
        if filled && schema["properties"].is_object() {
            same(&format!("{path}.{key}"), value, schema);
        }
    }
}
