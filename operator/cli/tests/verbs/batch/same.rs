//! A unit gets in a batch what it gets online.

use attune::cli::SourceArgs;
use attune::strategy::Strategy;
use attune_decider::{Clock, Decider, router};
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt as _;

use super::people::people;
use super::{batch, folder, lines, nameless};
use crate::folder::{AT, Folder};

/// A decider with the folder's rules, as it is asked over HTTP.
async fn online(folder: &Folder, contexts: &str) -> Vec<Value> {
    let at = AT[1].parse().expect("an instant");
    let source = SourceArgs {
        paths: vec![folder.path("strategy.yaml")],
        namespace: None,
        at: Some(at),
    };
    let index = Strategy::load(&source).expect("resources").settle(at);
    let (_, _, web) = index
        .publications()
        .find(|(_, channel, _)| *channel == "web")
        .expect("a channel");
    let decider = Decider::builder().clock(Clock::pinned(at)).build();
    decider
        .adopt_bundle(web.bundle.as_ref().clone())
        .expect("adopted");
    let router = router(decider);
    let mut answers = Vec::new();
    for context in contexts.lines() {
        let request = Request::post("/ofrep/v1/evaluate/flags/home-hero")
            .header("content-type", "application/json")
            .body(Body::from(format!("{{\"context\": {context}}}")))
            .expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20)
            .await
            .expect("a body");
        answers.push(serde_json::from_slice(&body).expect("an object"));
    }
    answers
}

/// The answer of a decider as a batch writes it.
fn as_row(unit: &str, answer: &Value) -> Value {
    let mut row = serde_json::Map::new();
    row.insert("unit".to_owned(), unit.into());
    row.insert("touchpoint".to_owned(), answer["key"].clone());
    for name in ["variant", "value"] {
        row.extend(answer.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    for (name, value) in answer["metadata"].as_object().expect("metadata") {
        row.insert(name.trim_start_matches("attune.").to_owned(), value.clone());
    }
    Value::Object(row)
}

#[test]
fn thousands_of_units_get_what_a_decider_answers_from_lines_and_from_a_table() {
    let (table, contexts) = people(4_000);
    let folder = folder()
        .with("people.csv", table)
        .with("people.ndjson", &contexts);
    for (units, out) in [
        ("people.csv", "from-table.ndjson"),
        ("people.ndjson", "from-lines.ndjson"),
    ] {
        let run = batch(&folder, units, out, &[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answers = runtime.block_on(online(&folder, &contexts));
    let wanted: Vec<_> = contexts
        .lines()
        .zip(&answers)
        .map(|(context, answer)| {
            let context: Value = serde_json::from_str(context).expect("a context");
            let unit = context.get("device.id").unwrap_or(&context["targetingKey"]);
            nameless(as_row(unit.as_str().expect("a unit"), answer))
        })
        .collect();
    let reasons: std::collections::BTreeSet<_> = wanted.iter().map(|row| row["reason"].to_string()).collect();
    assert!(reasons.len() >= 4, "the people are of all kinds: {reasons:?}");
    for out in ["from-table.ndjson", "from-lines.ndjson"] {
        let rows: Vec<_> = lines(&folder, out).into_iter().map(nameless).collect();
        assert_eq!(rows.len(), wanted.len());
        for (row, wanted) in rows.iter().zip(&wanted) {
            assert_eq!(row, wanted, "{out}");
        }
    }
}

#[test]
fn a_unit_gets_what_attune_decide_prints() {
    let (_, contexts) = people(25);
    let folder = folder().with("people.ndjson", &contexts);
    assert_eq!(batch(&folder, "people.ndjson", "out.ndjson", &[]).code, 0);
    for (context, row) in contexts.lines().zip(lines(&folder, "out.ndjson")) {
        let asked = [
            "decide",
            "-f",
            "strategy.yaml",
            "--channel",
            "web",
            "--touchpoint",
            "home-hero",
            "--context",
            context,
        ];
        let answer = folder.attune(&[&asked[..], &AT].concat()).json();
        let unit = row["unit"].as_str().expect("a unit").to_owned();
        assert_eq!(nameless(row), nameless(as_row(&unit, &answer)));
    }
}

#[test]
fn a_table_has_a_column_for_every_slot() {
    let (table, _) = people(200);
    let folder = folder().with("people.csv", table);
    for out in ["out.csv", "out.ndjson"] {
        let run = batch(&folder, "people.csv", out, &[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let mut rows = csv::Reader::from_path(folder.path("out.csv")).expect("a table");
    let header = rows.headers().expect("a header").clone();
    assert_eq!(
        header.iter().collect::<Vec<_>>(),
        [
            "unit",
            "touchpoint",
            "variant",
            "slot.cta",
            "slot.headline",
            "slot.legal",
            "reason",
            "program",
            "binding",
            "audience",
            "experiment",
            "arm",
            "holdout",
            "held",
            "revision",
            "decision"
        ]
    );
    let wanted = lines(&folder, "out.ndjson");
    let mut count = 0;
    for (row, wanted) in rows.records().zip(&wanted) {
        let row = row.expect("a row");
        count += 1;
        for (name, cell) in header.iter().zip(&row).filter(|(name, _)| *name != "decision") {
            let value = match name.strip_prefix("slot.") {
                Some(slot) => wanted["value"].get(slot),
                None => wanted.get(name),
            };
            let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            assert_eq!(cell, text.unwrap_or_default(), "{name} of {wanted}");
        }
    }
    assert_eq!(count, wanted.len());
}
