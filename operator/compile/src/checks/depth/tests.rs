use std::collections::BTreeMap;

use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use super::percent;
use crate::evidence::{Evidence, Outcome};
use crate::tests::{compile, finding, findings, ruled, snapshot, stands, told};
use crate::{Previous, Snapshot};

const PROGRAM: &str = "spring-retention";

#[test]
fn asks_for_an_insight() {
    let strategy = Strategy::example().edit(Kind::Audience, "lapsed", json!({"insight": null}));
    assert_eq!(
        finding(&strategy),
        "warning Audience lapsed spec.insight InsightMissing: no insight sets these people apart: say what they believe, what \
         they need and what shifts what they do (policy `default`)"
    );
    let actionable = stands(
        &compile(&strategy),
        Kind::Audience,
        "lapsed",
        ConditionType::Actionable,
    );
    assert_eq!(actionable, "False/InsightMissing");
}

#[test]
fn tells_a_copied_insight_whatever_its_case_and_punctuation() {
    let copied = |insight| Strategy::example().edit(Kind::Audience, "lapsed", json!({"insight": insight}));
    let told = finding(&copied(json!({
        "believes": "Something else.", "needs": "to find the cart, where it was left", "shifts": "CERTAINTY about delivery!",
    })));
    assert!(
        told.contains("the insight is a copy of that of audience `cart-abandoner`"),
        "{told}"
    );
    let one_in_common = json!({
        "believes": "Something else.", "needs": "Another thing.", "shifts": "Certainty about delivery.",
    });
    assert_eq!(findings(&copied(one_in_common)), [""; 0]);
}

/// The example with a program of nine audiences, and evidence about some of them.
fn nine(evidence: BTreeMap<String, Evidence>) -> Snapshot {
    let names: Vec<_> = (0..6).map(|number| format!("more-{number}")).collect();
    let mut strategy =
        ruled(json!({"audienceBudget": {"enforcement": "Warn"}})).change(Kind::Program, PROGRAM, |spec| {
            let listed = spec["audiences"].as_array_mut().unwrap();
            listed.extend(names.iter().map(|name| name.as_str().into()));
        });
    for name in &names {
        strategy = strategy.copy(Kind::Audience, "lapsed", name);
    }
    let mut snapshot = snapshot(&strategy);
    snapshot.evidence = Some(evidence);
    snapshot
}

fn lift(audiences: &[&str], outcome: Outcome) -> BTreeMap<String, Evidence> {
    let evidence = Evidence {
        outcome,
        concluded_at: AT,
        audiences: audiences.iter().map(|name| (*name).to_owned()).collect(),
        modules: ["hero".to_owned()].into(),
        metric: "repeat-purchase".to_owned(),
    };
    BTreeMap::from([("test".to_owned(), evidence)])
}

#[test]
fn beyond_the_budget_only_audiences_with_a_lift_may_be() {
    let lines = |snapshot: &Snapshot| -> Vec<_> {
        let compiled = crate::compile(snapshot, &Previous::new(), AT);
        crate::tests::others(&compiled).into_iter().map(told).collect()
    };
    let none = lines(&nine(BTreeMap::new()));
    assert_eq!(
        none,
        [
            "warning Program spring-retention spec.audiences AudienceBudget: 9 audiences without a concluded lift, and 6 may be: \
             show a lift for `more-3`, `more-4`, `more-5` by an experiment on them alone, or leave them out (policy `default`)"
        ]
    );
    let three = ["lapsed", "more-1", "more-5"];
    assert_eq!(lines(&nine(lift(&three, Outcome::Lift))), [""; 0]);
    assert_eq!(lines(&nine(lift(&three[..2], Outcome::Lift))).len(), 1);
    assert_eq!(
        lines(&nine(lift(&three, Outcome::Harm))).len(),
        1,
        "harm is no lift"
    );
    assert_eq!(
        lines(&nine(lift(&[], Outcome::Lift))).len(),
        1,
        "a lift of anybody is none of theirs"
    );
}

#[test]
fn a_funnel_is_weighed_by_what_audiences_say_and_by_what_rules_read() {
    let balanced = |strategy: &Strategy| {
        stands(
            &compile(strategy),
            Kind::Program,
            PROGRAM,
            ConditionType::Balanced,
        )
    };
    let base = ruled(json!({"funnelBalance": {"enforcement": "Warn", "maxLowerFunnelBp": 7000}}));
    assert_eq!(findings(&base), [""; 0]);
    assert_eq!(balanced(&base), "True/Balanced");
    let declared = ["lapsed", "loyal-high-value"]
        .into_iter()
        .fold(base.clone(), |strategy, name| {
            strategy.edit(Kind::Audience, name, json!({"stage": "Conversion"}))
        });
    assert_eq!(
        finding(&declared),
        "warning Program spring-retention spec.audiences FunnelUnbalanced: 5 of 5 rules are for audiences of stage Conversion, \
         more than 70 %: add rules for people who are not about to buy anyway (policy `default`)"
    );
    assert_eq!(balanced(&declared), "False/FunnelUnbalanced");
    let read = base.clone().change(Kind::DataContract, "shopper", |spec| {
        for attribute in spec["attributes"].as_array_mut().unwrap() {
            attribute["signal"] = "Intent".into();
        }
    });
    let told = finding(&read);
    assert!(
        told.contains("5 of 5 rules read signals of intent, more than 70 %"),
        "{told}"
    );
}

#[test]
fn suspended_bindings_weigh_nothing() {
    let base = ruled(json!({"funnelBalance": {"enforcement": "Warn", "maxLowerFunnelBp": 4000}}))
        .change(Kind::ChannelBinding, "retention-home-hero", |spec| {
            spec["candidates"].as_array_mut().unwrap().truncate(1);
        })
        .edit(
            Kind::ChannelBinding,
            "retention-newsletter",
            json!({"suspend": true}),
        );
    let told = findings(&base);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].contains("1 of 1 rules are for audiences of stage Conversion, more than 40 %"),
        "{told:#?}"
    );
}

#[test]
fn writes_shares_as_people_read_them() {
    assert_eq!(
        [7000, 1250, 1, 10_000].map(percent),
        ["70 %", "12.5 %", "0.01 %", "100 %"]
    );
}
