//! JSON schemas for kubeconform, made from what the API server says about its kinds: its own, ours and foreign ones.

use std::path::Path;

use anyhow::{Context, Result};
use attune_e2e::ControlPlane;
use http::Request;
use serde_json::{Map, Value, json};

/// As the server names the schemas of its documents, and as they are named in ours.
const THEIRS: &str = "#/components/schemas/";
const OURS: &str = "#/definitions/";

/// Writes a strict schema for each kind of the server: `<group>_<kind>_<version>.json`.
pub(crate) async fn write(cluster: &ControlPlane, directory: &Path) -> Result<()> {
    let index = get(cluster, "/openapi/v3").await?;
    let documents = index["paths"]
        .as_object()
        .context("the server lists its documents")?;
    for path in documents.values() {
        let url = path["serverRelativeURL"]
            .as_str()
            .context("a document has an address")?;
        let mut document = get(cluster, url).await?;
        let mut schemas = document["components"]["schemas"].take();
        make_strict(&mut schemas);
        write_kinds(&schemas, directory)?;
    }
    Ok(())
}

async fn get(cluster: &ControlPlane, url: &str) -> Result<Value> {
    let request = Request::get(url).body(Vec::new())?;
    let answer = cluster.client().request(request).await;
    answer.with_context(|| format!("get {url}"))
}

fn write_kinds(schemas: &Value, directory: &Path) -> Result<()> {
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        // Shared ones, as DeleteOptions, belong to every group.
        let [kind] = schema["x-kubernetes-group-version-kind"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
        else {
            continue;
        };
        let text = |field: &str| kind[field].as_str().unwrap_or_default().to_lowercase();
        let (kind, version) = (text("kind"), text("version"));
        let group = Some(text("group")).filter(|group| !group.is_empty());
        // kubeconform calls the core group by its version.
        let file = format!("{}_{kind}_{version}", group.as_ref().unwrap_or(&version));
        let whole = json!({"$ref": format!("{OURS}{name}"), "definitions": schemas});
        std::fs::write(directory.join(format!("{file}.json")), whole.to_string())
            .context("write a schema")?;
    }
    Ok(())
}

/// Points references at our place and refuses fields that a schema does not know.
fn make_strict(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace(THEIRS, OURS);
            }
            if knows_its_fields(fields) {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(make_strict);
        }
        Value::Array(items) => items.iter_mut().for_each(make_strict),
        _ => {}
    }
}

fn knows_its_fields(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|type_| type_ == "object")
        && schema.get("properties").is_some_and(Value::is_object)
        && !schema.contains_key("additionalProperties")
        && !schema.contains_key("x-kubernetes-preserve-unknown-fields")
}
