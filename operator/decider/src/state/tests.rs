use attune_core::bundle::Exposure;
use attune_core::decide::Winner;
use attune_core::history::{History as _, Shown};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Forgot, State, unit};
use crate::fixture::{bundle_with, now};

const WINNER: Winner<'static> = Winner {
    program: "loyalty",
    binding: "hero",
    rule: 0,
    exposure: Exposure::OnDecision,
    module: "teaser",
    labels: &[],
    audience: None,
};

const WEB: Shown<'static> = Shown::Channel("web");

/// A state that keeps an hour.
fn state(entries: usize) -> State {
    let state = State::new(entries);
    state.serve(&bundle_with(|bundle| {
        bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 3, "windowSeconds": 3600}]);
    }));
    state
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[test]
fn counts_shows_by_binding_module_program_and_channel() {
    let state = state(1000);
    state.lock("u1").charge(&WINNER, "web", now());
    state.lock("u1").charge(
        &Winner {
            module: "other",
            ..WINNER
        },
        "web",
        after(10),
    );
    let record = state.lock("u1");
    for (what, since, count) in [
        (Shown::Binding("hero"), after(-1), 2),
        (Shown::Binding("hero"), now(), 1),
        (Shown::Binding("hero"), after(9), 1),
        (Shown::Binding("hero"), after(10), 0),
        (Shown::Module("teaser"), after(-1), 1),
        (Shown::Program("loyalty"), after(-1), 2),
        (Shown::Channel("web"), after(-1), 2),
        (Shown::Channel("app"), now(), 0),
        // The same name of another kind is another thing.
        (Shown::Module("hero"), now(), 0),
    ] {
        assert_eq!(record.shown(what, since), count, "{what:?} since {since}");
    }
    assert_eq!(record.last_shown(WEB), Some(after(10)));
    assert_eq!(record.last_shown(Shown::Channel("app")), None);
    assert_eq!(record.last_shown(Shown::Module("teaser")), Some(now()));
    assert_eq!(record.last_shown(Shown::Program("loyalty")), Some(after(10)));
    assert_eq!(record.most_shown(), 2);
    drop(record);
    assert_eq!(state.lock("u2").shown(Shown::Channel("web"), now()), 0);
    assert_eq!(state.lock("u2").most_shown(), 0);
    let snapshot = state.snapshot(Some("u1"));
    assert_eq!(snapshot.shown(Shown::Channel("web"), after(-1)), 2);
    assert_eq!(snapshot.last_shown(WEB), Some(after(10)));
    assert_eq!(snapshot.most_shown(), 2);
}

#[test]
fn keeps_the_last_of_each_outcome() {
    let state = state(1000);
    state.lock("u1").note("purchase", after(5));
    state.lock("u1").note("purchase", after(2));
    state.lock("u1").note("visit", after(1));
    let record = state.lock("u1");
    assert_eq!(record.last_outcome("purchase"), Some(after(5)));
    assert_eq!(record.last_outcome("visit"), Some(after(1)));
    assert_eq!(record.last_outcome("refund"), None);
}

#[test]
fn needs_nothing_while_no_rule_asks() {
    let state = State::new(1000);
    state.serve(&bundle_with(|_| {}));
    assert!(!state.is_needed());
    state.serve(&bundle_with(|bundle| {
        bundle["bindings"]["hero"]["stopOn"] = json!([{"event": "purchase", "windowSeconds": 60}]);
    }));
    assert!(state.is_needed());
}

#[test]
fn lets_go_of_what_no_rule_asks_for_any_more_without_counting_it() {
    let state = state(10_000);
    for number in 0..50 {
        state
            .lock(&format!("user-{number}"))
            .charge(&WINNER, "web", now());
    }
    assert_eq!(state.entries(), 50 * (1 + unit::WEIGHT));
    for number in 0..200 {
        state
            .lock(&format!("late-{number}"))
            .charge(&WINNER, "web", after(3601));
    }
    // At most the units of shards that nobody wrote to since are still there.
    assert!(state.entries() < 210 * (1 + unit::WEIGHT), "{}", state.entries());
    assert_eq!(state.forgot().units, 0);
}

#[test]
fn forgets_the_units_written_to_longest_ago_and_counts_them() {
    let entries = 3000;
    let state = state(entries);
    let units = 5000;
    for number in 0..units {
        state
            .lock(&format!("user-{number}"))
            .charge(&WINNER, "web", after(number / 10));
        assert!(state.entries() <= entries);
    }
    let is_known = |number: i64| state.lock(&format!("user-{number}")).last_shown(WEB).is_some();
    let known = (0..units).filter(|number| is_known(*number)).count();
    let forgotten = usize::try_from(state.forgot().units).unwrap();
    assert_eq!(
        known + forgotten,
        usize::try_from(units).unwrap(),
        "every unit is known or counted"
    );
    assert!(known > 700, "{known} of about 1000 that fit");
    assert!((units - 300..units).all(is_known), "the last ones are known");
    assert!(!(0..3000).any(is_known), "the first ones are not");
}

#[test]
fn writing_keeps_a_unit_in_memory() {
    let state = state(3000);
    for number in 0..5000 {
        state.lock("regular").note("visit", after(number / 10));
        state
            .lock(&format!("user-{number}"))
            .charge(&WINNER, "web", after(number / 10));
        assert!(state.lock("regular").last_outcome("visit").is_some());
    }
}

#[test]
fn bounds_what_is_kept_of_one_unit() {
    let state = state(100_000);
    for number in 0..2000 {
        state.lock("u1").charge(&WINNER, "web", after(number / 10));
        state
            .lock("u1")
            .note(&format!("event-{number}"), after(number / 10));
    }
    let forgot = Forgot {
        units: 0,
        shows: 2000 - unit::MAX_SHOWS as u64,
        outcomes: 2000 - unit::MAX_OUTCOMES as u64,
    };
    assert_eq!(state.forgot(), forgot);
    let record = state.lock("u1");
    assert_eq!(record.shown(Shown::Binding("hero"), Timestamp::MIN), 1024);
    assert_eq!(record.last_outcome("event-1999"), Some(after(199)));
    drop(record);
    assert_eq!(
        state.entries(),
        unit::MAX_SHOWS + unit::MAX_OUTCOMES + unit::WEIGHT
    );
}

#[test]
fn works_in_the_smallest_memory() {
    let state = State::new(0);
    state.serve(&bundle_with(|bundle| {
        bundle["settings"]["minimumGapSeconds"] = json!(60);
    }));
    for number in 0..100 {
        state
            .lock(&format!("user-{number}"))
            .charge(&WINNER, "web", now());
        assert!(state.lock(&format!("user-{number}")).last_shown(WEB).is_some());
    }
}

#[test]
fn counts_outcomes_in_a_window_and_forgets_repeated_ones_first() {
    let state = State::new(10_000);
    state.serve(&bundle_with(|bundle| {
        bundle["bindings"]["hero"]["stopOn"] =
            serde_json::json!([{"event": "purchase", "windowSeconds": 86400}]);
    }));
    let mut record = state.lock("u1");
    record.note("purchase", after(0));
    for minute in 0..100 {
        record.note("visit", after(minute));
        // Heard of by a second decider with the same memory.
        record.note("visit", after(minute));
    }
    assert_eq!(
        record.outcomes("visit", after(97)),
        2,
        "after an instant, not at it"
    );
    assert_eq!(
        record.outcomes("visit", after(-1)),
        63,
        "the oldest were forgotten"
    );
    assert_eq!(
        record.last_outcome("purchase"),
        Some(after(0)),
        "the only one of its name was not"
    );
    assert_eq!(record.outcomes("refund", after(-1)), 0);
}
