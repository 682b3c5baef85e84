//! Decisions into a table: all of a run at once, by unit and touchpoint.
//!
//! They are copied into a table that only this transaction sees, and go from there over the rows of runs before. Until that
//! is done nobody sees any of it; a run that is ended has written nothing.

use std::pin::Pin;

use attune_collector::source::Credential;
use attune_core::decide::Decision;
use bytes::{Bytes, BytesMut};
use futures::SinkExt as _;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio_postgres::CopyInSink;
use tokio_postgres::types::ToSql;

use super::{Connection, TableError, quoted};
use crate::batch::output::{Csv, Layout as _, Mark, Sink};
use crate::batch::shape::Shape;

/// Bytes that are sent at a time.
const CHUNK: usize = 256 * 1024;

/// What a table of decisions has, apart from when they were made.
const COLUMNS: [(&str, &str); 14] = [
    ("unit", "text NOT NULL"),
    ("touchpoint", "text NOT NULL"),
    ("variant", "text"),
    ("value", "jsonb"),
    ("reason", "text NOT NULL"),
    ("program", "text"),
    ("binding", "text"),
    ("audience", "text"),
    ("experiment", "text"),
    ("arm", "text"),
    ("holdout", "text"),
    ("held", "boolean"),
    ("revision", "text NOT NULL"),
    ("decision", "uuid NOT NULL"),
];

/// Writes decisions into a table.
pub(crate) struct TableSink {
    connection: Connection,
    copy: Pin<Box<CopyInSink<Bytes>>>,
    layout: Csv,
    buffer: Vec<u8>,
    at: Timestamp,
}

impl TableSink {
    /// Begins the transaction; a table that is not there is made.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub(crate) fn open(
        runtime: Handle,
        variable: &str,
        credential: &Credential,
        table: &str,
        at: Timestamp,
    ) -> anyhow::Result<Self> {
        let connection = Connection::open(runtime, variable, credential, table)?;
        let columns = COLUMNS.map(|(name, ty)| format!("{name} {ty}")).join(", ");
        connection.execute("BEGIN")?;
        if !exists(&connection)? {
            connection.execute(&format!(
                "CREATE TABLE {} ({columns}, decided_at timestamptz NOT NULL, PRIMARY KEY (unit, touchpoint))",
                connection.table
            ))?;
        }
        connection.execute(&format!(
            "CREATE TEMPORARY TABLE attune_batch ({columns}, place bigint GENERATED ALWAYS AS IDENTITY) ON COMMIT DROP"
        ))?;
        let copy = format!("COPY attune_batch ({}) FROM STDIN (FORMAT csv)", names());
        let copy = connection
            .runtime
            .block_on(connection.session.client().copy_in(&copy));
        let copy = copy.map_err(|error| connection.failed(&error))?;
        Ok(Self {
            connection,
            copy: Box::pin(copy),
            layout: Csv::with_value(),
            buffer: Vec::with_capacity(CHUNK * 2),
            at,
        })
    }

    fn pour(&mut self) -> Result<(), TableError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = BytesMut::from(self.buffer.as_slice()).freeze();
        self.buffer.clear();
        let sent = self.connection.runtime.block_on(self.copy.send(bytes));
        sent.map_err(|error| self.connection.failed(&error))
    }
}

fn exists(connection: &Connection) -> Result<bool, TableError> {
    let name = connection.table.to_string();
    let ask = "SELECT to_regclass($1) IS NOT NULL";
    let parameters: [&(dyn ToSql + Sync); 1] = [&name];
    let asked = connection.session.client().query_one(ask, &parameters);
    let row = connection
        .runtime
        .block_on(asked)
        .map_err(|error| connection.failed(&error))?;
    row.try_get(0).map_err(|error| connection.failed(&error))
}

fn names() -> String {
    COLUMNS.map(|(name, _)| quoted(name)).join(", ")
}

impl Sink for TableSink {
    fn middle(&mut self, decision: &Decision<'_>) -> Vec<u8> {
        self.layout.middle(decision)
    }

    fn write(&mut self, unit: &str, shape: &Shape<'_>, id: &str) -> anyhow::Result<()> {
        self.layout.write(unit, &shape.middle, id, &mut self.buffer);
        if self.buffer.len() >= CHUNK {
            self.pour()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> anyhow::Result<Mark> {
        self.pour()?;
        Ok(None)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.pour()?;
        let connection = &self.connection;
        let copied = connection.runtime.block_on(self.copy.as_mut().finish());
        copied.map_err(|error| connection.failed(&error))?;
        let (table, names) = (&connection.table, names());
        let updates = COLUMNS.map(|(name, _)| format!("{0} = EXCLUDED.{0}", quoted(name)));
        // Of a unit that was there twice the last row counts.
        let merge = format!(
            "INSERT INTO {table} ({names}, decided_at) SELECT {names}, '{}'::timestamptz FROM \
             (SELECT DISTINCT ON (unit, touchpoint) * FROM attune_batch ORDER BY unit, touchpoint, place DESC) last \
             ON CONFLICT (unit, touchpoint) DO UPDATE SET {}, decided_at = EXCLUDED.decided_at; COMMIT",
            self.at,
            updates.join(", ")
        );
        Ok(connection.execute(&merge)?)
    }
}
