//! JSON Schemas of the files that we read and of the json that we print.

use super::{ReportError, json};
use crate::cni::preview::Preview;
use crate::networks::lists::ClusterNetworks;
use crate::policy::PolicyFile;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};

/// Makes a schema.
pub type Make = fn() -> Schema;

/// Names and schemas, in the order of the command line's help.
pub static SCHEMAS: &[(&str, Make)] = &[
    ("policy", read::<PolicyFile>),
    ("networks", read::<ClusterNetworks>),
    ("check", printed::<json::Document<'static>>),
    ("preview", printed::<Preview>),
];

/// The schema of that name as json; `None` if there is none.
pub fn render(name: &str) -> Option<Result<String, ReportError>> {
    let (_, schema) = SCHEMAS.iter().find(|(known, _)| *known == name)?;
    Some(serde_json::to_string_pretty(&schema()).map(|text| text + "\n").map_err(ReportError::from))
}

/// Of a file that we read: what may be left out is not required.
fn read<T: JsonSchema>() -> Schema {
    SchemaGenerator::new(SchemaSettings::draft2020_12().for_deserialize()).into_root_schema_for::<T>()
}

/// Of json that we print: every key is always there.
fn printed<T: JsonSchema>() -> Schema {
    SchemaGenerator::new(SchemaSettings::draft2020_12().for_serialize()).into_root_schema_for::<T>()
}
