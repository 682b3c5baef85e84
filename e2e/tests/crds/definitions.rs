//! What the definitions say of themselves: columns, schemas and rules.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use attune_e2e::{read_documents, repository};
use serde::Deserialize;
use serde_json::Value;

/// One definition, as far as the tests look at it.
#[derive(Debug, Deserialize)]
pub(crate) struct Definition {
    pub(crate) spec: DefinitionSpec,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DefinitionSpec {
    pub(crate) names: Names,
    pub(crate) versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Names {
    pub(crate) kind: String,
    pub(crate) plural: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) schema: VersionSchema,
    #[serde(default)]
    pub(crate) additional_printer_columns: Vec<Column>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionSchema {
    #[serde(rename = "openAPIV3Schema")]
    pub(crate) open_api_v3_schema: Value,
}

/// A printer column.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) json_path: String,
}

/// A CEL rule of a schema, with the place it stands at.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) place: String,
    pub(crate) message: String,
}

/// Where the generated definitions are.
pub(crate) fn directory() -> PathBuf {
    repository().join("crds")
}

/// All of them.
pub(crate) fn read() -> Result<Vec<Definition>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory()).context("list the definitions")? {
        files.push(entry?.path());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    ensure!(!files.is_empty(), "no definitions in {}", directory().display());
    let mut definitions = Vec::new();
    for file in files {
        for document in read_documents(&file)? {
            let value = serde_json::to_value(document)?;
            let definition =
                serde_json::from_value(value).with_context(|| format!("read {}", file.display()))?;
            definitions.push(definition);
        }
    }
    Ok(definitions)
}

impl Definition {
    /// Every rule of every version.
    pub(crate) fn rules(&self) -> Result<Vec<Rule>> {
        let mut rules = Vec::new();
        for version in &self.spec.versions {
            collect(
                &version.schema.open_api_v3_schema,
                &self.spec.names.kind,
                &mut rules,
            )?;
        }
        Ok(rules)
    }
}

fn collect(schema: &Value, place: &str, rules: &mut Vec<Rule>) -> Result<()> {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let text = rule["rule"].as_str().unwrap_or_default();
        let message = rule["message"].as_str();
        let message = message
            .with_context(|| format!("the rule `{text}` at {place} has no message"))?
            .to_owned();
        rules.push(Rule {
            place: place.to_owned(),
            message,
        });
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        collect(inner, &format!("{place}.{name}"), rules)?;
    }
    for (key, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(inner) = schema.get(key) {
            collect(inner, &format!("{place}{suffix}"), rules)?;
        }
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for inner in schema[key].as_array().into_iter().flatten() {
            collect(inner, place, rules)?;
        }
    }
    Ok(())
}
