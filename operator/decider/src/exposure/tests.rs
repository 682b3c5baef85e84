use attune_core::bundle::Exposure;
use attune_core::decide::{Content, Decision, Enrolment, HoldoutTest, Reason, Winner};
use attune_core::event::{self, Event, EventData};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::Receiver;

use super::{Exposed, Exposures, Fate};
use crate::fixture::now;

fn decision(arm: Option<&str>, held: Option<bool>) -> Decision<'_> {
    Decision {
        touchpoint: "hero",
        revision: "r1",
        reason: Reason::Experiment,
        content: Some(Content {
            variant: "teaser/gold",
            json: serde_json::from_str("{}").unwrap(),
        }),
        winner: Some(Winner {
            program: "loyalty",
            binding: "hero-binding",
            rule: 0,
            exposure: Exposure::OnDecision,
            module: "teaser",
            labels: &[],
            audience: Some("gold"),
        }),
        holdout: held.map(|held| HoldoutTest { name: "always", held }),
        passed_holdout: None,
        enrolment: arm.map(|arm| Enrolment {
            experiment: "hero-test",
            arm,
            phase: 2,
        }),
        is_plain: true,
    }
}

fn exposed(unit: &str, at: Timestamp) -> Exposed<'_> {
    Exposed {
        decision: "d1",
        unit,
        namespace: "shop",
        channel: "web",
        at,
    }
}

fn drain(queue: &mut Receiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| queue.try_recv().ok()).collect()
}

#[test]
fn carries_everything_that_a_measurement_needs_and_parses_as_an_event() {
    let (exposures, mut queue) = Exposures::channel(8);
    exposures.offer(&decision(Some("treatment"), Some(false)), &exposed("u1", now()));
    let events = drain(&mut queue);
    let exposure = event::Exposure {
        unit: "u1".into(),
        decision: Some("d1".into()),
        channel: Some("web".into()),
        touchpoint: Some("hero".into()),
        binding: Some("hero-binding".into()),
        variant: Some("teaser/gold".into()),
        revision: Some("r1".into()),
        enrolment: Some(event::Enrolment {
            experiment: "hero-test".into(),
            phase: 2,
            arm: "treatment".into(),
        }),
        holdout: Some(event::HoldoutTest {
            name: "always".into(),
            held: false,
        }),
    };
    let expected = Event {
        id: "d1".into(),
        source: "/attune/shop/web".into(),
        time: now(),
        namespace: Some("shop".into()),
        data: EventData::Exposure(exposure),
    };
    assert_eq!(events, std::slice::from_ref(&expected));
    assert_eq!(
        Event::from_json(&serde_json::to_vec(&expected).unwrap()).unwrap(),
        expected
    );
}

#[test]
fn reports_both_holdouts_that_could_have_held_the_unit() {
    let (exposures, mut queue) = Exposures::channel(8);
    let decision = Decision {
        passed_holdout: Some("everywhere"),
        ..decision(Some("a"), Some(true))
    };
    exposures.offer(&decision, &exposed("u1", now()));
    exposures.offer(&decision, &exposed("u1", now()));
    let events = drain(&mut queue);
    let reported: Vec<_> = events
        .iter()
        .map(|event| {
            let EventData::Exposure(exposure) = &event.data else {
                panic!("{event:?} is no exposure")
            };
            let test = exposure.holdout.clone().unwrap();
            (
                event.id.as_str(),
                test.name,
                test.held,
                exposure.enrolment.is_some(),
            )
        })
        .collect();
    let expected = [
        ("d1", "always".to_owned(), true, true),
        ("d1:passed", "everywhere".to_owned(), false, false),
    ];
    assert_eq!(reported, expected);
}

#[test]
fn sends_nothing_that_no_experiment_and_no_holdout_is_measured_by() {
    let (exposures, mut queue) = Exposures::channel(8);
    exposures.offer(&decision(None, None), &exposed("u1", now()));
    assert_eq!(drain(&mut queue), []);
    exposures.offer(&decision(None, Some(true)), &exposed("u1", now()));
    assert_eq!(drain(&mut queue).len(), 1);
}

#[test]
fn sends_an_exposure_once_in_24_hours_for_each_unit_and_arm() {
    let (exposures, mut queue) = Exposures::channel(64);
    let mut sent = |decision: &Decision<'_>, unit: &str, hours: i64| {
        exposures.offer(
            decision,
            &exposed(unit, now() + SignedDuration::from_hours(hours)),
        );
        drain(&mut queue).len()
    };
    assert_eq!(sent(&decision(Some("a"), None), "u1", 0), 1);
    assert_eq!(sent(&decision(Some("a"), None), "u1", 23), 0);
    assert_eq!(sent(&decision(Some("a"), None), "u2", 0), 1, "another unit");
    assert_eq!(sent(&decision(Some("b"), None), "u1", 0), 1, "another arm");
    assert_eq!(
        sent(&decision(Some("a"), Some(false)), "u1", 0),
        1,
        "the holdout is news"
    );
    assert_eq!(sent(&decision(Some("a"), Some(false)), "u1", 1), 0);
    assert_eq!(sent(&decision(Some("b"), None), "u1", 24), 1, "a day later");
}

#[test]
fn sheds_units_by_a_hash_that_knows_no_arm_before_the_queue_is_full() {
    let (exposures, mut queue) = Exposures::channel(1000);
    let units: Vec<String> = (0..4000).map(|number| format!("user-{number}")).collect();
    for unit in &units {
        exposures.offer(&decision(Some("a"), None), &exposed(unit, now()));
    }
    let first: Vec<String> = drain(&mut queue)
        .iter()
        .map(|event| event.data.unit().to_owned())
        .collect();
    assert!(first.len() > 800, "{}", first.len());
    assert_eq!(exposures.fates.get(Fate::Queued), first.len() as u64);
    assert_eq!(exposures.fates.get(Fate::Shed), 4000 - first.len() as u64);
    assert_eq!(
        exposures.fates.get(Fate::Overflowed),
        0,
        "the last place is never fought over"
    );
    // The same units in another arm at the same pressure: the same ones are kept.
    for unit in &units {
        exposures.offer(&decision(Some("b"), None), &exposed(unit, now()));
    }
    let second: Vec<String> = drain(&mut queue)
        .iter()
        .map(|event| event.data.unit().to_owned())
        .collect();
    assert_eq!(first, second);
    // What was shed counts as not sent: it goes out once there is room.
    let shed = units.iter().find(|unit| !first.contains(unit)).unwrap();
    exposures.offer(&decision(Some("a"), None), &exposed(shed, now()));
    assert_eq!(drain(&mut queue).len(), 1);
}

#[test]
fn counts_what_nobody_takes() {
    let (exposures, queue) = Exposures::channel(4);
    drop(queue);
    exposures.offer(&decision(Some("a"), None), &exposed("u1", now()));
    assert_eq!(exposures.fates.get(Fate::Overflowed), 1);
}

#[test]
fn leaves_out_units_that_no_event_may_carry() {
    let (exposures, mut queue) = Exposures::channel(8);
    let long = "u".repeat(513);
    for unit in [long.as_str(), "a\nb", "\u{0}"] {
        exposures.offer(&decision(Some("a"), None), &exposed(unit, now()));
    }
    assert_eq!(drain(&mut queue), []);
    assert_eq!(exposures.fates.get(Fate::Unreportable), 3);
    exposures.offer(&decision(Some("a"), None), &exposed(&"u".repeat(512), now()));
    let event = drain(&mut queue).remove(0);
    assert!(Event::from_json(&serde_json::to_vec(&event).unwrap()).is_ok());
}

#[test]
fn remembers_a_bounded_number_of_exposures() {
    let mut seen = super::Seen::new(100);
    let of = |unit: u64| [Some(super::Key { unit, place: 7 }), None];
    let forgotten: u64 = (0..300).map(|unit| seen.insert(of(unit), now()).unwrap()).sum();
    assert_eq!(forgotten, 200);
    assert!(seen.knows(of(299), now()) && seen.knows(of(200), now()));
    assert!(!seen.knows(of(199), now()));
    // What is over by itself is not forgotten.
    let tomorrow = now() + SignedDuration::from_hours(24);
    assert_eq!(seen.insert(of(1000), tomorrow), Some(0));
}
