//! Every test that `docs/failure-modes.md` names exists, and every fault in it names one.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot read the workspace fails, and says so"
)]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_fault_names_tests_that_exist() {
    let root = root();
    let text = fs::read_to_string(root.join("docs/failure-modes.md")).expect("the table is there");
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| fault "));
    let mut named = 0;
    for row in rows {
        let tests: Vec<&str> = row.split('`').filter(|part| is_test(part)).collect();
        assert!(!tests.is_empty(), "no test holds: {row}");
        for test in tests {
            let (place, name) = test.split_once("::").expect("a place and a name");
            assert!(
                exists(&root, place, name),
                "there is no `{name}` in `{place}`: {row}"
            );
            named += 1;
        }
    }
    assert!(named > 20, "only {named} tests were found in the table");
}

/// Whether a part of a row is `place::name_of_a_test`.
fn is_test(part: &str) -> bool {
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    part.split_once("::")
        .is_some_and(|(place, name)| is_word(place) && is_word(name))
}

/// A place is a suite on a cluster, or a crate.
fn exists(root: &Path, place: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let places = [
        root.join("e2e/tests").join(place),
        root.join("operator").join(place),
    ];
    let mut left: Vec<PathBuf> = places.into_iter().filter(|place| place.is_dir()).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries =
                fs::read_dir(&path).unwrap_or_else(|error| panic!("list {}: {error}", path.display()));
            left.extend(entries.flatten().map(|entry| entry.path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if text.contains(&function) {
                return true;
            }
        }
    }
    false
}

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.parent().and_then(Path::parent);
    root.expect("the package is two below the root").to_owned()
}
