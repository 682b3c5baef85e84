//! Which outcomes count for a metric, and the number that each carries.

use std::borrow::Cow;

use attune_core::expr::{LinkError, Program};
use attune_core::measure::{EventQuery, MetricKind};
use attune_core::value::{SlotId, Value};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::Map;

use crate::store::{StoreError, instant, unreadable};

/// The name of the outcome's own number in conditions.
const VALUE: &str = "value";
/// What precedes the name of a property in conditions.
const PROPERTIES: &str = "properties.";
/// Columns of the pass over the units.
const VALUE_COLUMN: usize = 2;
const PROPERTIES_COLUMN: usize = 3;

/// An [`EventQuery`], ready to be asked about every outcome.
pub(super) struct Selection<'a> {
    query: &'a EventQuery,
    condition: Option<Program>,
    /// What the condition reads, by slot.
    names: Vec<String>,
    needs_properties: bool,
    needs_number: bool,
}

impl<'a> Selection<'a> {
    pub(super) fn new(query: &'a EventQuery, kind: MetricKind) -> Result<Self, LinkError> {
        let names: Vec<String> = query
            .filter
            .iter()
            .flat_map(attune_core::expr::Expression::attributes)
            .filter(|name| *name == VALUE || name.starts_with(PROPERTIES))
            .map(str::to_owned)
            .collect();
        let slot_of = |name: &str| {
            names
                .iter()
                .position(|known| known == name)
                .and_then(|slot| u16::try_from(slot).ok())
                .map(SlotId)
        };
        let condition = query
            .filter
            .as_ref()
            .map(|filter| filter.link(slot_of))
            .transpose()?;
        let sums = matches!(kind, MetricKind::Mean | MetricKind::Ratio);
        let needs_number = sums || names.iter().any(|name| name == VALUE);
        let needs_properties =
            (needs_number && query.value.is_some()) || names.iter().any(|name| name != VALUE);
        Ok(Self {
            query,
            condition,
            names,
            needs_properties,
            needs_number,
        })
    }

    /// The outcome's event name.
    pub(super) fn event(&self) -> &str {
        &self.query.name
    }

    /// The number of an outcome that counts, `None` for one that does not.
    ///
    /// An outcome that meets the condition and carries no number counts as 0 in a sum. As everywhere, a condition that
    /// reads what is missing is not met.
    pub(super) fn number(&self, time: i64, row: &Row<'_>) -> Result<Option<f64>, StoreError> {
        let own: Option<f64> = if self.needs_number {
            row.get(VALUE_COLUMN)?
        } else {
            None
        };
        let properties = if self.needs_properties {
            properties(row)?
        } else {
            Map::new()
        };
        if let Some(condition) = &self.condition {
            let slots: Vec<Option<Value<'_>>> = self
                .names
                .iter()
                .map(|name| self.slot(name, own, &properties))
                .collect();
            if !condition.matches(&slots, instant(time)).unwrap_or(false) {
                return Ok(None);
            }
        }
        let number = match &self.query.value {
            Some(name) => properties.get(name).and_then(serde_json::Value::as_f64),
            None => own,
        };
        Ok(Some(number.unwrap_or(0.0)))
    }

    fn slot<'v>(
        &self,
        name: &str,
        own: Option<f64>,
        properties: &'v Map<String, serde_json::Value>,
    ) -> Option<Value<'v>> {
        match name.strip_prefix(PROPERTIES) {
            // In `where`, `value` is the number that the metric takes.
            None => match &self.query.value {
                Some(property) => properties
                    .get(property)
                    .and_then(serde_json::Value::as_f64)
                    .map(Value::Double),
                None => own.map(Value::Double),
            },
            Some(property) => properties.get(property).and_then(value),
        }
    }
}

fn properties(row: &Row<'_>) -> Result<Map<String, serde_json::Value>, StoreError> {
    match row.get_ref(PROPERTIES_COLUMN)? {
        ValueRef::Text(text) => {
            Ok(serde_json::from_slice(text).map_err(|error| unreadable(PROPERTIES_COLUMN, error))?)
        }
        _ => Ok(Map::new()),
    }
}

/// A property during evaluation. Every number is a double, so that `3` and `3.0` mean the same to a condition.
fn value(json: &serde_json::Value) -> Option<Value<'_>> {
    match json {
        serde_json::Value::Bool(value) => Some(Value::Bool(*value)),
        serde_json::Value::Number(number) => number.as_f64().map(Value::Double),
        serde_json::Value::String(text) => Some(Value::String(Cow::Borrowed(text))),
        serde_json::Value::Array(entries) => Some(Value::List(entries.iter().filter_map(value).collect())),
        serde_json::Value::Null | serde_json::Value::Object(_) => None,
    }
}
