//! Tables of PostgreSQL, as `attune batch` reads and writes them.

mod rows;
mod sink;

use attune_collector::source::{Credential, Session, Table};
use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;

pub(crate) use rows::TableRows;
pub(crate) use sink::TableSink;

/// A connection that is asked from outside of asynchronous code.
struct Connection {
    runtime: Handle,
    session: Session,
    table: Table,
}

/// Why a table is of no use. What the server said stays with it: it may quote rows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// It is not there, or not for this user.
    #[error(
        "table `{table}` does not exist, or the user of the connection may not use it: create it or grant it"
    )]
    Find {
        /// The table.
        table: String,
    },
    /// Nothing says what makes a row another one.
    #[error(
        "table `{table}` has no unique constraint on (unit, touchpoint), or not the columns of decisions: add them"
    )]
    Shape {
        /// The table.
        table: String,
    },
    /// Anything else.
    #[error("the database failed with SQLSTATE {code} over table `{table}`; its log says more")]
    Query {
        /// The table.
        table: String,
        /// Five letters and digits.
        code: String,
    },
    /// The connection broke off.
    #[error("the connection to the database of table `{table}` broke off")]
    Connection {
        /// The table.
        table: String,
    },
}

impl TableError {
    fn of(table: &Table, error: &tokio_postgres::Error) -> Self {
        let table = table.name().to_owned();
        let Some(code) = error.code() else {
            return Self::Connection { table };
        };
        let absent = [
            SqlState::UNDEFINED_TABLE,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ];
        let misshapen = [
            SqlState::INVALID_COLUMN_REFERENCE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::DATATYPE_MISMATCH,
        ];
        if absent.contains(code) {
            Self::Find { table }
        } else if misshapen.contains(code) {
            Self::Shape { table }
        } else {
            let code = code.code().to_owned();
            Self::Query { table, code }
        }
    }
}

impl Connection {
    /// Connects; `variable` names where the credential came from.
    fn open(runtime: Handle, variable: &str, credential: &Credential, table: &str) -> anyhow::Result<Self> {
        let table = Table::parse(table)?;
        let session = runtime.block_on(Session::open(variable, credential))?;
        Ok(Self {
            runtime,
            session,
            table,
        })
    }

    fn execute(&self, statements: &str) -> Result<(), TableError> {
        let done = self.session.client().batch_execute(statements);
        self.runtime.block_on(done).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &tokio_postgres::Error) -> TableError {
        TableError::of(&self.table, error)
    }
}

/// A name as SQL quotes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
