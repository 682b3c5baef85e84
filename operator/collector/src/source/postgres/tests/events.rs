//! One log of events, for the store and for a database.

use std::collections::BTreeMap;

use tempfile::TempDir;
use tokio_postgres::Client;

use super::*;

pub(super) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    Timestamp::from_microsecond(start.as_microsecond() + seconds * 1_000_000).unwrap()
}

/// Events in the order in which they were told.
pub(super) struct Log {
    events: Vec<NewEvent>,
    random: u64,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            events: Vec::new(),
            random: 2026,
        }
    }

    /// A number below `below`, from a fixed sequence (`SplitMix64`).
    pub(super) fn below(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn push(&mut self, namespace: &str, time: Timestamp, data: EventData) {
        let id = format!("e{}", self.events.len());
        let event = Event {
            id,
            source: "/test".into(),
            time,
            namespace: None,
            data,
        };
        let namespace = namespace.to_owned();
        self.events.push(NewEvent { namespace, event });
    }

    pub(super) fn show(&mut self, unit: &str, (experiment, phase): (&str, i32), arm: &str, time: Timestamp) {
        self.show_in("shop", unit, (experiment, phase), arm, time);
    }

    pub(super) fn show_in(
        &mut self,
        namespace: &str,
        unit: &str,
        (experiment, phase): (&str, i32),
        arm: &str,
        time: Timestamp,
    ) {
        let enrolment = Some(Enrolment {
            experiment: experiment.into(),
            phase,
            arm: arm.into(),
        });
        let exposure = Exposure {
            unit: unit.into(),
            enrolment,
            ..Exposure::default()
        };
        self.push(namespace, time, EventData::Exposure(exposure));
    }

    pub(super) fn act(
        &mut self,
        unit: &str,
        event: &str,
        value: Option<f64>,
        properties: &[(&str, Property)],
        time: Timestamp,
    ) {
        let properties: BTreeMap<_, _> = properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let outcome = Outcome {
            unit: unit.into(),
            event: event.into(),
            value,
            properties,
        };
        self.push("shop", time, EventData::Outcome(outcome));
    }

    /// The collector's own store with these events.
    pub(super) async fn store(&self) -> (StoreSource, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
        store.append(self.events.clone(), at(0)).await.unwrap();
        (StoreSource(store), directory)
    }

    /// Two tables with these events.
    pub(super) async fn load(&self, client: &Client) {
        client.batch_execute(TABLES).await.unwrap();
        for new in &self.events {
            let micros = new.event.time.as_microsecond();
            match &new.event.data {
                EventData::Exposure(exposure) => {
                    let enrolment = exposure.enrolment.as_ref().unwrap();
                    let sql = "INSERT INTO attune_exposures VALUES ($1, $2, $3, $4, $5,
                               'epoch'::timestamptz + $6::bigint * interval '1 microsecond')";
                    let phase = (enrolment.phase != 1).then_some(enrolment.phase);
                    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
                        &new.namespace,
                        &exposure.unit,
                        &enrolment.experiment,
                        &phase,
                        &enrolment.arm,
                        &micros,
                    ];
                    client.execute(sql, &row).await.unwrap();
                }
                EventData::Alias(_) | EventData::Decision(_) => panic!("a table knows none"),
                EventData::Outcome(outcome) => {
                    let sql = "INSERT INTO outcomes VALUES ($1, $2, $3,
                               'epoch'::timestamptz + $4::bigint * interval '1 microsecond', $5, $6::text::jsonb)";
                    let properties = (!outcome.properties.is_empty())
                        .then(|| serde_json::to_string(&outcome.properties).unwrap());
                    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
                        &new.namespace,
                        &outcome.unit,
                        &outcome.event,
                        &micros,
                        &outcome.value,
                        &properties,
                    ];
                    client.execute(sql, &row).await.unwrap();
                }
            }
        }
    }
}

/// Tables as `docs/operations.md` has them.
const TABLES: &str = "
    CREATE TABLE attune_exposures (
        namespace text NOT NULL, unit text NOT NULL, experiment text NOT NULL, phase integer, arm text NOT NULL,
        time timestamptz NOT NULL
    );
    CREATE TABLE outcomes (
        namespace text NOT NULL, unit text NOT NULL, event text NOT NULL, time timestamptz NOT NULL,
        value double precision, properties jsonb
    );";
