//! Places of what is wrong with the text.

use super::{complaints, json};

fn fault(text: &str) -> String {
    json(text).expect_err(text)
}

#[test]
fn places_faults_of_the_syntax() {
    let table = [
        ("a: [b\n", "2:1 "),
        ("a: b: c\n", "1:5 "),
        ("a: \"b\n", "1:4 "),
        ("a: @b\n", "1:4 "),
        ("a: b\n c: d\n", "2:3 "),
        ("a:\n  - b\n - c\n", "3:2 "),
        ("a: 1\n\tb: 2\n", "2:1 a tab cannot indent; use spaces"),
        (
            "a:\n  b: 1\n   \t\n\t# c\nd: 1\n",
            "4:1 a tab cannot indent; use spaces",
        ),
        (
            "a:\n  b: c\n  \t\n  d: e\n",
            "3:3 a tab cannot indent; use spaces",
        ),
        ("- \ta: 1\n", "1:3 a tab cannot indent; use spaces"),
        ("a: *b\n", "1:4 "),
        ("a: &b [*b]\n", "1:8 the alias stands inside the value it names"),
        (
            "a: {b: Ready?, c: d}\n",
            "1:8 kubectl does not read `?` without quotes inside braces or brackets; quote it: \"Ready?\"",
        ),
        ("? [a]\n: b\n", "1:3 a list or a map cannot be a key"),
        ("~: b\n", "1:1 `~` cannot be a key; quote it: \"~\""),
        ("<<: 3\n", "1:5 `<<` takes a map or a list of maps"),
        (
            "{a: b,\n  c\n  d: e}\n",
            "2:3 a key must stand on one line; is a comma or a colon missing?",
        ),
        (
            "--- a: b\n",
            "1:5 only a comment may follow `---`; start the document on the next line",
        ),
        (
            "a: b\n...\nc: d\n",
            "3:1 kubectl ignores a document that starts after `...`; separate documents with `---`",
        ),
        (
            "a: \"\u{7}\"\n",
            "1:5 control character U+0007 is not allowed; write it as an escape in double quotes",
        ),
        ("%YAML 1.1\n---\na: b\n", "2:1 "),
    ];
    for (text, expected) in table {
        assert!(fault(text).starts_with(expected), "{text:?}: {}", fault(text));
    }
}

#[test]
fn places_values_that_json_cannot_hold() {
    let table = [
        (
            "a:\n- .inf\n",
            "2:3 `.inf` is a number that JSON, and so the API server, cannot hold",
        ),
        ("a: !!int x\n", "1:4 `x` cannot be read as `!!int`"),
        (
            "a: !!binary aGk=\n",
            "1:4 no field takes `!!binary`; write the text itself",
        ),
        ("{\"a\": 1e999}\n", "1:7 "),
    ];
    for (text, expected) in table {
        assert!(fault(text).starts_with(expected), "{text:?}: {}", fault(text));
    }
}

#[test]
fn counts_characters_and_lines_of_windows_files() {
    assert!(fault("é: 'ü' x\r\n").starts_with("1:8 ") || fault("é: 'ü' x\r\n").starts_with("1:7 "));
    assert_eq!(fault("a: b\r\nc:\r\n- .nan\r\n").split(' ').next(), Some("3:3"));
    assert!(
        fault("\u{feff}a: .nan\n").starts_with("1:4 "),
        "a byte order mark is no column"
    );
}

#[test]
fn finds_duplicate_keys_where_they_stand() {
    let document = "apiVersion: attune.dev/v1alpha1
kind: Audience
metadata: {name: a, name: b}
spec:
  match: x
  owner: {group: g}
  match: y
";
    assert_eq!(
        complaints(document),
        [
            "3:21 DuplicateKey [metadata.name] `name` stands twice in this map, first at 3:12; keep one",
            "7:3 DuplicateKey [spec.match] `match` stands twice in this map, first at 5:3; keep one",
        ]
    );
}

#[test]
fn finds_keys_that_are_the_same_only_once_read() {
    assert_eq!(
        fault("on: 1\nyes: 2\n"),
        "2:1 `true` stands twice in this map, first at 1:1; keep one"
    );
    assert_eq!(
        fault("{\"a\": 1,\n \"a\": 2}"),
        "2:2 `a` stands twice in this map, first at 1:2; keep one"
    );
}

#[test]
fn a_broken_document_hides_none_of_its_neighbours() {
    let loaded = super::read(
        "apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: a}\n---\nkind: [\n---\n\
         apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: b}\n",
    );
    let names: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.id.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(loaded.diagnostics.len(), 1);
}
