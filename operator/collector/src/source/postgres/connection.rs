//! One connection, for one question.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

use super::columns::{Columns, Exposures, Outcomes};
use super::identifier::Table;
use super::query::Query;
use super::session::{Session, unconnected};
use crate::source::credentials::Credential;
use crate::source::error::SourceError;

/// What of the time that is left remains ours after the server has given up.
const MARGIN: Duration = Duration::from_millis(500);

/// The shortest that a statement is given.
const SHORTEST: Duration = Duration::from_millis(100);

/// A connection with a read-only transaction begun; dropped, it is gone.
pub(super) struct Connection {
    session: Session,
    /// How long a statement may take.
    patience: Duration,
}

impl Connection {
    /// Connects and begins.
    pub(super) async fn open(
        secret: &str,
        credential: &Credential,
        until: Instant,
    ) -> Result<Self, SourceError> {
        let session = Session::open(secret, credential).await?;
        let patience = until
            .saturating_duration_since(Instant::now())
            .saturating_sub(MARGIN)
            .max(SHORTEST);
        let connection = Self { session, patience };
        connection.begin(secret).await?;
        Ok(connection)
    }

    /// Whatever views and functions do, nothing is written; times without a zone mean the same everywhere.
    async fn begin(&self, secret: &str) -> Result<(), SourceError> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL TimeZone = 'UTC'",
            self.patience.as_millis()
        );
        let answer = self.session.client().batch_execute(&begin).await;
        answer.map_err(|error| unconnected(secret, &error))
    }

    pub(super) async fn outcomes(&self, table: &Table) -> Result<Outcomes, SourceError> {
        let columns = self.describe(table).await?;
        Columns::new(table, columns.columns()).outcomes()
    }

    pub(super) async fn exposures(&self, table: &Table) -> Result<Exposures, SourceError> {
        let columns = self.describe(table).await?;
        Columns::new(table, columns.columns()).exposures()
    }

    /// What a table has for columns; nothing of it is read.
    async fn describe(&self, table: &Table) -> Result<tokio_postgres::Statement, SourceError> {
        let prepared = self
            .session
            .client()
            .prepare(&format!("SELECT * FROM {table}"))
            .await;
        prepared.map_err(|error| self.failed(table.name(), &error))
    }

    /// The rows of the one query.
    pub(super) async fn run(&self, query: &Query, table: &str) -> Result<Vec<Row>, SourceError> {
        let parameters: Vec<_> = query
            .parameters
            .0
            .iter()
            .map(super::condition::Parameter::as_sql)
            .collect();
        let rows = self.session.client().query_typed(&query.text, &parameters).await;
        rows.map_err(|error| self.failed(table, &error))
    }

    /// What an error of the server is for us; its words stay behind, see [`SourceError`].
    fn failed(&self, table: &str, error: &Error) -> SourceError {
        let table = table.to_owned();
        let Some(code) = error.code() else {
            return SourceError::ReadAnswer { table };
        };
        let unfound = [
            SqlState::UNDEFINED_TABLE,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ];
        if *code == SqlState::QUERY_CANCELED {
            let seconds = self.patience.as_secs();
            SourceError::Wait { table, seconds }
        } else if unfound.contains(code) {
            SourceError::FindTable { table }
        } else {
            let code = code.code().to_owned();
            SourceError::Query { table, code }
        }
    }
}
