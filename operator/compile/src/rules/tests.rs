use attune_api::Kind;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{finding, findings};

fn audience(expression: &str) -> Strategy {
    Strategy::example().edit(Kind::Audience, "lapsed", json!({"match": expression}))
}

#[test]
fn points_into_the_match_of_an_audience() {
    let told = finding(&audience("user.teir == \"gold\""));
    assert!(
        told.starts_with("error Audience lapsed spec.match+0 UnknownAttribute: "),
        "{told}"
    );
    assert!(told.ends_with("(did you mean `user.tier`?)"), "{told}");

    let told = finding(&audience("has(user.lastSeen) && user.tier == \"goald\""));
    assert!(
        told.starts_with("error Audience lapsed spec.match+35 UnknownValue: "),
        "{told}"
    );
    assert!(told.ends_with("(did you mean `gold`?)"), "{told}");

    let told = finding(&audience("user.spend90d > \"200\""));
    assert!(told.starts_with("error Audience lapsed spec.match+"), "{told}");
    assert!(told.contains(" TypeMismatch: "), "{told}");

    let told = finding(&audience("user.spend90d >"));
    assert!(told.contains(" InvalidExpression: "), "{told}");

    let told = finding(&audience("user.spend90d"));
    assert!(told.contains(" TypeMismatch: "), "{told}");
}

#[test]
fn points_into_the_conditions_and_scores_of_candidates() {
    let candidate = |field: &str, expression: &str| {
        Strategy::example().change(Kind::ChannelBinding, "retention-home-hero", |spec| {
            spec["candidates"][1][field] = expression.into();
        })
    };
    assert_eq!(
        findings(&candidate("when", "session.returning")),
        Vec::<String>::new()
    );
    assert_eq!(
        findings(&candidate("score", "session.cartValue / 2.0")),
        Vec::<String>::new()
    );
    let told = finding(&candidate("when", "session.cartValue"));
    assert!(
        told.starts_with("error ChannelBinding retention-home-hero spec.candidates[1].when+0 TypeMismatch: "),
        "{told}"
    );
    let told = finding(&candidate("score", "session.returning"));
    assert!(
        told.starts_with(
            "error ChannelBinding retention-home-hero spec.candidates[1].score+0 TypeMismatch: "
        ),
        "{told}"
    );
}

#[test]
fn lets_metrics_read_the_outcome_and_nothing_else() {
    let metric = |filter: &str| {
        Strategy::example().edit(
            Kind::Metric,
            "repeat-purchase",
            json!({"event": {"where": filter}}),
        )
    };
    assert_eq!(
        findings(&metric("value > 0.0 && properties.channel == \"web\"")),
        Vec::<String>::new()
    );
    let told = finding(&metric("value > 0.0 && user.tier == \"gold\""));
    assert!(
        told.starts_with("error Metric repeat-purchase spec.event.where+15 UnknownAttribute: "),
        "{told}"
    );
    let ratio = json!({"type": "Ratio", "denominator": {"name": "visit", "where": "valu > 0.0"}});
    let told = finding(&Strategy::example().edit(Kind::Metric, "repeat-purchase", ratio));
    assert!(
        told.starts_with("error Metric repeat-purchase spec.denominator.where+0 UnknownAttribute: "),
        "{told}"
    );
    assert!(told.ends_with("(did you mean `value`?)"), "{told}");
}
