//! `attune lift --events`: the same answer as a collector that has taken the same events.

use std::fmt::Write as _;
use std::process::Output;

use attune::cli::SourceArgs;
use attune::strategy::Strategy;
use attune_compile::Inquiry;
use serde_json::{Value, json};

use crate::process::{BATCH, Folder, json_of};

const AT: &str = "2026-12-01T00:00:00Z";

fn event(id: &str, type_: &str, time: &str, data: &Value) -> Value {
    let type_ = format!("dev.attune.{type_}.v1");
    json!({"specversion": "1.0", "type": type_, "id": id, "source": "/log", "time": time, "data": data})
}

/// Two weeks of the example's experiment, from a fixed sequence: some buy, more of those who are reminded.
fn log() -> Vec<Value> {
    let mut events = Vec::new();
    let mut random = 7_u64;
    let mut below = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for place in 0..3000 {
        let unit = format!("u{place}");
        let (day, second) = (16 + below(14), below(60));
        let arm = ["control", "reminder"][usize::from(below(2) == 1)];
        let show = json!({"unit": unit, "namespace": "shop", "experiment": "cart-hero", "arm": arm});
        let time = format!("2026-11-{day}T08:00:{second:02}Z");
        events.push(event(&format!("x{place}"), "exposure", &time, &show));
        if below(100) < if arm == "control" { 20 } else { 40 } {
            let properties = json!({"amount": below(9000) as f64 / 100.0});
            let buy =
                json!({"unit": unit, "namespace": "shop", "event": "purchase", "properties": properties});
            let time = format!("2026-11-{day}T{:02}:30:00Z", 8 + below(15));
            events.push(event(&format!("p{place}"), "outcome", &time, &buy));
        }
    }
    events
}

fn lines(events: &[Value]) -> String {
    events.iter().fold(String::new(), |mut text, event| {
        writeln!(text, "{event}").expect("a String takes everything");
        text
    })
}

/// The question that the example's experiment asks.
fn question(folder: &Folder) -> Value {
    let source = SourceArgs {
        paths: vec![folder.path("rules")],
        namespace: None,
        at: Some(AT.parse().expect("an instant")),
    };
    let index = Strategy::load(&source).expect("readable").settle(source.at());
    let mut questions = index.inquiries().filter_map(|(_, inquiry)| match inquiry {
        Inquiry::Experiment { question, .. } => Some(question),
        Inquiry::Holdout { .. } | Inquiry::Metric(_) => None,
    });
    serde_json::to_value(questions.next().expect("an experiment")).expect("a question is JSON")
}

/// `attune lift` of a log in the folder.
fn lift(folder: &Folder, log: &str, more: &[&str]) -> Output {
    let arguments = ["lift", "-f", "rules", "--events", log, "--at", AT];
    folder.attune(&[&arguments[..], more].concat())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn says_of_a_log_what_a_collector_says_of_the_same_events() {
    let folder = Folder::example();
    let events = log();
    std::fs::write(folder.path("log.ndjson"), lines(&events)).expect("written");
    let offline = lift(&folder, "log.ndjson", &["-o", "json"]);
    assert_eq!(offline.status.code(), Some(0), "{}", text(&offline.stderr));

    let server = folder.serve();
    for batch in events.chunks(1000) {
        let taken = server
            .post("/v1/events", BATCH, Value::from(batch).to_string())
            .await;
        assert_eq!(taken.status(), 200);
    }
    let response = server
        .post_json(&format!("/v1/answers?at={AT}"), &question(&folder))
        .await;
    assert_eq!(response.status(), 200);
    let online = json_of(response).await;
    let mut answers = text(&offline.stdout).lines();
    let mut next =
        || -> Value { serde_json::from_str(answers.next().expect("an answer")).expect("an answer is JSON") };
    let (offline, holdout) = (next(), next());
    assert_eq!(holdout["holdout"], "always-baseline", "{holdout}");
    assert_eq!(offline, online);
    // It is an answer about people, not two agreements on nothing.
    let first = &offline["results"][0];
    assert_eq!(first["metric"], "repeat-purchase");
    assert!(first["n"].as_u64() > Some(1000), "{first}");
    assert_eq!(first["verdict"], "WorthwhileLift", "{first}");
}

#[test]
fn shows_verdicts_to_a_person() {
    let folder = Folder::example();
    std::fs::write(folder.path("log.ndjson"), lines(&log())).expect("written");
    let run = lift(&folder, "log.ndjson", &["-o", "table"]);
    let shown = text(&run.stdout);
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        &rows[0][..6],
        ["NAMESPACE", "NAME", "METRIC", "ROLE", "ARM", "VERDICT"]
    );
    assert_eq!(
        &rows[1][..6],
        [
            "shop",
            "cart-hero",
            "repeat-purchase",
            "primary",
            "reminder",
            "WorthwhileLift"
        ]
    );
    assert_eq!(rows[2][3..5], ["guardrail", "reminder"], "{shown}");
    assert!(rows[1][6].starts_with('+'), "{shown}");
}

#[test]
fn names_bad_lines_and_counts_the_rest() {
    let folder = Folder::example();
    let events = log();
    let good = lines(&events);
    let future = event(
        "f",
        "outcome",
        "2100-01-01T00:00:00Z",
        &json!({"unit": "u", "event": "purchase"}),
    );
    let long = "x".repeat(2 << 20);
    let (first, rest) = good.split_at(good.find('\n').expect("lines") + 1);
    let bad = format!("{first}nonsense\n\n{{}}\n{future}\n{long}\n{rest}");
    std::fs::write(folder.path("good.ndjson"), &good).expect("written");
    std::fs::write(folder.path("bad.ndjson"), bad).expect("written");
    let (good, bad) = (
        lift(&folder, "good.ndjson", &[]),
        lift(&folder, "bad.ndjson", &[]),
    );
    assert_eq!(good.stdout, bad.stdout);
    assert_eq!((good.status.code(), bad.status.code()), (Some(0), Some(1)));
    let said: Vec<&str> = text(&bad.stderr).lines().collect();
    assert!(said[0].starts_with("bad.ndjson:2: "), "{said:?}");
    assert!(said[1].starts_with("bad.ndjson:4: "), "{said:?}");
    assert_eq!(
        said[2],
        "bad.ndjson:5: `time` is 2100-01-01T00:00:00Z, which lies in the future"
    );
    assert_eq!(said[3], "bad.ndjson:6: the line is longer than 1048576 bytes");
    assert_eq!(
        said[4],
        "attune: 4 lines are no event that can be taken; the others count"
    );
    assert_eq!(said.len(), 5);
}

#[test]
fn says_what_is_missing() {
    let folder = Folder::example();
    for (arguments, words) in [
        (&["lift", "--events", "log.ndjson"][..], "--file"),
        (&["lift", "-f", "rules"], "--events"),
        (&["lift"], "--moments"),
        (
            &["lift", "-f", "rules", "--events", "absent.ndjson"],
            "cannot read `absent.ndjson`",
        ),
    ] {
        let run = folder.attune(arguments);
        assert_eq!(run.status.code(), Some(2), "{arguments:?}");
        assert!(
            text(&run.stderr).contains(words),
            "{arguments:?}: {}",
            text(&run.stderr)
        );
    }
}
