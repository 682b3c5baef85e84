//! The Channels whose unit ids are kept in plain beside their hash.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError, RwLock};

use attune_core::event::EventData;
use rusqlite::{Connection, TransactionBehavior};

use super::{NewEvent, Store, StoreError, schema};

/// Channels, as (namespace, name).
type Channels = BTreeSet<(String, String)>;

/// What was asked for last.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// What events are looked up in as they come.
    kept: RwLock<Channels>,
    /// What the disk knows; held while it is told.
    stored: Mutex<Channels>,
}

impl Plain {
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare("SELECT namespace, channel FROM plain_channel")?;
        let channels = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let channels: Channels = channels.collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            kept: RwLock::new(channels.clone()),
            stored: Mutex::new(channels),
        })
    }

    /// Whether the unit of an event is kept in plain.
    pub(super) fn keeps(&self, new: &NewEvent) -> bool {
        let channel = match &new.event.data {
            EventData::Exposure(exposure) => exposure.channel.as_ref(),
            EventData::Decision(decided) => Some(&decided.channel),
            EventData::Outcome(_) | EventData::Alias(_) => None,
        };
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        !kept.is_empty()
            && channel.is_some_and(|channel| kept.contains(&(new.namespace.clone(), channel.clone())))
    }

    fn change(&self, change: impl FnOnce(&mut Channels)) {
        change(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Store {
    /// Names the Channels, as (namespace, name), whose unit ids are kept in plain beside their hash from now on, and after
    /// the store is opened again. What is kept of others stays until it is erased or too old. Blocks.
    ///
    /// # Errors
    /// When the disk does not take it. Channels that are named no more are kept in plain no more all the same.
    pub fn keep_plain_units(&self, channels: BTreeSet<(String, String)>) -> Result<(), StoreError> {
        let plain = &self.shared.plain;
        let mut stored = plain.stored.lock().unwrap_or_else(PoisonError::into_inner);
        // INVARIANT: an id is in plain only where that is asked for, whatever becomes of the disk.
        plain.change(|kept| kept.retain(|channel| channels.contains(channel)));
        if *stored != channels {
            let mut connection = schema::open(&self.shared.path)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM plain_channel", [])?;
            let sql = "INSERT INTO plain_channel (namespace, channel) VALUES (?1, ?2)";
            for (namespace, channel) in &channels {
                transaction.prepare_cached(sql)?.execute([namespace, channel])?;
            }
            transaction.commit()?;
            stored.clone_from(&channels);
        }
        plain.change(|kept| *kept = channels);
        Ok(())
    }
}
