//! The retailer of `examples/retail`: the findings of the strategy as it is, and the silence of the one as it should be.

use std::path::Path;

use crate::folder::{AT, Folder};

/// A folder with one of the two strategies.
fn retail(version: &str) -> Folder {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/retail")
        .join(version);
    let mut folder = Folder::new();
    for entry in std::fs::read_dir(source).expect("the example is there") {
        let entry = entry.expect("its files can be listed");
        let text = std::fs::read(entry.path()).expect("its files can be read");
        folder = folder.with(&entry.file_name().to_string_lossy(), text);
    }
    folder
}

#[test]
fn the_strategy_as_it_is_has_the_usual_faults() {
    let report = retail("as-is").findings();
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().expect("text").to_owned();
    let mut lines: Vec<_> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| {
            let [severity, reason, kind, name, field, message] =
                ["severity", "reason", "kind", "name", "field", "message"].map(|key| text(one, key));
            format!("{severity} {reason} {kind} {name} {field}: {message}")
        })
        .collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_strategy_as_it_should_be_is_silent() {
    let run = retail("as-should-be").lint();
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (0, "41 resources, no findings\n", "")
    );
}

#[test]
fn its_coverage_reads_as_what_it_is() {
    let run = retail("as-is").attune(&["coverage", "-f", ".", AT[0], AT[1]]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(run.stdout);
    let run = retail("as-should-be").attune(&["coverage", "-f", ".", AT[0], AT[1]]);
    insta::assert_snapshot!(run.stdout);
}
