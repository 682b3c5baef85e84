//! What is no unit is told and counted, and the rest goes on.

use serde_json::{Value, json};

use super::{batch, folder, lines};

#[test]
fn broken_lines_are_told_with_their_numbers_and_the_rest_is_decided() {
    let text = "{\"targetingKey\": \"u1\"}\n\nnot json\n{\"targetingKey\": 7}\n[]\n{\"user\": {}}\n{\"targetingKey\": \"u2\"}";
    let folder = folder().with("people.ndjson", text);
    let run = batch(
        &folder,
        "people.ndjson",
        "out.ndjson",
        &["--rejects", "bad.ndjson", "--summary", "json"],
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    let units: Vec<_> = lines(&folder, "out.ndjson")
        .iter()
        .map(|row| row["unit"].clone())
        .collect();
    assert_eq!(units, ["u1", "u2"]);
    let told: Vec<_> = run.stderr.lines().collect();
    assert_eq!(told.len(), 5, "{}", run.stderr);
    for (line, number) in told.iter().zip([3, 4, 5, 6]) {
        assert!(line.starts_with(&format!("people.ndjson:{number}: ")), "{line}");
    }
    let summary: Value = serde_json::from_str(told[4]).expect("a summary");
    assert_eq!((&summary["units"], &summary["rejected"]), (&json!(2), &json!(4)));
    let bad = lines(&folder, "bad.ndjson");
    let numbers: Vec<_> = bad.iter().map(|bad| bad["line"].clone()).collect();
    assert_eq!(numbers, [3, 4, 5, 6]);
    assert_eq!(bad[0]["record"], "not json");
    let run = batch(&folder, "people.ndjson", "out.ndjson", &["--tolerate-rejects"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn an_id_that_no_table_takes_is_no_unit() {
    let text = "{\"targetingKey\": \"u\\u00001\"}\n{\"targetingKey\": \"u2\"}";
    let folder = folder().with("people.ndjson", text);
    let run = batch(&folder, "people.ndjson", "out.ndjson", &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("people.ndjson:1: "), "{}", run.stderr);
    assert_eq!(lines(&folder, "out.ndjson").len(), 1);
}

#[test]
fn rows_that_do_not_fit_the_header_are_told_and_the_rest_is_decided() {
    let mut table = b"targetingKey,user.tier,consent\nu1,gold,[oops\nu2,gold\n,gold,\n".to_vec();
    table.extend_from_slice(b"\"u\n3\",gold,personalization\nu4,\xff\xfe,\nu5,silver,\n");
    let folder = folder().with("people.csv", table);
    let run = batch(&folder, "people.csv", "out.csv", &["--rejects", "bad.ndjson"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let numbers: Vec<_> = lines(&folder, "bad.ndjson")
        .iter()
        .map(|bad| bad["line"].clone())
        .collect();
    assert_eq!(numbers, [2, 3, 4, 7], "{}", run.stderr);
    let out = std::fs::read_to_string(folder.path("out.csv")).expect("the table");
    assert_eq!(out.matches("home-hero").count(), 2, "{out}");
    assert!(out.contains("\"u\n3\",home-hero"), "{out}");
}

#[test]
fn a_quote_that_is_never_closed_does_not_eat_memory() {
    let mut table = "targetingKey\nu1\n\"u2\n".to_owned();
    for number in 0..400_000 {
        table += "u";
        table += &number.to_string();
        table += "\n";
    }
    let folder = folder().with("people.csv", table);
    let run = batch(&folder, "people.csv", "out.csv", &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("line 3") && run.stderr.contains("closing quote"),
        "{}",
        run.stderr
    );
    assert!(!folder.path("out.csv").exists(), "half a run is no output");
}

#[test]
fn a_thousand_broken_lines_are_not_told_one_by_one() {
    let folder = folder().with("people.ndjson", "oops\n".repeat(1_000));
    let run = batch(
        &folder,
        "people.ndjson",
        "out.ndjson",
        &["--rejects", "bad.ndjson"],
    );
    assert_eq!(run.code, 1);
    assert!(run.stderr.lines().count() < 30, "{}", run.stderr);
    assert_eq!(lines(&folder, "bad.ndjson").len(), 1_000);
}
