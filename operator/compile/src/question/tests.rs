use attune_api::Kind;
use attune_testkit::{AT, Strategy};
use serde_json::json;

use crate::facts::ExperimentFacts;
use crate::{Inquiry, ObjectId, Previous, Snapshot, compile};

fn snapshot(strategy: &Strategy) -> Snapshot {
    let mut snapshot = Snapshot::new("shop");
    strategy
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    snapshot
}

fn ask(snapshot: &Snapshot, kind: Kind, name: &str) -> Option<Inquiry> {
    let id: ObjectId = snapshot.id(kind, name);
    compile(snapshot, &Previous::new(), AT).inquiries.remove(&id)
}

#[test]
fn asks_what_a_holdout_is_worth_by_the_kpi_of_each_program() {
    let strategy = Strategy::example().edit(Kind::Metric, "repeat-purchase", json!({"unit": "EUR"}));
    let asked = ask(&snapshot(&strategy), Kind::Holdout, "always-baseline");
    let Some(Inquiry::Holdout {
        question,
        units,
        programs: spoken_for,
    }) = asked
    else {
        panic!("{asked:?}")
    };
    assert_eq!(question.registration.salt, "shop-2026h2");
    assert_eq!(question.registration.share_bp, 500);
    let programs: Vec<_> = question
        .scopes
        .iter()
        .map(|scope| scope.program.as_deref())
        .collect();
    assert_eq!(programs, [None, Some("spring-retention")]);
    assert_eq!(question.scopes[0].metrics.len(), 1);
    assert_eq!(question.scopes[1].metrics.len(), 2, "the KPI and a guardrail");
    assert_eq!(
        question.scopes[1].bindings,
        ["retention-home-hero", "retention-newsletter"]
    );
    assert_eq!(question.baseline_arms[0].arm, "control");
    assert_eq!(units["repeat-purchase"], "EUR");
    assert_eq!(spoken_for.into_iter().collect::<Vec<_>>(), ["spring-retention"]);
}

/// The holdouts that speak for the program of the example.
fn speakers(strategy: &Strategy) -> Vec<String> {
    let asked = compile(&snapshot(strategy), &Previous::new(), AT).inquiries;
    let holdouts = asked.into_iter().filter_map(|(id, inquiry)| match inquiry {
        Inquiry::Holdout { programs, .. } => programs.contains("spring-retention").then_some(id.name),
        _ => None,
    });
    holdouts.collect()
}

#[test]
fn one_holdout_alone_speaks_for_a_program() {
    let example = Strategy::example();
    assert_eq!(speakers(&example), ["always-baseline"]);
    let another = |period: serde_json::Value| {
        Strategy::example()
            .copy(Kind::Holdout, "always-baseline", "another")
            .edit(
                Kind::Holdout,
                "another",
                json!({"salt": "shop-other", "period": period}),
            )
    };
    let ended = another(json!({"from": "2026-05-01T00:00:00Z", "until": "2026-10-31T00:00:00Z"}));
    assert_eq!(speakers(&ended), ["always-baseline"], "the one that holds now");
    let to_come = another(json!({"from": "2027-05-01T00:00:00Z", "until": "2027-10-31T00:00:00Z"}));
    assert_eq!(speakers(&to_come), ["always-baseline"]);
    let past = json!({"period": {"from": "2026-06-01T00:00:00Z", "until": "2026-10-31T00:00:00Z"}});
    let both_ended = ended.edit(Kind::Holdout, "always-baseline", past);
    assert_eq!(speakers(&both_ended), ["always-baseline"], "the later one");
}

#[test]
fn asks_no_collector_about_events_that_go_to_a_database() {
    let source = json!({"source": {"postgres": {"secretRef": {"name": "warehouse"}, "table": "orders"}}});
    let elsewhere = Strategy::example().edit(Kind::Metric, "unsubscribe", source);
    assert_eq!(ask(&snapshot(&elsewhere), Kind::Metric, "unsubscribe"), None);
}

#[test]
fn asks_nothing_of_a_holdout_that_holds_for_no_program() {
    let own = Strategy::example()
        .edit(Kind::Holdout, "always-baseline", json!({"scope": "Program"}))
        .edit(Kind::Program, "spring-retention", json!({"holdoutRef": null}));
    assert_eq!(ask(&snapshot(&own), Kind::Holdout, "always-baseline"), None);
}

#[test]
fn asks_whether_the_events_of_a_metric_come_in() {
    let asked = ask(&snapshot(&Strategy::example()), Kind::Metric, "unsubscribe");
    let Some(Inquiry::Metric(question)) = asked else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (question.namespace.as_str(), question.event.as_str()),
        ("shop", "unsubscribe")
    );
}

#[test]
fn asks_with_a_covariate_and_rules_for_bots() {
    let strategy = Strategy::example().edit(
        Kind::Experiment,
        "cart-hero",
        json!({"analysis": {
            "covariate": {"metric": "repeat-purchase", "window": "720h"},
            "exclude": [{"metric": "unsubscribe", "moreThan": 3, "window": "24h"}],
        }}),
    );
    let compiled = compile(&snapshot(&strategy), &Previous::new(), AT);
    let question = compiled.question("cart-hero").unwrap();
    assert_eq!(question.covariate.as_ref().unwrap().window_seconds, 720 * 3600);
    assert_eq!(question.exclude[0].more_than, 3);
    assert_eq!(question.power_bp, 8000);
}

#[test]
fn asks_no_collector_about_a_threshold() {
    let source = json!({"source": {"prometheus": {"url": "http://p", "query": "q", "threshold": "1"}}});
    let strategy = Strategy::example().edit(Kind::Metric, "unsubscribe", source);
    let compiled = compile(&snapshot(&strategy), &Previous::new(), AT);
    let question = compiled.question("cart-hero").unwrap();
    assert_eq!(question.metrics.len(), 1);
}

#[test]
fn cuts_the_data_where_the_decision_fell() {
    let mut snapshot = snapshot(&Strategy::example());
    let registration = compile(&snapshot, &Previous::new(), AT).registrations["cart-hero"].clone();
    let decision = json!({
        "outcome": "Retired", "verdict": "NoWorthwhileLift", "reason": "r", "at": "2026-11-30T00:00:00Z", "units": 1,
        "registration": registration.hash,
    });
    snapshot.note_experiment(
        "cart-hero",
        ExperimentFacts {
            decision: serde_json::from_value(decision).unwrap(),
            registration: Some(registration),
            ..ExperimentFacts::default()
        },
    );
    let Some(Inquiry::Experiment { cut, .. }) = ask(&snapshot, Kind::Experiment, "cart-hero") else {
        panic!("nothing is asked")
    };
    assert_eq!(cut, Some("2026-11-30T00:00:00Z".parse().unwrap()));
}
