//! Rows of an Apache Parquet file.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, ensure};
use attune_core::engine::Engine;
use jiff::Timestamp;
use jiff::civil::Date;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};

use crate::batch::record::{Record, Units};

/// The day that dates count from.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Rows, whose columns are called as the attributes or are objects that hold them.
pub(crate) struct ParquetRows {
    rows: RowIter<'static>,
    /// Columns that are strings whatever the file has them as.
    ids: Vec<String>,
    row: u64,
}

impl ParquetRows {
    /// Reads the end of the file.
    ///
    /// # Errors
    /// When it is no Parquet, or no column holds the unit.
    pub(crate) fn open(path: &Path, engine: &Engine) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        let reader = SerializedFileReader::new(file)?;
        let schema = reader.metadata().file_metadata().schema();
        let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
        let identity = &engine.bundle().settings.identity;
        let ids: Vec<String> = [Some(&identity.unit), identity.fallback.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let has = |id: &String| {
            names
                .iter()
                .any(|name| id == name || id.starts_with(&format!("{name}.")))
        };
        ensure!(
            ids.iter().any(has),
            "no column is called `{}`, which is what the channel takes for the unit; the file has `{}`",
            identity.unit,
            names.join("`, `")
        );
        Ok(Self {
            rows: RowIter::from_file_into(Box::new(reader)),
            ids,
            row: 0,
        })
    }
}

impl Units for ParquetRows {
    fn next(&mut self, record: &mut Record) -> anyhow::Result<bool> {
        record.clear();
        let Some(row) = self.rows.next() else {
            return Ok(false);
        };
        self.row += 1;
        record.line = self.row;
        let row = row.with_context(|| format!("row {} cannot be read", self.row))?;
        let mut context = object(&row);
        for id in &self.ids {
            if let Some(value) = context
                .get_mut(id)
                .filter(|value| value.is_i64() || value.is_u64())
            {
                *value = Value::String(value.to_string());
            }
        }
        serde_json::to_writer(&mut record.text, &context)?;
        Ok(true)
    }
}

fn object(row: &Row) -> Map<String, Value> {
    let fields = row
        .get_column_iter()
        .filter(|(_, field)| !matches!(field, Field::Null));
    fields.map(|(name, field)| (name.clone(), json(field))).collect()
}

/// A value as a client would have sent it; what JSON has no form for is null, and thus absent.
fn json(field: &Field) -> Value {
    let float = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    let instant = |at: Result<Timestamp, jiff::Error>| at.map_or(Value::Null, |at| at.to_string().into());
    match field {
        Field::Bool(value) => (*value).into(),
        Field::Byte(value) => (*value).into(),
        Field::Short(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Long(value) => (*value).into(),
        Field::UByte(value) => (*value).into(),
        Field::UShort(value) => (*value).into(),
        Field::UInt(value) => (*value).into(),
        Field::ULong(value) => (*value).into(),
        Field::Float16(value) => float(f64::from(*value)),
        Field::Float(value) => float(f64::from(*value)),
        Field::Double(value) => float(*value),
        // As the library writes it, which is how a number is written.
        Field::Decimal(_) => serde_json::from_str(&field.to_string()).unwrap_or_default(),
        Field::Str(value) => value.as_str().into(),
        Field::Date(days) => {
            let date = EPOCH.checked_add(jiff::Span::new().days(i64::from(*days)));
            date.map_or(Value::Null, |date| date.to_string().into())
        }
        Field::TimestampMillis(at) => instant(Timestamp::from_millisecond(*at)),
        Field::TimestampMicros(at) => instant(Timestamp::from_microsecond(*at)),
        Field::Group(row) => Value::Object(object(row)),
        Field::ListInternal(list) => list.elements().iter().map(json).collect(),
        Field::MapInternal(map) => {
            let entries = map.entries().iter().filter_map(|(key, value)| match key {
                Field::Str(key) => Some((key.clone(), json(value))),
                _ => None,
            });
            Value::Object(entries.collect())
        }
        _ => Value::Null,
    }
}
