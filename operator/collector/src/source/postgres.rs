//! Moments computed in PostgreSQL.
//!
//! Two tables or views of one database are read, in one read-only transaction: what they have for columns is looked up,
//! then one query a phase gives the moments. No row of a unit leaves the database.
//!
//! | outcomes | type | |
//! |---|---|---|
//! | `unit` | text | whom; the same text that exposures carry |
//! | `event` | text | what, as Metrics name it |
//! | `time` | timestamptz | when; without a zone it is taken for UTC |
//! | `value` | a number | needed where a metric reads it |
//! | `properties` | jsonb | needed where a metric reads one |
//! | `namespace` | text | optional; where it is, rows of other namespaces do not count |
//!
//! | exposures | type | |
//! |---|---|---|
//! | `unit` | text | whom |
//! | `experiment` | text | name of the Experiment |
//! | `arm` | text | name of the arm |
//! | `time` | timestamptz | when |
//! | `phase` | integer | optional; absent or null: 1 |
//! | `namespace` | text | optional, as above |
//!
//! Every row is one outcome: who loads the table sees to it that none is there twice.

use std::time::Instant;

use attune_core::measure::{MetricQuestion, Question, TableSource};
use jiff::Timestamp;

mod columns;
mod condition;
mod connection;
mod identifier;
mod moments;
mod query;
mod session;
#[cfg(test)]
mod tests;

use super::credentials::Credential;
use super::{MetricSource, Observation, SourceError};
use connection::Connection;
pub use identifier::Table;
use query::Query;
pub use session::Session;

/// Most phases that are asked about, one query each.
const MOST_PHASES: i32 = 100;

/// One database, as one credential opens it.
pub(super) struct PostgresSource<'a> {
    credential: &'a Credential,
    tables: &'a TableSource,
    until: Instant,
}

impl<'a> PostgresSource<'a> {
    /// A source that gives up at `until`.
    pub(super) fn new(credential: &'a Credential, tables: &'a TableSource, until: Instant) -> Self {
        Self {
            credential,
            tables,
            until,
        }
    }

    async fn ask(
        &self,
        question: &Question,
        metric: &MetricQuestion,
        at: Timestamp,
    ) -> Result<Observation, SourceError> {
        if !question.exclude.is_empty() {
            return Err(SourceError::Exclude {
                table: self.tables.exposures.clone(),
            });
        }
        if question.phase > MOST_PHASES {
            return Err(SourceError::CountPhases {
                phase: question.phase,
                limit: MOST_PHASES,
            });
        }
        let outcomes = Table::parse(&self.tables.table)?;
        let exposures = Table::parse(&self.tables.exposures)?;
        let connection = Connection::open(&self.tables.secret, self.credential, self.until).await?;
        let outcomes = connection.outcomes(&outcomes).await?;
        let exposures = connection.exposures(&exposures).await?;
        let mut observation = Observation {
            phases: Vec::new(),
            observed: Vec::new(),
        };
        for phase in 1..=question.phase {
            let query = Query::new((question, phase), metric, (&outcomes, &exposures), at)?;
            let rows = connection.run(&query, &self.tables.table).await?;
            let (sizes, observed) = moments::of_phase((question, phase), metric, self.tables, &rows)?;
            if !sizes.arms.is_empty() {
                observation.phases.push(sizes);
                observation.observed.push(observed);
            }
        }
        Ok(observation)
    }
}

impl MetricSource for PostgresSource<'_> {
    async fn observe(
        &self,
        question: &Question,
        metric: &MetricQuestion,
        at: Timestamp,
    ) -> Result<Observation, SourceError> {
        let left = self.until.saturating_duration_since(Instant::now());
        // The server is told to stop by itself; this is for one that does not even say so.
        match tokio::time::timeout(left, self.ask(question, metric, at)).await {
            Ok(observation) => observation,
            Err(_) => Err(SourceError::Wait {
                table: self.tables.table.clone(),
                seconds: left.as_secs(),
            }),
        }
    }
}
