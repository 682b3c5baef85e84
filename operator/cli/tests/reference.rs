//! The pages in `docs/reference/` are what the program says about itself.
//!
//! `resources.md`, `reasons.md` and `cli.md` are rendered here and compared; with `ATTUNE_UPDATE=1` they are written
//! instead. `expressions.md` is written by hand, and everything in it is tried.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test may panic"
)]

#[path = "reference/cli.rs"]
mod cli;
#[path = "reference/expressions.rs"]
mod expressions;
#[path = "reference/formats.rs"]
mod formats;
#[path = "reference/links.rs"]
mod links;
#[path = "reference/markdown.rs"]
mod markdown;
#[path = "reference/reasons.rs"]
mod reasons;
#[path = "reference/resources.rs"]
mod resources;
#[path = "reference/schema.rs"]
mod schema;
#[path = "reference/section.rs"]
mod section;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the pages.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_default()
}

/// A page as it should be: generated pages may be about to be written.
fn expected(name: &str) -> String {
    match name {
        "resources.md" => resources::page(),
        "reasons.md" => reasons::page(),
        "cli.md" => cli::page(),
        written => read(written),
    }
}

/// Compares a page with what it should be, or writes it.
#[track_caller]
fn assert_page(name: &str) {
    let note = "<!-- Generated. `ATTUNE_UPDATE=1 cargo test -p attune --test reference` writes it anew. -->";
    let expected = format!("{note}\n{}\n", expected(name).trim_end());
    if std::env::var_os("ATTUNE_UPDATE").is_some_and(|value| value == "1") {
        fs::write(folder().join(name), &expected).expect("docs/reference/ can be written");
    }
    let found = read(name);
    let first = expected
        .lines()
        .zip(found.lines())
        .position(|(expected, found)| expected != found)
        .unwrap_or(expected.lines().count().min(found.lines().count()));
    assert!(
        found == expected,
        "docs/reference/{name} differs from line {} on: run `ATTUNE_UPDATE=1 cargo test -p attune --test reference`",
        first + 1
    );
}

#[test]
fn keeps_the_page_of_resources_equal_to_the_definitions() {
    assert_page("resources.md");
}

#[test]
fn keeps_the_page_of_reasons_equal_to_the_enumerations() {
    assert_page("reasons.md");
}

#[test]
fn keeps_the_page_of_the_command_line_equal_to_its_help() {
    assert_page("cli.md");
}

/// The schema is JSON, which has no place for a note.
#[test]
fn keeps_the_schema_of_bundles_equal_to_their_types() {
    const NAME: &str = "bundle.schema.json";
    let schema = attune_compile::formats::bundle_schema();
    let expected = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    if std::env::var_os("ATTUNE_UPDATE").is_some_and(|value| value == "1") {
        fs::write(folder().join(NAME), &expected).expect("docs/reference/ can be written");
    }
    assert!(
        read(NAME) == expected,
        "docs/reference/{NAME} differs: run `ATTUNE_UPDATE=1 cargo test -p attune --test reference`"
    );
}
