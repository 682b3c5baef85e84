//! What the two tables have for columns.

use tokio_postgres::Column;
use tokio_postgres::types::Type;

use super::identifier::Table;
use crate::source::SourceError;

const TEXTS: [Type; 8] = [
    Type::TEXT,
    Type::VARCHAR,
    Type::BPCHAR,
    Type::NAME,
    Type::UUID,
    Type::INT4,
    Type::INT8,
    Type::INT2,
];
const TIMES: [Type; 3] = [Type::TIMESTAMPTZ, Type::TIMESTAMP, Type::DATE];
const WHOLE: [Type; 3] = [Type::INT2, Type::INT4, Type::INT8];
const NUMBERS: [Type; 6] = [
    Type::FLOAT8,
    Type::NUMERIC,
    Type::INT8,
    Type::INT4,
    Type::INT2,
    Type::FLOAT4,
];
const OBJECTS: [Type; 2] = [Type::JSONB, Type::JSON];

/// A table of outcomes that may be asked.
#[derive(Debug, Clone)]
pub(super) struct Outcomes {
    pub(super) table: Table,
    pub(super) namespace: bool,
    pub(super) value: bool,
    pub(super) properties: bool,
}

/// A table of exposures that may be asked.
#[derive(Debug, Clone)]
pub(super) struct Exposures {
    pub(super) table: Table,
    pub(super) namespace: bool,
    pub(super) phase: bool,
}

/// The columns of a table.
pub(super) struct Columns<'a> {
    table: &'a Table,
    columns: &'a [Column],
}

impl<'a> Columns<'a> {
    pub(super) fn new(table: &'a Table, columns: &'a [Column]) -> Self {
        Self { table, columns }
    }

    pub(super) fn outcomes(&self) -> Result<Outcomes, SourceError> {
        self.required("unit", &TEXTS, "text")?;
        self.required("event", &TEXTS, "text")?;
        self.required("time", &TIMES, "timestamptz")?;
        Ok(Outcomes {
            table: self.table.clone(),
            namespace: self.optional("namespace", &TEXTS, "text")?,
            value: self.optional("value", &NUMBERS, "number")?,
            properties: self.optional("properties", &OBJECTS, "jsonb")?,
        })
    }

    pub(super) fn exposures(&self) -> Result<Exposures, SourceError> {
        self.required("unit", &TEXTS, "text")?;
        self.required("experiment", &TEXTS, "text")?;
        self.required("arm", &TEXTS, "text")?;
        self.required("time", &TIMES, "timestamptz")?;
        Ok(Exposures {
            table: self.table.clone(),
            namespace: self.optional("namespace", &TEXTS, "text")?,
            phase: self.optional("phase", &WHOLE, "integer")?,
        })
    }

    fn required(&self, name: &'static str, types: &[Type], wanted: &'static str) -> Result<(), SourceError> {
        if self.optional(name, types, wanted)? {
            Ok(())
        } else {
            Err(self.missing(name))
        }
    }

    /// Whether there is such a column; one of another type is an error.
    fn optional(
        &self,
        name: &'static str,
        types: &[Type],
        wanted: &'static str,
    ) -> Result<bool, SourceError> {
        let Some(column) = self.columns.iter().find(|column| column.name() == name) else {
            return Ok(false);
        };
        if types.contains(column.type_()) {
            Ok(true)
        } else {
            Err(SourceError::TypeColumn {
                table: self.table.name().to_owned(),
                column: name,
                wanted,
            })
        }
    }

    fn missing(&self, column: &'static str) -> SourceError {
        SourceError::FindColumn {
            table: self.table.name().to_owned(),
            column,
        }
    }
}
