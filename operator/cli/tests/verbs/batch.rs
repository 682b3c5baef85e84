//! `attune batch`: decisions for as many units as there are.

#[path = "batch/exposures.rs"]
mod exposures;
#[path = "batch/parquet.rs"]
mod parquet;
#[path = "batch/people.rs"]
mod people;
#[path = "batch/postgres.rs"]
mod postgres;
#[path = "batch/rejects.rs"]
mod rejects;
#[path = "batch/resume.rs"]
mod resume;
#[path = "batch/same.rs"]
mod same;
#[path = "batch/usage.rs"]
mod usage;

use serde_json::Value;

use crate::folder::{AT, Folder, Run};

/// The example, with bindings that count with the decision.
fn folder() -> Folder {
    Folder::example(&[
        (
            "exposure: OnRender                    # or OnDecision",
            "exposure: OnDecision",
        ),
        ("  exposure: OnRender\n", "  exposure: OnDecision\n"),
    ])
}

/// The arguments of a run.
fn asked<'a>(units: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let ends = ["--units", units, "--out", out];
    let rules = ["batch", "-f", "strategy.yaml", "--channel", "web"];
    [&rules[..], &ends, &AT, more].concat()
}

fn batch(folder: &Folder, units: &str, out: &str, more: &[&str]) -> Run {
    folder.attune(&asked(units, out, more))
}

/// The lines of a file, each an object.
fn lines(folder: &Folder, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path(name)).expect("the file");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect()
}

/// A decision without its name, which no two runs share.
fn nameless(mut decision: Value) -> Value {
    let name = decision
        .as_object_mut()
        .and_then(|fields| fields.remove("decision"));
    assert_eq!(name.and_then(|name| name.as_str().map(str::len)), Some(36));
    decision
}
