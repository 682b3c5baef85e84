use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{compile, findings, stands};

/// What the check has to say, without what others say of the example.
fn told(strategy: &Strategy) -> Vec<String> {
    let ours = ["ConstantExpression", "DuplicateAudience", "Unreachable"];
    let findings = findings(strategy).into_iter();
    findings
        .filter(|line| ours.iter().any(|reason| line.contains(&format!(" {reason}: "))))
        .collect()
}

fn rule(expression: &str) -> Strategy {
    Strategy::example().edit(Kind::Audience, "lapsed", json!({"match": expression}))
}

#[test]
fn an_audience_of_nobody_is_an_error() {
    let nobody = rule(r#"user.tier == "gold" && user.tier == "silver""#);
    assert_eq!(
        told(&nobody),
        [
            "error Audience lapsed spec.match ConstantExpression: the expression is never true, so that nobody is in the audience: \
          its conditions exclude each other; correct it"
        ]
    );
    let compiled = compile(&nobody);
    assert_eq!(
        stands(&compiled, Kind::Audience, "lapsed", ConditionType::Accepted),
        "False/ConstantExpression"
    );
    assert!(told(&rule(r#"user.tier == "gold""#)).is_empty());
}

#[test]
fn an_audience_of_everybody_is_a_warning() {
    let everybody = told(&rule("has(user.tier) || !has(user.tier)"));
    assert!(
        everybody[0].starts_with("warning Audience lapsed spec.match ConstantExpression: "),
        "{everybody:?}"
    );
    assert!(told(&rule("has(user.tier)")).is_empty());
}

#[test]
fn a_copy_is_told_of_the_later_by_name() {
    let copy = rule(r#"user.spend90d > 200.0 && (user.tier == "platinum" || user.tier == "gold")"#);
    assert_eq!(
        told(&copy)[0],
        "warning Audience loyal-high-value spec.match DuplicateAudience: audience `lapsed` has the same members, however it is \
         written: keep one of the two, or say what makes them different"
    );
}

#[test]
fn an_audience_of_nearly_the_same_people_is_told() {
    let near = |reach: u64| {
        rule(r#"user.spend90d > 210.0 && user.tier in ["gold", "platinum"]"#).edit(
            Kind::Audience,
            "lapsed",
            json!({"reach": {"estimate": reach}}),
        )
    };
    assert!(
        told(&near(40_000))
            .iter()
            .any(|line| line.contains("at 40000 of 42000 nearly all")),
        "{:?}",
        told(&near(40_000))
    );
    let apart: Vec<_> = told(&near(20_000))
        .into_iter()
        .filter(|line| line.contains("Duplicate"))
        .collect();
    assert!(apart.is_empty(), "{apart:?}");
}

#[test]
fn an_audience_behind_a_wider_one_is_told_with_its_place() {
    let wider = rule("has(user.tier)").change(Kind::ChannelBinding, "retention-newsletter", |spec| {
        spec["candidates"][0]["audiences"] = json!(["lapsed", "loyal-high-value"]);
    });
    let newsletter: Vec<_> = told(&wider)
        .into_iter()
        .filter(|line| line.contains("newsletter"))
        .collect();
    assert_eq!(
        newsletter,
        [
            "warning ChannelBinding retention-newsletter spec.candidates[0].audiences[1] Unreachable: `loyal-high-value` never meets \
          this candidate: all of them are in `lapsed`, which comes first; put the narrower audience before the wider one"
        ]
    );
    let narrower_first = rule("has(user.tier)");
    assert!(
        !told(&narrower_first)
            .iter()
            .any(|line| line.contains("Unreachable"))
    );
}

#[test]
fn a_candidate_behind_everybody_is_told() {
    let behind = Strategy::example().change(Kind::ChannelBinding, "retention-newsletter", |spec| {
        spec["candidates"] = json!([{"moduleRef": {"name": "hero"}}, {"moduleRef": {"name": "hero"}, "audiences": ["lapsed"]}]);
    });
    assert!(
        told(&behind).contains(
            &"warning ChannelBinding retention-newsletter spec.candidates[1] Unreachable: nobody ever meets this candidate: a \
              candidate before it is for everybody; put that one last, or give it audiences"
                .to_owned()
        ),
        "{:?}",
        told(&behind)
    );
}
