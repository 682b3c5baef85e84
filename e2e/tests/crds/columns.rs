//! Printer columns: a misspelt path in one prints nothing and complains nowhere.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::definitions::{Column, Definition};

/// Fails when a column of the definition points where its schema has nothing of the column's type.
pub(crate) fn ensure_paths_exist(definition: &Definition) -> Result<()> {
    for version in &definition.spec.versions {
        for column in &version.additional_printer_columns {
            let place = format!("column {} of {}", column.name, definition.spec.names.kind);
            ensure_path_exists(&version.schema.open_api_v3_schema, column).context(place)?;
        }
    }
    Ok(())
}

fn ensure_path_exists(schema: &Value, column: &Column) -> Result<()> {
    if column.json_path.starts_with(".metadata.") {
        return Ok(());
    }
    let found = resolve(schema, &column.json_path)?;
    let (kind, format) = (
        found["type"].as_str().unwrap_or_default(),
        found["format"].as_str().unwrap_or_default(),
    );
    let fits = match column.kind.as_str() {
        "string" => matches!(kind, "string" | "integer" | "number" | "boolean" | "array"),
        "date" => (kind, format) == ("string", "date-time"),
        other => kind == other,
    };
    ensure!(
        fits,
        "it is of type {}, but {} is of type {kind} {format}",
        column.kind,
        column.json_path
    );
    Ok(())
}

/// The schema of what a path leads to; a filter or an index in brackets leads to the items.
fn resolve<'a>(schema: &'a Value, path: &str) -> Result<&'a Value> {
    let mut here = schema;
    for step in steps(path)? {
        let next = match step.as_str() {
            "[]" => here.get("items"),
            name => {
                let field = here.get("properties").and_then(|fields| fields.get(name));
                field.or_else(|| here.get("additionalProperties"))
            }
        };
        here = next.with_context(|| format!("{path} leads nowhere: the schema has no `{step}`"))?;
    }
    Ok(here)
}

/// `.a.b[?(@.c=="d.e")].f` is `a`, `b`, `[]`, `f`.
fn steps(path: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inner, after) = after
                .split_once(']')
                .with_context(|| format!("an open bracket in {path}"))?;
            let quoted = inner
                .strip_prefix('\'')
                .and_then(|inner| inner.strip_suffix('\''));
            steps.push(quoted.unwrap_or("[]").to_owned());
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            steps.push(name.to_owned());
            rest = after;
        } else {
            bail!("{path} is no path this test can follow, at `{rest}`");
        }
    }
    Ok(steps)
}

/// The check above must see what it is there for.
pub(crate) fn ensure_mistakes_are_seen() -> Result<()> {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"},
        "arms": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }}}});
    let judge = |kind: &str, path: &str| {
        let column = Column {
            name: "C".to_owned(),
            kind: kind.to_owned(),
            json_path: path.to_owned(),
        };
        ensure_path_exists(&schema, &column).map_err(|error| error.to_string())
    };
    for (kind, path) in [
        ("integer", ".spec.size"),
        ("string", r#".spec.arms[?(@.name=="a.b")].name"#),
    ] {
        ensure!(
            judge(kind, path).is_ok(),
            "{path} as {kind}: {:?}",
            judge(kind, path)
        );
    }
    for (kind, path) in [
        ("integer", ".spec.syze"),
        ("date", ".spec.size"),
        ("string", ".spec.size.name"),
        ("string", "spec"),
    ] {
        ensure!(judge(kind, path).is_err(), "{path} as {kind} passes");
    }
    Ok(())
}
