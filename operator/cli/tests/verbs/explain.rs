//! `attune explain`: the steps of a decision.

use serde_json::{Value, json};

use crate::folder::{AT, Folder, Run};

const CART: &str = r#"{"targetingKey": "u1", "session": {"cartValue": 80, "itemCount": 2}, "user": {"tier": "gold", "spend90d": 300}, "consent": ["personalization"]}"#;

fn explain(context: &str, more: &[&str]) -> Run {
    let asked = [
        "explain",
        "-f",
        ".",
        "--channel",
        "web",
        "--touchpoint",
        "home-hero",
        "--context",
        context,
    ];
    Folder::example(&[]).attune(&[&asked[..], &AT, more].concat())
}

/// The steps for a person; the revision is that of the rules, which other tests pin.
fn text(context: &str) -> String {
    let run = explain(context, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout
}

#[test]
fn tells_every_step_of_an_experiment() {
    insta::assert_snapshot!(text(CART));
}

#[test]
fn tells_why_somebody_is_held_out() {
    insta::assert_snapshot!(text(&CART.replace("u1", "u7")));
}

#[test]
fn tells_that_consent_is_missing() {
    insta::assert_snapshot!(text(
        r#"{"targetingKey": "u1", "user": {"tier": "gold", "spend90d": 300}}"#
    ));
}

#[test]
fn tells_what_nobody_matches_for_and_which_attributes_are_missing() {
    insta::assert_snapshot!(text(
        r#"{"targetingKey": "u1", "user": {"tier": "gold", "spend90d": "much"}, "consent": {"personalization": "Implied"}}"#
    ));
}

#[test]
fn gives_the_decision_and_the_steps_as_data() {
    let run = explain(CART, &["-o", "json"]);
    let explained = run.json();
    let steps: Vec<&Value> = explained["trace"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| &step["step"])
        .collect();
    assert_eq!(
        steps,
        [
            "touchpoint",
            "consent",
            "unit",
            "audiences",
            "candidates",
            "suppression",
            "holdout",
            "audience",
            "experiment",
            "content"
        ]
        .map(|step| json!(step))
        .iter()
        .collect::<Vec<_>>()
    );
    assert_eq!(explained["decision"]["variant"], "hero/cart");
    let keys: Vec<_> = run
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("    \""))
        .take(5)
        .collect();
    assert!(
        keys[0].starts_with("key\""),
        "in the order that a decider writes: {keys:?}"
    );
}

#[test]
fn a_failure_is_1_in_both_forms() {
    let run = explain("{", &["-o", "json"]);
    assert_eq!((run.code, &run.json()["errorCode"]), (1, &json!("PARSE_ERROR")));
    let run = explain("[]", &[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.starts_with("INVALID_CONTEXT: "), "{}", run.stdout);
}
