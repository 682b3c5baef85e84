use attune_api::Kind;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

use crate::{Previous, Snapshot, compile};

/// Fields of errors of the example with a Metric from elsewhere.
fn errors(source: &Value, change: impl FnOnce(Strategy) -> Strategy) -> Vec<(String, String)> {
    let strategy = Strategy::example().edit(Kind::Metric, "repeat-purchase", json!({"source": source}));
    let mut snapshot = Snapshot::new("shop");
    change(strategy)
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    let findings = compile(&snapshot, &Previous::new(), AT).findings.into_iter();
    findings
        .filter(|finding| finding.severity == crate::Severity::Error)
        .map(|finding| (finding.object.kind.name().to_owned(), finding.field))
        .collect()
}

fn error(kind: &str, field: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), field.to_owned())]
}

fn postgres() -> Value {
    json!({"postgres": {"secretRef": {"name": "warehouse"}, "table": "orders"}})
}

#[test]
fn takes_a_database_whose_conditions_sql_knows() {
    assert_eq!(errors(&postgres(), |strategy| strategy), []);
}

#[test]
fn refuses_a_condition_that_sql_does_not_know() {
    let found = errors(&postgres(), |strategy| {
        let event = json!({"event": {"where": "value * 2.0 > 1.0"}});
        strategy.edit(Kind::Metric, "repeat-purchase", event)
    });
    assert_eq!(found, error("Metric", "spec.event.where"));
}

#[test]
fn refuses_what_nothing_reads() {
    let source = json!({"clickHouse": {"secretRef": {"name": "warehouse"}, "table": "orders"}});
    assert_eq!(
        errors(&source, |strategy| strategy),
        error("Metric", "spec.source.clickHouse")
    );
}

#[test]
fn compares_no_thresholds() {
    let source = json!({"prometheus": {"url": "http://p", "query": "q", "threshold": "1"}});
    assert_eq!(
        errors(&source, |strategy| strategy),
        error("Experiment", "spec.analysis.primary")
    );
}

#[test]
fn reads_no_covariate_from_a_database() {
    let found = errors(&postgres(), |strategy| {
        let covariate = json!({"analysis": {"covariate": {"metric": "unsubscribe", "window": "24h"}}});
        strategy.edit(Kind::Experiment, "cart-hero", covariate)
    });
    assert_eq!(found, error("Experiment", "spec.analysis"));
}

#[test]
fn reads_what_units_did_before_from_the_collector_alone() {
    let found = errors(&json!({"collector": {}}), |strategy| {
        let source = json!({"source": postgres()});
        let analysis = json!({"analysis": {
            "covariate": {"metric": "unsubscribe", "window": "24h"},
            "exclude": [{"metric": "unsubscribe", "moreThan": 3, "window": "24h"}],
            "guardrails": [],
        }});
        let strategy = strategy.edit(Kind::Metric, "unsubscribe", source);
        strategy.edit(Kind::Experiment, "cart-hero", analysis)
    });
    let fields = [
        "spec.analysis.covariate.metric",
        "spec.analysis.exclude[0].metric",
    ];
    assert_eq!(
        found,
        fields.map(|field| ("Experiment".to_owned(), field.to_owned()))
    );
}
