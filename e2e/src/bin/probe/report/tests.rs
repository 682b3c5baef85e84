use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::Report;
use crate::request::Answer;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.to_owned(),
    }
}

fn told(report: &Report) -> Value {
    serde_json::from_str(&report.line().unwrap()).unwrap()
}

#[test]
fn counts_each_kind_of_failure_apart_and_together() {
    let mut report = Report::default();
    let took = Duration::from_millis(1);
    report.count_answer(&answer(200, "a decision"), took, Some("decision"));
    report.count_answer(&answer(200, "a shrug"), took, Some("decision"));
    report.count_answer(&answer(503, "decision"), took, Some("decision"));
    report.count_error(&anyhow!("no route"));
    report.count_skipped();
    let told = told(&report);
    assert_eq!(told["statuses"], json!({"200": 2, "503": 1}));
    assert_eq!(told["errors"], json!({"other": 1}));
    assert_eq!((&told["unexpected"], &told["skipped"]), (&json!(1), &json!(1)));
    assert_eq!(told["failed"], 4);
    assert_eq!(
        told["samples"],
        json!(["200: a shrug", "503: decision", "no route"])
    );
}

#[test]
fn latencies_are_of_all_answers() {
    let mut report = Report::default();
    for millis in (1..=200).rev() {
        report.count_answer(&answer(200, ""), Duration::from_millis(millis), None);
    }
    assert_eq!(
        told(&report)["latency"],
        json!({"p50": 100.0, "p99": 198.0, "max": 200.0})
    );
    assert_eq!(
        told(&Report::default())["latency"],
        json!({"p50": 0.0, "p99": 0.0, "max": 0.0})
    );
}
