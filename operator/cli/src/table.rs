//! Resources as `kubectl get` prints them: the columns are those of the definitions.

use std::fmt::Write as _;

use attune_api::{GROUP, Kind, crds};
use jiff::Timestamp;
use serde_json::Value;

mod column;
#[cfg(test)]
mod tests;

use column::Column;

/// Renders one table for each kind that has objects, in the order of the kinds.
pub fn render(resources: &[Value], wide: bool, now: Timestamp) -> String {
    let definitions = crds();
    let mut text = String::new();
    for (kind, definition) in Kind::ALL.into_iter().zip(&definitions) {
        let objects: Vec<_> = resources
            .iter()
            .filter(|object| field(object, "kind") == kind.name())
            .collect();
        if objects.is_empty() {
            continue;
        }
        let version = definition.spec.versions.first();
        let declared = version
            .and_then(|version| version.additional_printer_columns.as_deref())
            .unwrap_or_default();
        let columns: Vec<Column> = declared
            .iter()
            .filter(|column| wide || column.priority.unwrap_or(0) == 0)
            .map(Column::new)
            .collect();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table(kind, &objects, &columns, now));
    }
    text
}

fn table(kind: Kind, objects: &[&Value], columns: &[Column], now: Timestamp) -> String {
    let namespaced = kind.is_namespaced();
    let mut header = vec!["NAME".to_owned()];
    header.extend(columns.iter().map(Column::title));
    let mut rows = vec![header];
    for object in objects {
        let metadata = object.get("metadata").unwrap_or(&Value::Null);
        let mut row = vec![format!(
            "{}.{GROUP}/{}",
            kind.name().to_lowercase(),
            field(metadata, "name")
        )];
        row.extend(columns.iter().map(|column| column.cell(object, now)));
        rows.push(row);
    }
    if namespaced {
        for (index, row) in rows.iter_mut().enumerate() {
            let object = index.checked_sub(1).and_then(|index| objects.get(index));
            let namespace = object
                .and_then(|object| object.get("metadata"))
                .map(|metadata| field(metadata, "namespace"));
            row.insert(0, namespace.map_or_else(|| "NAMESPACE".to_owned(), str::to_owned));
        }
    }
    align(&rows)
}

/// Cells in columns, three spaces apart, as kubectl does.
pub(crate) fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:<width$}   ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn field<'v>(object: &'v Value, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
