//! Two ids that turn out to be one unit.

use std::collections::{BTreeMap, BTreeSet};

use attune_core::event::Alias;

use super::*;

pub(super) fn named(id: &str, unit: &str, alias: &str) -> NewEvent {
    let data = EventData::Alias(Alias {
        unit: unit.into(),
        alias: alias.into(),
    });
    event(id, now(), data)
}

/// What the tables say of units, without the numbers that they are known by.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord)]
struct Known {
    /// The arm and the time of the first exposure.
    arm: Option<(String, i64)>,
    /// The other arms with their earliest times.
    crossed: BTreeMap<String, i64>,
    /// Times of outcomes.
    outcomes: Vec<i64>,
    /// Times of exposures.
    exposures: Vec<i64>,
    /// The first and the last time that the variant was seen, and how often.
    seen: Option<(i64, i64, i64)>,
}

/// One entry a unit that anything is known of.
fn known(store: &Store) -> Vec<Known> {
    let snapshot = store.snapshot().unwrap();
    let connection = snapshot.connection();
    let mut units: BTreeMap<i64, Known> = BTreeMap::new();
    let query = |sql: &str, take: &mut dyn FnMut(i64, String, i64)| {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                row.get(2)?,
            ))
        });
        for row in rows.unwrap() {
            let (unit, text, time) = row.unwrap();
            take(unit, text, time);
        }
    };
    query(
        "SELECT unit, name.text, first FROM assignment JOIN name ON name.id = arm",
        &mut |unit, arm, first| units.entry(unit).or_default().arm = Some((arm, first)),
    );
    query(
        "SELECT unit, name.text, first FROM crossing JOIN name ON name.id = arm",
        &mut |unit, arm, first| {
            units.entry(unit).or_default().crossed.insert(arm, first);
        },
    );
    query(
        "SELECT unit, NULL, time FROM outcome ORDER BY time",
        &mut |unit, _, time| {
            units.entry(unit).or_default().outcomes.push(time);
        },
    );
    query(
        "SELECT unit, NULL, time FROM exposure ORDER BY time",
        &mut |unit, _, time| {
            units.entry(unit).or_default().exposures.push(time);
        },
    );
    let mut statement = connection
        .prepare("SELECT unit, first, last, shows FROM sighting")
        .unwrap();
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))
    });
    for row in rows.unwrap() {
        let (unit, seen) = row.unwrap();
        units.entry(unit).or_default().seen = Some(seen);
    }
    let ids: BTreeSet<i64> = {
        let mut statement = connection.prepare("SELECT id FROM unit").unwrap();
        let ids = statement.query_map([], |row| row.get(0)).unwrap();
        ids.map(Result::unwrap).collect()
    };
    assert!(
        units.keys().all(|unit| ids.contains(unit)),
        "rows of a unit that is no more"
    );
    let mut known: Vec<Known> = units.into_values().collect();
    known.sort();
    known
}

#[test]
fn joins_two_ids_and_takes_the_earliest_exposure() {
    let (_directory, store) = fresh();
    let events = vec![
        exposed("e1", "jane", "a", after(5)),
        exposed("e2", "device", "b", after(1)),
        happened("e3", "device", "click", after(2)),
        happened("e4", "jane", "click", after(6)),
    ];
    store.append_blocking(events, now()).unwrap();
    assert_eq!(arms(&store), [arm("a", 1, 0), arm("b", 1, 0)]);
    store
        .append_blocking(vec![named("n1", "jane", "device")], now())
        .unwrap();
    assert_eq!(arms(&store), [arm("b", 1, 1)]);
    let known = known(&store);
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].outcomes, [micros(after(2)), micros(after(6))]);
    // From now on either id is the unit.
    let later = vec![
        exposed("e5", "device", "a", now()),
        happened("e6", "jane", "click", after(7)),
    ];
    store.append_blocking(later, now()).unwrap();
    assert_eq!(arms(&store), [arm("a", 1, 1)]);
}

#[test]
fn an_alias_before_anything_else_and_one_that_comes_again_change_nothing() {
    let (directory, store) = fresh();
    let alias = named("n1", "jane", "device");
    let receipt = store
        .append_blocking(vec![alias.clone(), alias, named("n2", "jane", "device")], now())
        .unwrap();
    assert_eq!((receipt.stored, receipt.duplicates), (2, 1));
    drop(store);
    // What is known of ids outlives the process and its memory.
    let store = open(directory.path());
    let events = vec![
        exposed("e1", "device", "a", now()),
        exposed("e2", "jane", "a", now()),
    ];
    store.append_blocking(events, now()).unwrap();
    assert_eq!(arms(&store), [arm("a", 1, 0)]);
}

#[test]
fn keeps_units_of_two_namespaces_apart() {
    let (_directory, store) = fresh();
    let mut elsewhere = exposed("e1", "device", "a", now());
    elsewhere.namespace = "other".into();
    let events = vec![
        elsewhere,
        exposed("e2", "jane", "a", now()),
        named("n1", "jane", "device"),
    ];
    store.append_blocking(events, now()).unwrap();
    assert_eq!(known(&store).len(), 2);
}

/// An event of the property below: what, which unit, which other unit or arm, when.
type Told = (u8, u8, u8, i64);

fn told(index: usize, (what, unit, other, time): Told) -> NewEvent {
    let (id, unit) = (format!("e{index}"), format!("u{unit}"));
    match what {
        0 => {
            let mut exposed = exposed(&id, &unit, &arm_name(other), after(time));
            if let EventData::Exposure(exposure) = &mut exposed.event.data {
                exposure.variant = Some("m/v".into());
            }
            exposed
        }
        1 => happened(&id, &unit, "click", after(time)),
        _ => named(&id, &unit, &format!("u{other}")),
    }
}

/// Names run against the order of their numbers, as the store may meet them.
fn arm_name(arm: u8) -> String {
    char::from(b'z' - arm).to_string()
}

/// What a person would say: sort the ids into sets, then look at each set as if it were one id.
fn model(told: &[Told]) -> Vec<Known> {
    let mut sets: Vec<BTreeSet<u8>> = (0..6).map(|unit| BTreeSet::from([unit])).collect();
    for (_, unit, other, _) in told.iter().filter(|(what, ..)| *what >= 2) {
        let (mut joined, apart): (Vec<_>, Vec<_>) = sets
            .into_iter()
            .partition(|set| set.contains(unit) || set.contains(other));
        joined.push(BTreeSet::new());
        sets = apart;
        sets.push(joined.into_iter().flatten().collect());
    }
    let mut all = Vec::new();
    for set in sets {
        let of = |what: u8| {
            let mut of: Vec<(i64, String)> = told
                .iter()
                .filter(|(kind, unit, ..)| *kind == what && set.contains(unit))
                .map(|(_, _, other, time)| (micros(after(*time)), arm_name(*other)))
                .collect();
            of.sort();
            of
        };
        let (exposures, outcomes) = (of(0), of(1));
        let mut known = Known {
            outcomes: outcomes.iter().map(|(time, _)| *time).collect(),
            exposures: exposures.iter().map(|(time, _)| *time).collect(),
            ..Known::default()
        };
        if let (Some((first, arm)), Some((last, _))) = (exposures.first(), exposures.last()) {
            known.arm = Some((arm.clone(), *first));
            known.seen = Some((*first, *last, i64::try_from(exposures.len()).unwrap()));
            for (time, other) in exposures.iter().filter(|(_, other)| other != arm) {
                known.crossed.entry(other.clone()).or_insert(*time);
            }
        }
        if known != Known::default() {
            all.push(known);
        }
    }
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Exposures, outcomes and aliases in any order, in any batches, chains and cycles among them, give what a plain model
    /// says; and so does the same once more, backwards.
    #[test]
    fn joins_units_whatever_the_order_of_arrival(
        events in prop::collection::vec((0..4_u8, 0..6_u8, 0..6_u8, 0..6_i64), 1..30),
        cut in 1..9_usize,
    ) {
        // Nothing is its own alias: such an event does not parse.
        let events: Vec<Told> = events.into_iter().filter(|(what, unit, other, _)| *what < 2 || unit != other).collect();
        let expected = model(&events);
        let mut indexed: Vec<(usize, Told)> = events.into_iter().enumerate().collect();
        for _ in 0..2 {
            let (_directory, store) = fresh();
            for batch in indexed.chunks(cut) {
                let batch = batch.iter().map(|(index, event)| told(*index, *event)).collect();
                store.append_blocking(batch, now()).unwrap();
            }
            prop_assert_eq!(&known(&store), &expected);
            indexed.reverse();
        }
    }
}
