//! Why a source gave nothing.

use attune_core::expr::condition::NotTranslatable;
use thiserror::Error;

/// Why a source gave nothing.
///
/// INVARIANT: no variant holds what a driver or a server said, because they quote connection strings, users and rows.
/// What stands here was written by us or is the name of a resource, a table or a column.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The Secret is missing, or has no `uri`.
    #[error(
        "no credentials came from Secret `{secret}`; create it with the key `uri`, and let the operator read it (`rbac.metricSecrets`)"
    )]
    FindCredentials {
        /// The Secret.
        secret: String,
    },
    /// The `uri` is none.
    #[error(
        "the `uri` of Secret `{secret}` is no connection string; write `postgresql://user:password@host/database`"
    )]
    ParseUri {
        /// The Secret.
        secret: String,
    },
    /// The CAs are none, or the host has none.
    #[error(
        "there are no CAs to verify the database's certificate with; add `ca.crt` in PEM to Secret `{secret}`"
    )]
    FindCa {
        /// The Secret.
        secret: String,
    },
    /// No connection.
    #[error(
        "the database of Secret `{secret}` cannot be reached; check its address and the network policies"
    )]
    Connect {
        /// The Secret.
        secret: String,
    },
    /// No connection that may be trusted.
    #[error(
        "the database of Secret `{secret}` does not prove who it is; give it a certificate for its host name that \
         `ca.crt` has signed, or say `sslmode=disable` in `uri`"
    )]
    Trust {
        /// The Secret.
        secret: String,
    },
    /// Wrong user, password or database.
    #[error(
        "the database of Secret `{secret}` refuses the user of `uri`; correct its user, password and database"
    )]
    SignIn {
        /// The Secret.
        secret: String,
    },
    /// Too slow.
    #[error(
        "the database took longer than {seconds} seconds; index `{table}` by event, unit and time and the exposures by \
         experiment"
    )]
    Wait {
        /// The table of outcomes.
        table: String,
        /// How long it had.
        seconds: u64,
    },
    /// The name of a table is none.
    #[error("`{table}` is no name of a table; write `name` or `schema.name` of at most 63 bytes each")]
    NameTable {
        /// As it was given.
        table: String,
    },
    /// There is no such table, or the user may not read it.
    #[error("table `{table}` does not exist or may not be read; create it, or grant SELECT on it")]
    FindTable {
        /// The table.
        table: String,
    },
    /// A column is missing.
    #[error("table `{table}` has no column `{column}`; add it, or name a view that has it")]
    FindColumn {
        /// The table.
        table: String,
        /// The column.
        column: &'static str,
    },
    /// A column has another type.
    #[error("column `{column}` of table `{table}` is no {wanted}; convert it, or name a view that does")]
    TypeColumn {
        /// The table.
        table: String,
        /// The column.
        column: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A condition cannot be stated in SQL.
    #[error("the condition of metric `{metric}`: {source}")]
    Translate {
        /// The metric.
        metric: String,
        /// Why.
        source: NotTranslatable,
    },
    /// A condition is larger than a database should be asked.
    #[error(
        "the condition of metric `{metric}` has more than {limit} literals, or one with a NUL; shorten it"
    )]
    BoundCondition {
        /// The metric.
        metric: String,
        /// The most it may have.
        limit: usize,
    },
    /// Rules for bots read what only the collector has in order.
    #[error(
        "units cannot be left out by rules in a database; leave them out of `{table}`, or remove `exclude`"
    )]
    Exclude {
        /// The table of exposures.
        table: String,
    },
    /// Too many phases to ask about.
    #[error("phase {phase} is beyond the {limit} that are asked about; begin a new experiment")]
    CountPhases {
        /// The present phase.
        phase: i32,
        /// The last that is asked about.
        limit: i32,
    },
    /// Numbers that no sum survives.
    #[error("{count} outcomes in `{table}` have a value that is not finite or beyond 1e18; correct them")]
    CheckValues {
        /// The table of outcomes.
        table: String,
        /// How many.
        count: i64,
    },
    /// The exposures name more arms and days than any experiment has.
    #[error("the exposures in `{table}` have more than {limit} arms and days; look for what writes its arms")]
    BoundAnswer {
        /// The table of exposures.
        table: String,
        /// The most that are read.
        limit: usize,
    },
    /// The database failed at the query.
    #[error("the database failed with SQLSTATE {code} over `{table}`; its log says more")]
    Query {
        /// The table of outcomes.
        table: String,
        /// Five letters and digits.
        code: String,
    },
    /// What came back is no answer.
    #[error("the database's answer over `{table}` cannot be read")]
    ReadAnswer {
        /// The table of outcomes.
        table: String,
    },
    /// The collector's own store cannot be read.
    #[error("cannot read the events")]
    ReadStore,
}

impl SourceError {
    /// Whether other metrics of the same database would fail alike.
    pub(super) fn concerns_all(&self) -> bool {
        matches!(
            self,
            Self::FindCredentials { .. }
                | Self::ParseUri { .. }
                | Self::FindCa { .. }
                | Self::Connect { .. }
                | Self::Trust { .. }
                | Self::SignIn { .. }
                | Self::Wait { .. }
        )
    }
}
