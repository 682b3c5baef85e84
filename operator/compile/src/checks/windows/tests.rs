use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy, instant};
use serde_json::json;

use crate::tests::{bundle, compile, finding, findings, snapshot, stands};

#[test]
fn warns_of_an_expired_variant_and_says_that_the_module_is_not_fresh() {
    let strategy = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][2]["validity"]["until"] = "2026-12-01T00:00:00Z".into();
    });
    assert_eq!(
        finding(&strategy),
        "warning ContentModule hero spec.variants[2].validity.until Expired: variant `lapsed` expired at \
         2026-12-01T00:00:00Z and is not shown: renew or remove it"
    );
    let compiled = compile(&strategy);
    assert_eq!(
        stands(&compiled, Kind::ContentModule, "hero", ConditionType::Fresh),
        "False/Expired"
    );
    assert_eq!(
        stands(&compiled, Kind::ContentModule, "hero", ConditionType::Accepted),
        "True/Accepted"
    );
}

#[test]
fn holds_nobody_after_the_period() {
    let period = json!({"period": {"from": "2026-10-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}});
    let strategy = Strategy::example().edit(Kind::Holdout, "always-baseline", period);
    assert_eq!(
        finding(&strategy),
        "warning Holdout always-baseline spec.period.until Expired: the period ended at 2026-12-01T00:00:00Z, so that nobody \
         is held: begin a new period"
    );
    let compiled = compile(&strategy);
    assert!(bundle(&compiled, "web").holdouts.is_empty());
    assert_eq!(
        stands(
            &compiled,
            Kind::Holdout,
            "always-baseline",
            ConditionType::Enforced
        ),
        "False/Expired"
    );
}

#[test]
fn warns_of_an_experiment_that_runs_past_its_end() {
    let end = json!({"schedule": {"end": "2026-11-30T00:00:00Z"}});
    let strategy = Strategy::example().edit(Kind::Experiment, "cart-hero", end.clone());
    assert_eq!(
        finding(&strategy),
        "warning Experiment cart-hero spec.schedule.end Ended: the schedule ended at 2026-11-30T00:00:00Z, so that everybody \
         gets control: stop the experiment"
    );
    assert_eq!(
        stands(
            &compile(&strategy),
            Kind::Experiment,
            "cart-hero",
            ConditionType::Running
        ),
        "False/Ended"
    );
    let stopped = strategy.edit(Kind::Experiment, "cart-hero", json!({"state": "Stopped"}));
    assert!(findings(&stopped).is_empty());
}

#[test]
fn warns_of_a_waiver_from_the_day_after_its_last() {
    let until = |day: &str| {
        Strategy::example().change(Kind::Program, "spring-retention", |spec| {
            spec["coverage"]["waivers"][0]["until"] = day.into();
        })
    };
    let told = finding(&until("2026-11-30"));
    assert!(told.contains("the waiver ended with 2026-11-30"), "{told}");
    let last_day = finding(&until("2026-12-01"));
    assert!(
        last_day.contains("ExpiresSoon: the waiver ends with 2026-12-01"),
        "{last_day}"
    );
}

#[test]
fn names_the_next_instant_at_which_time_alone_changes_something() {
    let next = |strategy: &Strategy, at| {
        crate::compile(&snapshot(strategy), &crate::Previous::new(), at).next_change
    };
    let example = Strategy::example();
    // Audits, approvals, reviews and notices of what ends among them.
    let expected = [
        "2026-11-01T00:00:00Z",
        "2026-11-02T09:00:00Z",
        "2026-11-10T12:00:00Z",
        "2026-11-15T00:00:00Z",
        "2027-01-01T00:00:00Z",
        "2027-02-15T00:00:00Z",
        "2027-03-01T00:00:00Z",
        "2027-03-18T00:00:00Z",
        "2027-04-01T00:00:00Z",
        "2027-04-16T00:00:00Z",
        "2027-04-30T00:00:00Z",
        "2027-06-01T00:00:00Z",
        "2027-06-16T00:00:00Z",
        "2027-06-30T00:00:00Z",
        "2036-10-30T09:00:00Z",
    ];
    let mut at = instant("2026-10-01T00:00:00Z");
    for instant_of_change in expected {
        let change = next(&example, at).unwrap();
        assert_eq!(change, instant(instant_of_change));
        at = change;
    }
    assert_eq!(next(&example, at), None);
    assert_eq!(next(&example, AT), Some(instant("2027-01-01T00:00:00Z")));
}
