//! No input ends the process, and none takes for ever.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{complaints, read};
use crate::manifest::{
    FieldPath, MAX_DEPTH, Node, Part, Source, Value, load, load_text, locate, path_at, position_in_scalar,
};

const TOO_MANY: &str =
    "the file grows beyond 1000000 values when its aliases are written out; split it or use fewer aliases";

#[test]
fn refuses_a_billion_laughs_quickly() {
    let levels = (1..12).map(|level| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    });
    let first = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    let bomb: String = std::iter::once(first).chain(levels).collect();
    let started = Instant::now();
    let found = complaints(&bomb);
    assert!(found[0].ends_with(TOO_MANY), "{found:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn refuses_bombs_of_merges_texts_and_depth() {
    let keys: Vec<_> = (0..2000).map(|key| format!("k{key}: 1")).collect();
    let merges = vec!["*m"; 2000].join(", ");
    let merging = format!("m: &m {{{}}}\nx: {{<<: [{merges}]}}\n", keys.join(", "));
    let texts = format!(
        "t: &t {}\nx: [{}]\n",
        "a".repeat(100_000),
        vec!["*t"; 1000].join(", ")
    );
    let links: Vec<_> = (1..200)
        .map(|level| format!("- &a{level} [*a{}]\n", level - 1))
        .collect();
    let chain = format!("- &a0 []\n{}", links.concat());
    let deep = "[".repeat(100_000);
    let deep_json = "{\"a\":".repeat(110);
    for (text, expected) in [
        (merging, TOO_MANY),
        (texts, TOO_MANY),
        (chain, "lists and maps are nested more than 100 levels deep"),
        (deep, "lists and maps are nested more than 100 levels deep"),
        (
            format!("{deep_json}1{}", "}".repeat(110)),
            "lists and maps are nested more than 100 levels deep",
        ),
    ] {
        let found = complaints(&text);
        assert!(
            found.iter().any(|complaint| complaint.ends_with(expected)),
            "{found:?}"
        );
    }
}

#[test]
fn reads_what_is_just_deep_enough() {
    let text = format!("a: {}{}\n", "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    assert_eq!(super::json(&text).map(|_| ()), Ok(()));
}

#[test]
fn counts_values_over_all_documents_of_a_file() {
    let list = vec!["a"; 60_000].join(",");
    let document = format!("[{list}]\n---\n");
    let found = complaints(&document.repeat(20));
    assert!(found.iter().any(|complaint| complaint.ends_with(TOO_MANY)));
}

#[test]
fn refuses_files_that_are_too_large_or_not_utf_8() {
    let directory = tempfile::tempdir().expect("a directory");
    let (large, latin) = (
        directory.path().join("large.yaml"),
        directory.path().join("latin.yaml"),
    );
    std::fs::write(&large, vec![b' '; 16 * 1024 * 1024 + 1]).expect("written");
    std::fs::write(&latin, b"a: b\nc: d\xe9\n").expect("written");
    let loaded = load(&[large, latin], "default").expect("readable");
    assert_eq!(
        super::complaints_of(&loaded),
        [
            "1:1 InvalidSyntax [] the file is larger than 16 MiB; split it",
            "2:5 InvalidSyntax [] this is not UTF-8; save the file as UTF-8",
        ]
    );
}

/// Asks everything that can be asked of a tree.
fn exercise(source: &Source, node: &std::sync::Arc<Node>) {
    let _ = node.to_json();
    let _ = source.slice(node.span);
    let path = path_at(node, node.span.start);
    let _ = locate(node, &FieldPath::parse(&path.to_string()), Part::Key);
    match &node.value {
        Value::Scalar(scalar) => {
            for offset in 0..=scalar.text.chars().count().min(20) {
                let _ = position_in_scalar(source, node, offset);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| exercise(source, item)),
        Value::Mapping(mapping) => mapping
            .entries
            .iter()
            .for_each(|entry| exercise(source, &entry.node)),
    }
}

fn survives(text: &str) {
    let source = Source::new("test.yaml", text);
    let (documents, _) = crate::manifest::text::read(&source);
    for document in &documents {
        exercise(&source, &document.root);
    }
    let loaded = load_text(source, "default");
    for diagnostic in &loaded.diagnostics {
        let place = diagnostic.place.as_ref().expect("a place");
        assert!(place.span.start.line >= 1 && place.span.start.column >= 1);
        assert!(!diagnostic.message.contains('\n'));
        let _ = place.source.line(place.span.start.line);
    }
}

const PIECES: &[&str] = &[
    "a",
    "b: ",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    "\"",
    "|\n  ",
    ">-\n ",
    "&x ",
    "*x",
    "<<: ",
    "# c",
    "!t ",
    "!!int ",
    "!!str ",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    " ",
    "no",
    "012",
    "\\x41",
    "\\ud83d",
    "---\n",
    "...\n",
    "é",
    "😀",
    "\r\n",
    "apiVersion: attune.dev/v1alpha1\n",
    "kind: Audience\n",
    "kind: List\n",
    "items:\n",
    "metadata: {name: a}\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\0",
    "%",
    "@",
    "`",
    "{\"a\": 1}",
    "\\",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        survives(&pieces.concat());
    }

    #[test]
    fn json_is_read_as_serde_reads_it(pieces in proptest::collection::vec((any::<String>(), any::<i32>()), 0..5)) {
        let value = serde_json::json!({
            "list": pieces.iter().map(|(text, number)| serde_json::json!([text, number])).collect::<Vec<_>>(),
        });
        for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("writes")] {
            prop_assert_eq!(super::json(&text).ok(), Some(value.clone()).filter(|_| !text.chars().any(|c| c.is_control() && c != '\n')), "{}", text);
        }
    }
}

#[test]
fn an_empty_text_holds_nothing() {
    for text in ["", "\n", "---\n---\n", "# only a comment\n", "null\n", "\u{feff}"] {
        let loaded = read(text);
        assert!(
            loaded.documents.is_empty() && loaded.diagnostics.is_empty() && loaded.skipped == 0,
            "{text:?}"
        );
    }
}
