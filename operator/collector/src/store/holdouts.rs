//! The periods of holdouts, and the buckets of units under them.
//!
//! A unit's bucket needs its plain id, which is gone once the exposure is stored, so it is computed on the way in, with
//! the salt of the period that the exposure happened in. Whoever is seen before a salt is known has the bucket of the
//! default salt, and no bucket at all as far as another salt is concerned.

use std::collections::BTreeMap;
use std::sync::RwLockReadGuard;

use attune_core::bucket::{BASIS_POINTS, Salt};
use attune_core::measure::holdout::HoldoutRegistration;
use jiff::Timestamp;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use thiserror::Error;

use super::{Store, StoreError, instant, micros, schema};

/// Most periods that are remembered: a bound for memory, far above what anybody declares.
const MOST_PERIODS: usize = 10_000;
/// Shares that a holdout may have, in basis points; above the half there is no slice of the same size.
const SHARES: std::ops::RangeInclusive<i32> = 1..=5000;

/// Why a holdout's period is not registered.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// The period has no length.
    #[error(
        "the period of holdout `{holdout}` ends at {until}, before it begins; set `period.until` after `period.from`"
    )]
    CheckPeriod {
        /// The holdout.
        holdout: String,
        /// When it is said to end.
        until: Timestamp,
    },
    /// The share is none.
    #[error("holdout `{holdout}` has a share of {share_bp} basis points; `shareBp` must be 1 to 5000")]
    CheckShare {
        /// The holdout.
        holdout: String,
        /// What it is said to be.
        share_bp: i32,
    },
    /// The period is known with another salt or share.
    #[error(
        "the period of holdout `{holdout}` from {from} began with another salt or share; these may change only together \
         with `period.from`: begin a new period"
    )]
    MatchPeriod {
        /// The holdout.
        holdout: String,
        /// The period.
        from: Timestamp,
    },
    /// Too many periods are known.
    #[error("{MOST_PERIODS} periods of holdouts are known already; no more are taken")]
    CountPeriods,
    /// The store cannot be read or written.
    #[error("cannot remember the period of a holdout")]
    Remember {
        /// Why.
        #[from]
        source: StoreError,
    },
}

impl From<rusqlite::Error> for RegisterError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Remember { source: error.into() }
    }
}

/// The bucket of a unit, and what it was computed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) salt: String,
    pub(super) bucket: u32,
}

/// All known periods, by namespace and holdout, and by their beginning in microseconds.
#[derive(Debug, Default)]
pub(super) struct Periods(BTreeMap<(String, String), BTreeMap<i64, Known>>);

#[derive(Debug, Clone)]
struct Known {
    registration: HoldoutRegistration,
    salt: Salt,
}

impl Periods {
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut periods = Self::default();
        let sql = "SELECT namespace, holdout, begins, ends, salt, share FROM holdout_period";
        let mut statement = connection.prepare(sql)?;
        for registration in statement.query_map([], read)? {
            periods.put(registration?);
        }
        Ok(periods)
    }

    fn put(&mut self, registration: HoldoutRegistration) {
        let salt = Salt::new(&registration.salt);
        let key = (registration.namespace.clone(), registration.holdout.clone());
        let known = Known { registration, salt };
        let begins = micros(known.registration.from);
        self.0.entry(key).or_default().insert(begins, known);
    }

    fn get(&self, registration: &HoldoutRegistration) -> Option<&HoldoutRegistration> {
        let key = (registration.namespace.clone(), registration.holdout.clone());
        let known = self.0.get(&key)?.get(&micros(registration.from))?;
        Some(&known.registration)
    }

    fn count(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// The bucket of a unit that is exposed under a holdout at a time: by the period that has begun last by then, else by
    /// the first that will begin.
    pub(super) fn bucket(&self, namespace: &str, holdout: &str, time: Timestamp, unit: &str) -> Bucket {
        let key = (namespace.to_owned(), holdout.to_owned());
        let known = self.0.get(&key).and_then(|periods| {
            let begun = periods.range(..=micros(time)).next_back();
            begun.or_else(|| periods.first_key_value())
        });
        match known {
            Some((_, known)) => Bucket {
                salt: known.registration.salt.clone(),
                bucket: known.salt.bucket(unit, BASIS_POINTS),
            },
            None => {
                let salt = format!("{namespace}/{holdout}:holdout");
                Bucket {
                    bucket: Salt::new(&salt).bucket(unit, BASIS_POINTS),
                    salt,
                }
            }
        }
    }
}

impl Store {
    /// Remembers the period of a holdout from now on; its end may move, its salt and its share may not. Blocks.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn register_holdout(&self, registration: &HoldoutRegistration) -> Result<(), RegisterError> {
        check(registration)?;
        let changed = || RegisterError::MatchPeriod {
            holdout: registration.holdout.clone(),
            from: registration.from,
        };
        {
            let periods = self.periods();
            match periods.get(registration) {
                Some(known) if known == registration => return Ok(()),
                Some(known) if !is_same_split(known, registration) => return Err(changed()),
                None if periods.count() >= MOST_PERIODS => return Err(RegisterError::CountPeriods),
                _ => {}
            }
        }
        let mut connection = schema::open(&self.shared.path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let rows = transaction.execute(
            "INSERT INTO holdout_period (namespace, holdout, begins, ends, salt, share)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET ends = excluded.ends WHERE salt = excluded.salt AND share = excluded.share",
            params![
                registration.namespace,
                registration.holdout,
                micros(registration.from),
                micros(registration.until),
                registration.salt,
                registration.share_bp,
            ],
        )?;
        if rows == 0 {
            return Err(changed());
        }
        transaction.commit()?;
        self.shared
            .periods
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .put(registration.clone());
        Ok(())
    }

    pub(super) fn periods(&self) -> RwLockReadGuard<'_, Periods> {
        self.shared
            .periods
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn is_same_split(left: &HoldoutRegistration, right: &HoldoutRegistration) -> bool {
    left.salt == right.salt && left.share_bp == right.share_bp
}

fn check(registration: &HoldoutRegistration) -> Result<(), RegisterError> {
    if registration.until <= registration.from {
        return Err(RegisterError::CheckPeriod {
            holdout: registration.holdout.clone(),
            until: registration.until,
        });
    }
    if !SHARES.contains(&registration.share_bp) {
        return Err(RegisterError::CheckShare {
            holdout: registration.holdout.clone(),
            share_bp: registration.share_bp,
        });
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<HoldoutRegistration> {
    Ok(HoldoutRegistration {
        namespace: row.get(0)?,
        holdout: row.get(1)?,
        from: instant(row.get(2)?),
        until: instant(row.get(3)?),
        salt: row.get(4)?,
        share_bp: row.get(5)?,
    })
}
