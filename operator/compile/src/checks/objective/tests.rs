use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::sentences;
use crate::tests::{bundle, compile, compile_over, finding, findings, published, ruled, stands};

const PROGRAM: &str = "spring-retention";

fn strict() -> Strategy {
    ruled(json!({"objective": {"enforcement": "Warn"}}))
}

fn measured(strategy: &Strategy) -> String {
    stands(
        &compile(strategy),
        Kind::Program,
        PROGRAM,
        ConditionType::Measured,
    )
}

#[test]
fn a_program_that_says_everything_is_left_alone() {
    assert_eq!(findings(&strict()), [""; 0]);
    assert_eq!(
        measured(&strict()),
        "Unknown/NotJudged",
        "whether it is measured, `holdout` judges"
    );
}

#[test]
fn names_each_thing_that_a_program_leaves_open() {
    let open = json!({
        "objective": "Sell more. Make people happy.", "guardrails": null, "reviewBy": null,
    });
    let strategy = strict()
        .edit(Kind::Program, PROGRAM, open)
        .without(Kind::Experiment, "cart-hero");
    let told = findings(&strategy);
    let fields: Vec<_> = told.iter().map(|line| line.split(' ').nth(3).unwrap()).collect();
    assert_eq!(
        fields,
        ["spec.objective", "spec.guardrails", "spec.reviewBy"],
        "{told:#?}"
    );
    assert_eq!(
        told[0],
        "warning Program spring-retention spec.objective ObjectiveIncomplete: the objective has more than one sentence: state \
         one outcome, and give others a program of their own (policy `default`)"
    );
    assert_eq!(measured(&strategy), "False/ObjectiveIncomplete");
}

#[test]
fn counts_sentences_and_not_decimals_or_abbreviations() {
    assert_eq!(sentences("Raise orders by 10.5 % in the U.K. by June."), 1);
    assert_eq!(sentences("Raise orders, e.g. of shoes."), 1);
    assert_eq!(sentences("Raise orders. Then cut costs."), 2);
    assert_eq!(sentences("Raise orders! Ärger vermeiden."), 2);
    assert_eq!(sentences(""), 1);
}

#[test]
fn names_a_vanity_metric_that_decides() {
    let vanity = |dimension: &str| {
        Strategy::example().edit(Kind::Metric, "repeat-purchase", json!({"dimension": dimension}))
    };
    let told = findings(&vanity("Engagement"));
    assert_eq!(
        told[0],
        "warning Program spring-retention spec.kpi.metricRef.name VanityMetric: metric `repeat-purchase` is of dimension \
         Engagement, a vanity metric as what decides: decide by one of Business or Relationship, and keep it as a secondary \
         metric (policy `default`)"
    );
    assert!(
        told[1].starts_with("warning Experiment cart-hero spec.analysis.primary VanityMetric: "),
        "{told:#?}"
    );
    assert_eq!(told.len(), 2);
    assert_eq!(measured(&vanity("Engagement")), "False/VanityMetric");
    assert_eq!(findings(&vanity("Relationship")), [""; 0]);
}

#[test]
fn takes_the_dimensions_of_each_policy() {
    let by = |dimensions: Value| {
        ruled(json!({"primaryMetric": {"enforcement": "Warn", "dimensions": dimensions}}))
            .without(Kind::Experiment, "cart-hero")
    };
    assert!(finding(&by(json!(["Compliance"]))).contains("decide by one of Compliance,"));
    assert_eq!(findings(&by(json!(["Compliance", "Business"]))), [""; 0]);
}

#[test]
fn an_enforced_rule_keeps_new_forms_out_and_what_serves_in() {
    let strategy = ruled(json!({"objective": {"enforcement": "Enforce"}}));
    let before = compile(&strategy);
    assert_eq!(bundle(&before, "web").bindings.len(), 1);
    let broken = strategy
        .edit(Kind::Program, PROGRAM, json!({"reviewBy": null}))
        .edit(
            Kind::ChannelBinding,
            "retention-home-hero",
            json!({"priority": 7}),
        );
    assert!(
        findings(&broken)[0].starts_with("error Program"),
        "{:?}",
        findings(&broken)
    );
    assert!(
        bundle(&compile(&broken), "web").bindings.is_empty(),
        "it was never programmed"
    );
    let after = compile_over(&broken, &published(&before));
    assert_eq!(
        bundle(&after, "web").bindings["retention-home-hero"].priority,
        100
    );
    let ready = |type_| stands(&after, Kind::Program, PROGRAM, type_);
    assert_eq!(ready(ConditionType::Measured), "False/ObjectiveIncomplete");
    assert_eq!(
        ready(ConditionType::Accepted),
        "True/Accepted",
        "strategy does not change what Ready is made of"
    );
    assert_eq!(ready(ConditionType::ResolvedRefs), "True/ResolvedRefs");
}
