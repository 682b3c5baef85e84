//! A run that is killed goes on where it was, and nothing is lost or twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::people::people;
use super::{asked, batch, folder, lines, nameless};
use crate::folder::Folder;

const COUNT: u64 = 60_000;

const FILES: [&str; 8] = [
    "--exposures",
    "seen.ndjson",
    "--rejects",
    "bad.ndjson",
    "--mark-every",
    "500",
    "--resume",
    "--tolerate-rejects",
];

fn start(folder: &Folder, units: &str, out: &str) -> Child {
    let directory = folder.path("strategy.yaml");
    Command::new(env!("CARGO_BIN_EXE_attune"))
        .args(asked(units, out, &FILES))
        .current_dir(directory.parent().expect("a folder"))
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

/// How many units the last mark has, if there is one.
fn marked(progress: &Path) -> u64 {
    let text = std::fs::read(progress).unwrap_or_default();
    let mark: Value = serde_json::from_slice(&text).unwrap_or_default();
    mark["records"].as_u64().unwrap_or(0)
}

/// Kills the run once it has come so far; whether it was still running.
fn kill_at(mut child: Child, progress: &Path, records: u64) -> bool {
    let until = Instant::now() + Duration::from_mins(1);
    while marked(progress) < records && child.try_wait().expect("a child").is_none() {
        assert!(Instant::now() < until, "the run does not get on");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("killed");
    !child.wait().expect("ended").success()
}

#[test]
fn nothing_is_lost_or_twice_however_often_a_run_is_killed() {
    let (table, contexts) = people(COUNT);
    // Broken lines all along: they are not to be told of twice either.
    let contexts: Vec<_> = contexts
        .lines()
        .enumerate()
        .map(|(place, line)| if place % 1_000 == 7 { "oops" } else { line })
        .collect();
    let folder = folder()
        .with("people.csv", table)
        .with("people.ndjson", contexts.join("\n"));
    for (units, out, broken) in [
        ("people.csv", "a.ndjson", 0),
        ("people.ndjson", "b.csv", 60),
        ("people.csv", "c.parquet", 0),
    ] {
        let progress = folder.path(&format!("{out}.progress"));
        let mut killed = 0;
        for records in [1, COUNT / 3, COUNT / 2] {
            killed += u32::from(kill_at(start(&folder, units, out), &progress, records));
            // What came after the mark is half a line, or a line of a unit that is decided again.
            let part = folder.path(&format!("{out}.part"));
            if let Ok(mut text) = std::fs::read(&part) {
                text.extend_from_slice(b"{\"unit\": \"half a li");
                std::fs::write(&part, text).expect("written");
            }
        }
        assert!(
            killed >= 2,
            "the machine is too fast for this test: more units are needed"
        );
        let run = batch(&folder, units, out, &FILES);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!progress.exists() && !folder.path(&format!("{out}.part")).exists());
        let whole = format!("whole-{out}");
        let uninterrupted = batch(
            &folder,
            units,
            &whole,
            &["--tolerate-rejects", "--exposures", "whole-seen.ndjson"],
        );
        assert_eq!(uninterrupted.code, 0, "{}", uninterrupted.stderr);
        assert_eq!(summary(&run.stderr), summary(&uninterrupted.stderr));
        assert_eq!(lines(&folder, "bad.ndjson").len(), broken);
        let names = same(&folder, out, &whole);
        let seen = lines(&folder, "seen.ndjson");
        assert_eq!(seen.len(), lines(&folder, "whole-seen.ndjson").len());
        let told: BTreeSet<_> = seen.iter().map(|event| event["id"].to_string()).collect();
        assert_eq!(told.len(), seen.len(), "every exposure is told once");
        for event in &seen {
            let decision = event["data"]["decision"].as_str().expect("a decision");
            assert!(
                names.contains(decision),
                "an exposure is of a decision that is in the output"
            );
        }
    }
}

/// The counts that a run ends with.
fn summary(stderr: &str) -> String {
    let begins = stderr
        .lines()
        .position(|line| line.contains(" units, "))
        .expect("a summary");
    stderr.lines().skip(begins).collect::<Vec<_>>().join("\n")
}

/// Checks that two outputs say the same but for the names of decisions, which are all different; gives those.
fn same(folder: &Folder, one: &str, other: &str) -> BTreeSet<String> {
    let (one, other) = (rows(folder, one), rows(folder, other));
    assert_eq!(one.len(), other.len());
    let mut names = BTreeSet::new();
    for (one, other) in one.into_iter().zip(other) {
        names.insert(one["decision"].as_str().expect("a name").to_owned());
        assert_eq!(nameless(one), nameless(other));
    }
    names
}

fn rows(folder: &Folder, name: &str) -> Vec<Value> {
    if name.ends_with(".ndjson") {
        return lines(folder, name);
    }
    if name.ends_with(".parquet") {
        return super::parquet::rows(&folder.path(name)).0;
    }
    let mut rows = csv::Reader::from_path(folder.path(name)).expect("a table");
    let rows = rows.deserialize::<std::collections::BTreeMap<String, String>>();
    rows.map(|row| serde_json::to_value(row.expect("a row")).expect("an object"))
        .collect()
}

#[test]
fn other_rules_or_other_units_begin_anew() {
    let (table, _) = people(COUNT);
    let folder = folder().with("people.csv", &table);
    let progress = folder.path("out.ndjson.progress");
    assert!(kill_at(
        start(&folder, "people.csv", "out.ndjson"),
        &progress,
        1_000
    ));
    let folder = folder.with("people.csv", table.replace("u3,", "x3,"));
    let run = batch(&folder, "people.csv", "out.ndjson", &FILES);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("the units are not those of the unfinished run"),
        "{}",
        run.stderr
    );
    assert_eq!(lines(&folder, "out.ndjson").len() as u64, COUNT);
    assert!(kill_at(
        start(&folder, "people.csv", "out.ndjson"),
        &progress,
        1_000
    ));
    let run = batch(
        &folder,
        "people.csv",
        "out.ndjson",
        &[&FILES[..], &["--touchpoint", "home-hero"]].concat(),
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        !run.stderr.contains("anew"),
        "all touchpoints are the one there is: {}",
        run.stderr
    );
    assert!(kill_at(
        start(&folder, "people.csv", "out.ndjson"),
        &progress,
        1_000
    ));
    let text = std::fs::read_to_string(folder.path("strategy.yaml")).expect("the example");
    let folder = folder.with(
        "strategy.yaml",
        text.replace("Early access for you", "Early for you"),
    );
    let run = batch(&folder, "people.csv", "out.ndjson", &FILES);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("of other rules or options"), "{}", run.stderr);
    assert_eq!(lines(&folder, "out.ndjson").len() as u64, COUNT);
}

#[test]
fn a_run_that_only_its_output_is_missing_of_is_put_out_unless_it_is_another_one() {
    let (table, _) = people(20);
    let folder = folder().with("people.csv", &table);
    let out = folder.path("out.ndjson");
    let blocked = |run: &[(&str, &str)]| {
        // Nothing can be put in the place of a directory.
        std::fs::create_dir(&out).expect("made");
        let failed = folder.attune_with(&asked("people.csv", "out.ndjson", &["--resume"]), run);
        assert_eq!(failed.code, 2, "{}", failed.stderr);
        std::fs::remove_dir(&out).expect("removed");
        assert!(folder.path("out.ndjson.progress").exists());
    };
    let resumed = |run: &[(&str, &str)]| {
        let run = folder.attune_with(&asked("people.csv", "out.ndjson", &["--resume"]), run);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let count = lines(&folder, "out.ndjson").len();
        std::fs::remove_file(&out).expect("removed");
        (count, run.stderr.contains("beginning anew"))
    };
    blocked(&[]);
    assert_eq!(resumed(&[]), (20, false));
    blocked(&[("ATTUNE_RUN", "monday")]);
    assert_eq!(resumed(&[("ATTUNE_RUN", "tuesday")]), (20, true));
    blocked(&[("ATTUNE_RUN", "monday")]);
    let (longer, _) = people(21);
    std::fs::write(folder.path("people.csv"), longer).expect("written");
    assert_eq!(
        resumed(&[("ATTUNE_RUN", "monday")]),
        (21, true),
        "there are more units"
    );
}

#[test]
fn two_runs_do_not_write_one_output() {
    let (table, _) = people(COUNT);
    let folder = folder().with("people.csv", table);
    let mut child = start(&folder, "people.csv", "out.ndjson");
    let until = Instant::now() + Duration::from_mins(1);
    while marked(&folder.path("out.ndjson.progress")) == 0 {
        assert!(Instant::now() < until && child.try_wait().expect("a child").is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    let run = batch(&folder, "people.csv", "out.ndjson", &[]);
    assert!(
        run.code == 2 && run.stderr.contains("another run writes"),
        "{}",
        run.stderr
    );
    assert!(child.wait().expect("ended").success(), "the first is not harmed");
    assert_eq!(lines(&folder, "out.ndjson").len() as u64, COUNT);
}
