//! What was frozen before the start.

use super::*;

fn registered(hash: &str) -> Question {
    let mut asked = question(metric(MetricKind::Mean));
    asked.registration = hash.into();
    asked
}

#[test]
fn the_first_question_since_there_were_exposures_is_the_one_that_counts() {
    let shop = six_units();
    // Nobody has been exposed as far as this cut is concerned, so nothing is frozen.
    let mut early = registered("first draft");
    early.phase = 1;
    shop.store.append_blocking(shop.events.clone(), start()).unwrap();
    let before = Timestamp::from_second(start().as_second() - 1).unwrap();
    let none = answer(&shop.store, &early, before).unwrap();
    assert_eq!(none.results[0].verdict(), Some(Verdict::NotStarted));

    let first = answer(&shop.store, &registered("frozen"), after(DAY)).unwrap();
    assert!(first.results[0].absolute.is_some());
    let other = answer(&shop.store, &registered("changed"), after(DAY)).unwrap();
    let result = &other.results[0];
    assert_eq!(
        (result.verdict().unwrap().as_str(), result.reason.as_str()),
        ("Invalid", "Registration")
    );
    assert_eq!((result.absolute, result.relative), (None, None));
    assert!(
        result.message.contains("declare a new experiment"),
        "{}",
        result.message
    );
    let again = answer(&shop.store, &registered("frozen"), after(DAY)).unwrap();
    assert_eq!(again, first);
}

#[test]
fn the_registration_holds_in_every_phase_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut shop = six_units();
    shop.show_in(2, "late", "control", 0);
    let options = StoreOptions::default();
    {
        let store = Store::open(directory.path(), &options).unwrap();
        store.append_blocking(shop.events.clone(), start()).unwrap();
        answer(&store, &registered("frozen"), after(DAY)).unwrap();
    }
    let store = Store::open(directory.path(), &options).unwrap();
    let mut second = registered("changed");
    second.phase = 2;
    let result = answer(&store, &second, after(DAY)).unwrap().results.remove(0);
    assert_eq!(result.reason.as_str(), "Registration");
    second.registration = "frozen".into();
    second.arms[0].weight = 90;
    let result = answer(&store, &second, after(DAY)).unwrap().results.remove(0);
    assert_ne!(
        result.reason.as_str(),
        "Phase",
        "another phase may have other weights"
    );
}

#[test]
fn weights_do_not_change_within_a_phase() {
    let shop = six_units();
    shop.answer(&registered("frozen"), DAY);
    let mut reweighted = registered("frozen");
    reweighted.arms[0].weight = 90;
    let result = answer(&shop.store, &reweighted, after(DAY))
        .unwrap()
        .results
        .remove(0);
    assert_eq!(
        (result.verdict().unwrap().as_str(), result.reason.as_str()),
        ("Invalid", "Phase")
    );
    assert!(result.message.contains("spec.phase"), "{}", result.message);
}

#[test]
fn a_guardrail_of_another_registration_stands_open_without_figures() {
    let shop = six_units();
    shop.answer(&registered("frozen"), DAY);
    let mut asked = registered("changed");
    asked.metrics[0].role = MetricRole::Guardrail { margin_bp: 100 };
    asked.planned_units = Some(6);
    let result = answer(&shop.store, &asked, after(DAY)).unwrap().results.remove(0);
    assert_eq!(
        result.finding,
        Finding::Standing(attune_lift::guardrail::Standing::Open)
    );
    assert_eq!((result.absolute, result.reason.as_str()), (None, "Registration"));
}

#[test]
fn without_a_registration_nothing_is_frozen() {
    let shop = six_units();
    let mut asked = question(metric(MetricKind::Mean));
    shop.answer(&asked, DAY);
    // Weights are looked at even under the registration that was remembered.
    asked.arms[0].weight = 90;
    for later in [asked, registered("frozen")] {
        let result = answer(&shop.store, &later, after(2 * DAY))
            .unwrap()
            .results
            .remove(0);
        assert!(result.absolute.is_some(), "{}", result.message);
    }
}

#[test]
fn a_metric_without_a_window_is_invalid() {
    for window in [0, -1, i64::MIN] {
        let mut asked = question(metric(MetricKind::Mean));
        asked.metrics[0].window_seconds = window;
        let result = six_units().answer(&asked, DAY).results.remove(0);
        assert_eq!(
            (result.verdict().unwrap().as_str(), result.reason.as_str()),
            ("Invalid", "Window")
        );
    }
}
