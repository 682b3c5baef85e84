use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use attune_core::event::{Event, EventData, Exposure, Outcome};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use crate::decider::Decider;
use crate::exposure::Exposures;
use crate::fixture::{
    Hands, Place, builder, bundle_json, bundle_with, decider, evaluate, now, post, reason, unit_in,
};
use crate::state::State;

/// A decider of the shop, changed, with its clock and its exposures.
fn shop(change: impl FnOnce(&mut Value)) -> (Decider, Hands, Receiver<Event>) {
    let hands = Hands::new();
    let (exposures, queue) = Exposures::channel(64);
    let decider = Decider::builder()
        .clock(hands.clock())
        .exposures(exposures)
        .build();
    decider.adopt_bundle(bundle_with(change)).unwrap();
    (decider, hands, queue)
}

/// Two shows of the hero an hour.
fn two_an_hour(bundle: &mut Value) {
    bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 2, "windowSeconds": 3600}]);
}

fn sent(queue: &mut Receiver<Event>) -> Vec<Exposure> {
    let events = std::iter::from_fn(|| queue.try_recv().ok());
    events
        .map(|event| match event.data {
            EventData::Exposure(exposure) => exposure,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn reported(exposure: Exposure, time: Timestamp) -> Event {
    Event {
        id: "e1".into(),
        source: "/web".into(),
        time,
        namespace: Some("shop".into()),
        data: EventData::Exposure(exposure),
    }
}

fn outcome(unit: &str, event: &str, time: Timestamp) -> Event {
    Event {
        id: "o1".into(),
        source: "/shop".into(),
        time,
        namespace: None,
        data: EventData::Outcome(Outcome {
            unit: unit.into(),
            event: event.into(),
            ..Outcome::default()
        }),
    }
}

#[tokio::test]
async fn caps_what_the_single_endpoint_showed_and_frees_it_when_the_window_has_passed() {
    let (decider, hands, _queue) = shop(two_an_hour);
    let unit = unit_in(Place::Treatment, 0);
    for expected in ["EXPERIMENT", "EXPERIMENT", "CAPPED", "CAPPED"] {
        let answer = evaluate(&decider, "hero", &unit).await;
        assert_eq!(reason(&answer), expected);
        hands.forward(600);
    }
    // The first show was 2400 s ago; a window holds both of its ends.
    hands.forward(1201);
    assert_eq!(reason(&evaluate(&decider, "hero", &unit).await), "EXPERIMENT");
    assert_eq!(
        reason(&evaluate(&decider, "hero", &unit_in(Place::Treatment, 1)).await),
        "EXPERIMENT"
    );
}

#[tokio::test]
async fn charges_every_arm_and_the_held_out_alike() {
    for (place, first) in [
        (Place::HeldOut, "HELD_OUT"),
        (Place::OutsideTraffic, "NOT_ENROLLED"),
        (Place::Control, "EXPERIMENT"),
        (Place::Treatment, "EXPERIMENT"),
    ] {
        let (decider, _, _queue) = shop(two_an_hour);
        let unit = unit_in(place, 0);
        for expected in [first, first, "CAPPED"] {
            assert_eq!(
                reason(&evaluate(&decider, "hero", &unit).await),
                expected,
                "{place:?}"
            );
        }
    }
}

#[tokio::test]
async fn bulk_and_explain_see_the_caps_but_charge_and_record_nothing() {
    let (decider, _, mut queue) = shop(two_an_hour);
    let unit = unit_in(Place::Treatment, 0);
    let body = json!({"touchpoint": "hero", "context": {"targetingKey": unit}}).to_string();
    let hero_in_bulk = async || {
        let answer = post(&decider, "/ofrep/v1/evaluate/flags", body.clone())
            .await
            .json();
        reason(&answer["flags"][1]).to_owned()
    };
    for _ in 0..5 {
        assert_eq!(hero_in_bulk().await, "EXPERIMENT");
        post(&decider, "/v1/explain", body.clone()).await;
    }
    assert_eq!(sent(&mut queue), []);
    assert_eq!(decider.state().entries(), 0);
    for _ in 0..2 {
        evaluate(&decider, "hero", &unit).await;
    }
    assert_eq!(hero_in_bulk().await, "CAPPED");
    let explained = post(&decider, "/v1/explain", body.clone()).await.json();
    assert_eq!(reason(&explained["decision"]), "CAPPED");
}

#[tokio::test]
async fn an_answer_that_a_cap_changed_is_no_304() {
    let (decider, _, _queue) = shop(two_an_hour);
    let unit = unit_in(Place::Treatment, 0);
    let body = json!({"context": {"targetingKey": unit}}).to_string();
    let tag = async || {
        let answer = post(&decider, "/ofrep/v1/evaluate/flags", body.clone()).await;
        answer.header("etag").to_owned()
    };
    let before = tag().await;
    evaluate(&decider, "hero", &unit).await;
    assert_eq!(tag().await, before, "one show is left");
    evaluate(&decider, "hero", &unit).await;
    assert_ne!(tag().await, before);
}

#[test]
fn two_requests_at_once_cannot_both_be_the_last_that_a_cap_allows() {
    let (decider, _, _queue) = shop(two_an_hour);
    let unit = unit_in(Place::Treatment, 0);
    let shown: usize = std::thread::scope(|scope| {
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let answers = (0..50).map(|_| runtime.block_on(evaluate(&decider, "hero", &unit)));
            answers.filter(|answer| reason(answer) == "EXPERIMENT").count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(shown, 2);
}

#[tokio::test]
async fn charges_what_is_shown_on_render_when_the_channel_reports_it() {
    let (decider, hands, mut queue) = shop(|bundle| {
        bundle["bindings"]["letter"]["caps"] = json!([{"per": "Module", "max": 1, "windowSeconds": 3600}]);
    });
    for _ in 0..3 {
        assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "TARGETED");
    }
    assert_eq!(sent(&mut queue), [], "nobody has seen it yet");
    let exposure = |unit: &str| Exposure {
        unit: unit.into(),
        channel: Some("web".into()),
        touchpoint: Some("letter".into()),
        binding: Some("letter".into()),
        variant: Some("plain/default".into()),
        ..Exposure::default()
    };
    // The baseline was shown, but only news can have won there: it is news that is charged.
    decider.observe(&reported(exposure("u1"), now()));
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "CAPPED");
    // A browser that is told the reason only knows no binding; the touchpoint has but one.
    let anonymous = Exposure {
        binding: None,
        ..exposure("u2")
    };
    // A clock that goes wrong silences nobody for longer than the window.
    decider.observe(&reported(anonymous, now() + SignedDuration::from_hours(1000)));
    assert_eq!(reason(&evaluate(&decider, "letter", "u2").await), "CAPPED");
    hands.forward(3601);
    assert_eq!(reason(&evaluate(&decider, "letter", "u2").await), "TARGETED");
}

#[tokio::test]
async fn ignores_reports_that_are_not_its_own_or_were_counted_before() {
    let (decider, _, _queue) = shop(two_an_hour);
    let unit = unit_in(Place::Treatment, 0);
    let exposure = Exposure {
        unit: unit.clone(),
        channel: Some("web".into()),
        binding: Some("hero".into()),
        ..Exposure::default()
    };
    let foreign = Event {
        namespace: Some("other".into()),
        ..outcome(&unit, "purchase", now())
    };
    for event in [
        reported(exposure.clone(), now()),
        reported(
            Exposure {
                channel: Some("app".into()),
                ..exposure
            },
            now(),
        ),
        reported(
            Exposure {
                unit: unit.clone(),
                ..Exposure::default()
            },
            now(),
        ),
        foreign,
    ] {
        decider.observe(&event);
        assert_eq!(decider.state().entries(), 0, "{event:?}");
    }
}

#[tokio::test]
async fn stops_after_an_outcome_until_the_window_has_passed() {
    let (decider, hands, _queue) = shop(|bundle| {
        bundle["bindings"]["letter"]["stopOn"] = json!([{"event": "purchase", "windowSeconds": 86400}]);
    });
    decider.observe(&outcome("u1", "visit", now()));
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "TARGETED");
    decider.observe(&outcome("u1", "purchase", now()));
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "STOPPED");
    assert_eq!(reason(&evaluate(&decider, "letter", "u2").await), "TARGETED");
    hands.forward(86400);
    assert_eq!(reason(&evaluate(&decider, "letter", "u1").await), "TARGETED");
}

#[tokio::test]
async fn an_outcome_on_one_channel_silences_another_that_shares_the_state() {
    let state = Arc::new(State::default());
    let channel = |name: &str| {
        let decider = builder().state(state.clone()).build();
        let bundle = bundle_with(|bundle| {
            bundle["channel"] = json!(name);
            bundle["bindings"]["letter"]["stopOn"] = json!([{"event": "purchase", "windowSeconds": 60}]);
        });
        decider.adopt_bundle(bundle).unwrap();
        decider
    };
    let (web, app) = (channel("web"), channel("app"));
    web.observe(&outcome("u1", "purchase", now()));
    assert_eq!(reason(&evaluate(&app, "letter", "u1").await), "STOPPED");
}

#[tokio::test]
async fn reports_who_was_exposed_with_the_decision() {
    let (decider, hands, mut queue) = shop(|_| {});
    for (place, arm, held, variant) in [
        (Place::Treatment, Some("treatment"), false, "hero/everyone"),
        (Place::Control, Some("control"), false, "plain/default"),
        (Place::HeldOut, None, true, "plain/default"),
        // Not part of the experiment, but of what the holdout is compared with.
        (Place::OutsideTraffic, None, false, "plain/default"),
    ] {
        let unit = unit_in(place, 0);
        let answer = evaluate(&decider, "hero", &unit).await;
        evaluate(&decider, "hero", &unit).await;
        let exposures = sent(&mut queue);
        let [exposure] = exposures.as_slice() else {
            panic!("{place:?}: {exposures:?}")
        };
        assert_eq!(exposure.unit, unit);
        assert_eq!(
            exposure.decision.as_deref(),
            answer["metadata"]["attune.decision"].as_str()
        );
        assert_eq!(exposure.revision, decider.revision());
        assert_eq!(exposure.variant.as_deref(), Some(variant));
        let enrolment = exposure.enrolment.as_ref();
        assert_eq!(enrolment.map(|enrolment| enrolment.arm.as_str()), arm);
        assert!(
            enrolment.is_none_or(|enrolment| enrolment.phase == 2 && enrolment.experiment == "hero-test")
        );
        let test = exposure.holdout.as_ref().unwrap();
        assert_eq!((test.name.as_str(), test.held), ("always", held));
    }
    hands.forward(24 * 3600);
    evaluate(&decider, "hero", &unit_in(Place::Treatment, 0)).await;
    assert_eq!(sent(&mut queue).len(), 1, "a day later it is news again");
}

#[tokio::test]
async fn refuses_a_bad_bundle_and_decides_on_by_the_old_one() {
    let decider = decider();
    let before = decider.status();
    let revision = decider.revision().unwrap();
    let mut dangling = bundle_json();
    dangling["bindings"]["hero"]["program"] = json!("gone");
    let mut foreign = bundle_json();
    foreign["namespace"] = json!("elsewhere");
    for (json, why) in [
        ("garbage".to_owned(), "not readable"),
        (dangling.to_string(), "`gone`, which is not in the bundle"),
        (foreign.to_string(), "for channel `elsewhere/web`"),
    ] {
        let error = decider.adopt(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        let status = decider.status();
        assert_eq!(status.serving, before.serving);
        assert_eq!(status.refused.unwrap().reason, error);
        let answer = evaluate(&decider, "hero", "u1").await;
        assert_eq!(answer["metadata"]["attune.revision"], revision);
    }
    let healed = bundle_with(|bundle| bundle["bindings"]["hero"]["priority"] = json!(11));
    let revision = decider.adopt_bundle(healed).unwrap();
    assert_eq!(decider.status().refused, None);
    assert_eq!(decider.status().serving, Some((revision, now())));
}

#[test]
fn swaps_bundles_under_load_without_a_wrong_or_a_failed_answer() {
    let decider = decider();
    let bundles: Vec<_> = (0..20)
        .map(|priority| bundle_with(|bundle| bundle["bindings"]["hero"]["priority"] = json!(priority)))
        .collect();
    let revisions: Vec<String> = bundles
        .iter()
        .map(|bundle| decider.adopt_bundle(bundle.clone()).unwrap())
        .collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut asked = 0;
            while !is_over.load(Ordering::Relaxed) {
                let answer = runtime.block_on(evaluate(&decider, "hero", "u1"));
                let revision = answer["metadata"]["attune.revision"].as_str().unwrap();
                assert!(revisions.iter().any(|known| known == revision));
                asked += 1;
            }
            asked
        };
        let asker = scope.spawn(ask);
        for _ in 0..10 {
            for bundle in &bundles {
                decider.adopt_bundle(bundle.clone()).unwrap();
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(asker.join().unwrap() > 0);
    });
}

/// Where the memory of units says what was reported, and where it knows nobody: the same is sent.
#[tokio::test]
async fn reports_alike_whether_the_unit_is_remembered_or_not() {
    let seldom = |bundle: &mut Value| {
        bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 1000, "windowSeconds": 604_800}]);
    };
    let mut told = Vec::new();
    for is_remembered in [true, false] {
        let (decider, hands, mut queue) = shop(|bundle| {
            if is_remembered {
                seldom(bundle);
            } else {
                bundle["bindings"]["letter"]["caps"] = json!([]);
                bundle["bindings"]["letter"]["stopOn"] = json!([]);
            }
        });
        assert_eq!(decider.0.state.is_needed(), is_remembered);
        let next_phase = bundle_with(|bundle| {
            bundle["bindings"]["letter"]["caps"] = json!([]);
            bundle["bindings"]["letter"]["stopOn"] = json!([]);
            if is_remembered {
                seldom(bundle);
            }
            bundle["experiments"]["hero-test"]["phase"] = json!(3);
        });
        let mut counts = Vec::new();
        let units = [Place::Treatment, Place::HeldOut].map(|place| unit_in(place, 0));
        // In turns, so that nothing is known by having been the last of all.
        for pause in [0, 0, 60, 86_399, 1, 0, 86_460] {
            hands.forward(pause);
            for unit in &units {
                evaluate(&decider, "hero", unit).await;
                counts.push(sent(&mut queue).len());
            }
        }
        decider.forget(&units[0]);
        for unit in &units {
            evaluate(&decider, "hero", unit).await;
            counts.push(sent(&mut queue).len());
        }
        decider.adopt_bundle(next_phase).unwrap();
        for unit in units.iter().chain(&units) {
            evaluate(&decider, "hero", unit).await;
            counts.push(sent(&mut queue).len());
        }
        told.push((counts, decider.0.exposures.tally().queued));
    }
    assert_eq!(told[0], told[1]);
    // At the start, a day later, a day later again; whoever was forgotten; and who is in another phase.
    assert_eq!(
        told[0].0,
        [1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 0]
    );
}
