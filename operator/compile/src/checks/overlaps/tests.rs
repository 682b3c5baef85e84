use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use crate::tests::{bundle, compile, finding, findings, stands};

/// The example with a second experiment on the binding and audience of the first.
fn two(first: Value, second: Value) -> Strategy {
    Strategy::example()
        .copy(Kind::Experiment, "cart-hero", "cart-second")
        .edit(Kind::Experiment, "cart-hero", first)
        .edit(Kind::Experiment, "cart-second", second)
}

fn range(from: u32, to: u32) -> Value {
    json!({"exclusion": {"group": "home-page", "fromBp": from, "toBp": to}})
}

#[test]
fn accepts_disjoint_ranges_of_one_group() {
    let strategy = two(range(0, 5000), range(5000, 10000));
    assert_eq!(findings(&strategy), Vec::<String>::new());
    let compiled = compile(&strategy);
    let experiments = &bundle(&compiled, "web").experiments;
    assert_eq!(
        experiments.keys().collect::<Vec<_>>(),
        ["cart-hero", "cart-second"]
    );
}

#[test]
fn refuses_the_later_by_name_of_overlapping_ranges() {
    let strategy = two(range(0, 5001), range(5000, 10000));
    assert_eq!(
        finding(&strategy),
        "error Experiment cart-second spec.exclusion Overlaps: experiment `cart-hero` splits the same binding for the same \
         audience, and the ranges [0, 5001) and [5000, 10000) of group `home-page` overlap: make them disjoint"
    );
    let compiled = compile(&strategy);
    let accepted = stands(
        &compiled,
        Kind::Experiment,
        "cart-second",
        ConditionType::Accepted,
    );
    assert_eq!(accepted, "False/Overlaps");
    assert_eq!(
        stands(&compiled, Kind::Experiment, "cart-hero", ConditionType::Accepted),
        "True/Accepted"
    );
    assert_eq!(
        bundle(&compiled, "web").experiments.keys().collect::<Vec<_>>(),
        ["cart-hero"]
    );
}

#[test]
fn refuses_two_without_ranges_or_of_two_groups() {
    let none = json!({"exclusion": null});
    let told = finding(&two(range(0, 5000), none));
    assert!(told.contains("one of them has no exclusion range"), "{told}");
    let other = json!({"exclusion": {"group": "elsewhere", "fromBp": 5000, "toBp": 10000}});
    let told = finding(&two(range(0, 5000), other));
    assert!(
        told.contains("the groups `home-page` and `elsewhere` are drawn independently"),
        "{told}"
    );
}

#[test]
fn refuses_different_control_effects() {
    let strategy = two(range(0, 5000), range(5000, 10000)).change(Kind::Experiment, "cart-second", |spec| {
        spec["arms"] = json!([
            {"name": "control", "weight": 1, "control": true, "effect": {"type": "Personalize"}},
            {"name": "none", "weight": 1, "effect": {"type": "Baseline"}},
        ]);
    });
    let told = finding(&strategy);
    assert!(
        told.contains("their control arms have different effects"),
        "{told}"
    );
}

#[test]
fn lets_a_successor_follow_a_stopped_experiment_and_not_a_paused_one() {
    let stopped = two(json!({"state": "Stopped"}), json!({}));
    assert_eq!(findings(&stopped), Vec::<String>::new());
    let draft = two(json!({}), json!({"state": "Draft"}));
    assert_eq!(findings(&draft), Vec::<String>::new());
    let paused = two(json!({"state": "Paused"}), json!({}));
    assert!(finding(&paused).contains("Overlaps"));
}

#[test]
fn lets_experiments_of_other_audiences_or_bindings_be() {
    let audiences = two(json!({}), json!({"audiences": ["lapsed"]}));
    assert_eq!(findings(&audiences), Vec::<String>::new());
    let everybody = two(json!({}), json!({"audiences": null}));
    assert!(finding(&everybody).contains("Overlaps"));
    let bindings = two(
        json!({}),
        json!({"bindings": ["retention-newsletter"], "audiences": null}),
    );
    assert_eq!(findings(&bindings), Vec::<String>::new());
}

#[test]
fn leaves_splits_of_other_systems_alone() {
    let imported = two(json!({}), json!({"assignment": "Imported"}));
    assert_eq!(findings(&imported), Vec::<String>::new());
    assert!(
        !bundle(&compile(&imported), "web")
            .experiments
            .contains_key("cart-second")
    );
}

#[test]
fn refuses_two_holdouts_of_the_namespace_in_one_period() {
    let second = Strategy::example()
        .copy(Kind::Holdout, "always-baseline", "second")
        .edit(Kind::Holdout, "second", json!({"salt": "second"}));
    assert_eq!(
        finding(&second),
        "error Holdout second spec.scope HoldoutNotUnique: holdout `always-baseline` holds for the whole namespace in the \
         same period: use scope Program or another period"
    );
    let compiled = compile(&second);
    let names: Vec<_> = bundle(&compiled, "web").holdouts.keys().collect();
    assert_eq!(names, ["always-baseline"]);

    let program = second
        .clone()
        .edit(Kind::Holdout, "second", json!({"scope": "Program"}));
    assert_eq!(findings(&program), Vec::<String>::new());
    let next = json!({"period": {"from": "2027-04-30T00:00:00Z", "until": "2027-10-31T00:00:00Z"}});
    assert_eq!(
        findings(&second.edit(Kind::Holdout, "second", next)),
        Vec::<String>::new()
    );
}
