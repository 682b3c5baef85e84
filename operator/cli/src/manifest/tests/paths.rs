//! From field paths to places and back.

use super::tree;
use crate::manifest::{FieldPath, Part, Source, locate, path_at};

const TEXT: &str = "\
spec:
  variants:
  - name: a
    content: {headline: 'Hi', cta: go}
  - name: b
    content:
      headline: Hello
      a.b/c: dotted
  empty:
  flow: [1, {x: 2}]
";

fn place(path: &str, part: Part) -> String {
    let source = Source::new("x", TEXT);
    let span = locate(&tree(&source), &FieldPath::parse(path), part).span;
    format!("{}-{}", span.start, span.end)
}

#[test]
fn points_at_values_and_at_the_keys_of_what_spreads_over_lines() {
    let table = [
        ("spec.variants[0].name", "3:11-3:12"),
        ("spec.variants[0].content.headline", "4:25-4:29"),
        ("spec.variants[0].content", "4:14-4:39"),
        ("spec.variants[1].content.headline", "7:17-7:22"),
        ("spec.variants[1].content[\"a.b/c\"]", "8:14-8:20"),
        ("spec.variants[1].content", "6:5-6:12"),
        ("spec.variants", "2:3-2:11"),
        ("spec.empty", "9:3-9:8"),
        ("spec.flow[1].x", "10:17-10:18"),
        ("spec", "1:1-1:5"),
    ];
    for (path, expected) in table {
        assert_eq!(place(path, Part::Value), expected, "{path}");
    }
    assert_eq!(place("spec.variants[0].name", Part::Key), "3:5-3:9");
}

#[test]
fn falls_back_to_the_nearest_field_above() {
    let table = [
        ("spec.variants[0].content.legal", "4:14-4:39"),
        ("spec.variants[7].name", "2:3-2:11"),
        ("spec.owner.group", "1:1-1:5"),
        ("status.x", "1:1-10:20"),
        ("spec.variants[0].name.x", "3:11-3:12"),
        ("", "1:1-10:20"),
    ];
    for (path, expected) in table {
        assert_eq!(place(path, Part::Value), expected, "{path}");
    }
}

#[test]
fn every_place_has_the_path_that_leads_to_it() {
    let source = Source::new("x", TEXT);
    let root = tree(&source);
    for path in [
        "spec.variants[0].name",
        "spec.variants[1].content[\"a.b/c\"]",
        "spec.flow[1].x",
        "spec.variants[0].content",
    ] {
        let start = locate(&root, &FieldPath::parse(path), Part::Value).span.start;
        assert_eq!(path_at(&root, start).to_string(), path);
    }
}

#[test]
fn paths_survive_printing_and_reading() {
    let path = FieldPath::root()
        .key("spec")
        .key("a.b")
        .index(3)
        .key("q\"]x")
        .key("-k_1");
    assert_eq!(path.to_string(), r#"spec["a.b"][3]["q\"]x"].-k_1"#);
    assert_eq!(FieldPath::parse(&path.to_string()), path);
}

#[test]
fn text_that_is_no_path_leads_as_far_as_it_can_be_read() {
    assert_eq!(FieldPath::parse(".spec.a[").to_string(), "spec.a");
    assert_eq!(FieldPath::parse("spec[\"a").to_string(), "spec");
}
