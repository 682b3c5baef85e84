//! What experiments were first asked with.

use std::collections::BTreeMap;

use rusqlite::{TransactionBehavior, params};

use super::{Snapshot, Store, StoreError, schema, unreadable};

/// What an experiment was first asked with in one phase, once there were exposures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The phase.
    pub phase: i32,
    /// The hash of everything that was frozen.
    pub registration: String,
    /// The weight of every arm, by its name.
    pub weights: BTreeMap<String, i64>,
}

impl Snapshot {
    /// What is remembered of an experiment, the earliest phase first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn registered(&self, namespace: &str, experiment: &str) -> Result<Vec<Registered>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT phase, registration, weights FROM registration WHERE namespace = ?1 AND experiment = ?2 ORDER BY phase",
        )?;
        let rows = statement.query_map([namespace, experiment], |row| {
            let weights: String = row.get(2)?;
            Ok(Registered {
                phase: row.get(0)?,
                registration: row.get(1)?,
                weights: serde_json::from_str(&weights).map_err(|error| unreadable(2, error))?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Store {
    /// Remembers what an experiment is asked with, unless something is remembered of that phase. Blocks.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remember_registration(
        &self,
        namespace: &str,
        experiment: &str,
        registered: &Registered,
    ) -> Result<(), StoreError> {
        let weights = serde_json::to_string(&registered.weights).map_err(|error| unreadable(0, error))?;
        let mut connection = schema::open(&self.shared.path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO registration (namespace, experiment, phase, registration, weights)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![
                namespace,
                experiment,
                registered.phase,
                registered.registration,
                weights
            ],
        )?;
        transaction.commit()?;
        Ok(())
    }
}
