//! Units from a table: read by a cursor, in one snapshot.

use std::collections::BTreeMap;

use anyhow::ensure;
use attune_collector::source::Credential;
use attune_core::engine::Engine;
use tokio::runtime::Handle;
use tokio_postgres::Row;

use super::{Connection, quoted};
use crate::batch::record::{Record, Units};

/// Rows that are fetched at a time.
const FETCHED: usize = 2_000;

/// Rows of a table, each of which the server makes a JSON object of.
pub(crate) struct TableRows {
    connection: Connection,
    rows: std::vec::IntoIter<Row>,
    row: u64,
}

impl TableRows {
    /// Begins to read. Columns are called as the attributes; those that no rule reads stay where they are.
    ///
    /// # Errors
    /// When the table cannot be read, or no column holds the unit.
    pub(crate) fn open(
        runtime: Handle,
        variable: &str,
        credential: &Credential,
        table: &str,
        engine: &Engine,
    ) -> anyhow::Result<Self> {
        let connection = Connection::open(runtime, variable, credential, table)?;
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL TimeZone = 'UTC'")?;
        let describe = format!("SELECT * FROM {}", connection.table);
        let described = connection
            .runtime
            .block_on(connection.session.client().prepare(&describe));
        let described = described.map_err(|error| connection.failed(&error))?;
        let columns: Vec<&str> = described
            .columns()
            .iter()
            .map(tokio_postgres::Column::name)
            .collect();
        let selected = selected(engine, &columns);
        let identity = &engine.bundle().settings.identity;
        let units: Vec<&String> = [Some(&identity.unit), identity.fallback.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        ensure!(
            units.iter().any(|unit| selected.contains_key(unit.as_str())),
            "no column of table `{table}` is called `{}`, which is what the channel takes for the unit; it has `{}`",
            identity.unit,
            columns.join("`, `")
        );
        let list = selected.iter().map(|(name, column)| {
            // An id is a string, whatever the table has it as.
            let cast = if units.contains(&name) { "::text" } else { "" };
            format!("{}{cast} AS {}", quoted(column), quoted(name))
        });
        let list: Vec<String> = list.collect();
        connection.execute(&format!(
            "DECLARE units NO SCROLL CURSOR FOR SELECT row_to_json(unit)::text FROM (SELECT {} FROM {}) unit",
            list.join(", "),
            connection.table
        ))?;
        Ok(Self {
            connection,
            rows: Vec::new().into_iter(),
            row: 0,
        })
    }

    fn fetch(&mut self) -> anyhow::Result<Option<Row>> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        let fetch = format!("FETCH {FETCHED} FROM units");
        let client = self.connection.session.client();
        let rows = self.connection.runtime.block_on(client.query(&fetch, &[]));
        self.rows = rows.map_err(|error| self.connection.failed(&error))?.into_iter();
        Ok(self.rows.next())
    }
}

impl Units for TableRows {
    fn next(&mut self, record: &mut Record) -> anyhow::Result<bool> {
        record.clear();
        let Some(row) = self.fetch()? else {
            return Ok(false);
        };
        self.row += 1;
        record.line = self.row;
        match row.try_get::<_, &str>(0) {
            Ok(text) => record.text.extend_from_slice(text.as_bytes()),
            Err(_) => record.problem = Some("the row cannot be read as text".to_owned()),
        }
        Ok(true)
    }
}

/// The columns that a rule reads something of, by the name that it reads: a column of that name, in whatever case where none
/// has the very same, or one whose objects have what is read.
fn selected<'c>(engine: &Engine, columns: &[&'c str]) -> BTreeMap<String, &'c str> {
    let bundle = engine.bundle();
    let identity = &bundle.settings.identity;
    let optional = [
        &identity.fallback,
        &identity.consent,
        &identity.locale,
        &identity.time_zone,
    ];
    let paths = bundle.attributes.keys().chain([&identity.unit]);
    let paths = paths.chain(optional.into_iter().flatten());
    let mut selected = BTreeMap::new();
    for path in paths {
        let ends = path.match_indices('.').map(|(end, _)| end).chain([path.len()]);
        for name in ends.filter_map(|end| path.get(..end)) {
            let same = columns.iter().find(|column| **column == name);
            let alike = || columns.iter().find(|column| column.eq_ignore_ascii_case(name));
            if let Some(column) = same.or_else(alike) {
                selected.insert(name.to_owned(), *column);
            }
        }
    }
    selected
}
