//! Where the figures of a metric come from, where it is not the collector's own store.

use serde::{Deserialize, Serialize};

use super::Direction;

/// A source of moments outside of the collector.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Moments computed in PostgreSQL.
    Postgres(TableSource),
}

/// Two tables of one database. How to reach it is not part of the question: credentials come beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableSource {
    /// Name that the credentials are handed over by: the Secret's, in the namespace of the question.
    pub secret: String,
    /// Table of outcomes, with its schema where it is not the default.
    pub table: String,
    /// Table of exposures, likewise.
    pub exposures: String,
}

/// A threshold on a Prometheus query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The metric's name.
    pub metric: String,
    /// Where Prometheus answers.
    pub url: String,
    /// Query that gives one number.
    pub query: String,
    /// The number beyond which it is breached, in the direction that is worse.
    pub limit: f64,
    /// Which direction is better.
    pub direction: Direction,
}
