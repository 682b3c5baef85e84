//! Which objects a text holds.

use super::{complaints, complaints_of, read};
use crate::manifest::{Source, load, load_text};

const AUDIENCE: &str = "apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: a}\n";

#[test]
fn identifies_objects_and_skips_those_of_other_groups() {
    let loaded = read(&format!(
        "{AUDIENCE}---\n# nothing here\n---\napiVersion: v1\nkind: ConfigMap\ndata: {{a: .inf, a: 1}}\n"
    ));
    assert_eq!(loaded.documents.len(), 1);
    assert_eq!(loaded.documents[0].id.to_string(), "Audience/default/a");
    assert_eq!(loaded.documents[0].to_json()["metadata"]["namespace"], "default");
    assert_eq!(loaded.skipped, 1);
    assert!(
        loaded.diagnostics.is_empty(),
        "others' documents are others' business"
    );
}

#[test]
fn takes_the_namespace_of_the_text_and_else_the_default() {
    let text = "apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: a, namespace: shop}\n---\n\
                apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: a}\n---\n\
                apiVersion: attune.dev/v1alpha1\nkind: GovernancePolicy\nmetadata: {name: a}\n";
    let loaded = load_text(Source::new("x", text), "team");
    let ids: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.id.to_string())
        .collect();
    assert_eq!(ids, ["Audience/shop/a", "Audience/team/a", "GovernancePolicy/a"]);
}

#[test]
fn expands_lists() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: attune.dev/v1alpha1\n  kind: Audience\n  \
                metadata: {name: a}\n- apiVersion: v1\n  kind: Secret\n- apiVersion: attune.dev/v1alpha1\n  \
                kind: AudienceList\n  items:\n  - {apiVersion: attune.dev/v1alpha1, kind: Audience, metadata: {name: b, name: c}}\n";
    let loaded = read(list);
    let names: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.id.name.as_str())
        .collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(loaded.skipped, 1);
    assert_eq!(
        complaints_of(&loaded),
        ["12:75 DuplicateKey [metadata.name] `name` stands twice in this map, first at 12:66; keep one"]
    );
}

#[test]
fn names_what_is_no_object() {
    let table: &[(&str, &[&str])] = &[
        (
            "just text\n",
            &["1:1 Undecodable [] a document is a map with `apiVersion`, `kind`, `metadata` and `spec`"],
        ),
        (
            "spec: {}\n",
            &[
                "1:1 MissingField [apiVersion] `apiVersion` is missing",
                "1:1 MissingField [kind] `kind` is missing",
            ],
        ),
        (
            "apiVersion: attune.dev/v1alpha1\nkind: no\n",
            &["2:7 InvalidField [kind] `kind` must be a string"],
        ),
        (
            "apiVersion: attune.dev/v1alpha1\nkind: Audiance\nmetadata: {name: a}\n",
            &["2:7 UnknownKind [kind] `Audiance` is not a kind of attune.dev"],
        ),
        (
            "kind: Audience\napiVersion: attune.dev/v1\nmetadata: {name: a}\n",
            &["2:13 UnknownKind [apiVersion] `attune.dev/v1` is no version of `attune.dev`"],
        ),
        (
            "kind: Audience\napiVersion: atune.dev/v1alpha1\nmetadata: {name: a}\n",
            &[
                "2:13 UnknownKind [apiVersion] the group `atune.dev` is not `attune.dev`, so that this document is passed over",
            ],
        ),
        (
            "apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata:\n  labels: {}\n",
            &["3:1 MissingField [metadata.name] `metadata.name` is missing"],
        ),
        (
            "apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata:\n  name: 012\n  namespace: on\n",
            &[
                "4:9 InvalidField [metadata.name] `metadata.name` must be a string",
                "5:14 InvalidField [metadata.namespace] `metadata.namespace` must be a string",
            ],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(complaints(text), *expected, "{text}");
    }
}

#[test]
fn suggests_the_kind_that_was_meant() {
    let loaded = read("apiVersion: attune.dev/v1alpha1\nkind: Audiance\nmetadata: {name: a}\n");
    assert_eq!(loaded.diagnostics[0].suggestion.as_deref(), Some("Audience"));
    assert_eq!(loaded.diagnostics[0].name, "a");
}

#[test]
fn finds_duplicate_objects_and_names_the_first() {
    let loaded = read(&format!("{AUDIENCE}---\n{AUDIENCE}"));
    assert_eq!(
        complaints_of(&loaded),
        [
            "7:18 Duplicate [metadata.name] `Audience/default/a` is defined twice, first at test.yaml:3:18; keep one"
        ]
    );
    let marks: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.duplicate)
        .collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn reads_the_files_below_a_directory_by_name_and_each_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, text).expect("written");
    };
    write("b/c.yml", &AUDIENCE.replace("name: a", "name: c"));
    write(
        "a.json",
        r#"{"apiVersion":"attune.dev/v1alpha1","kind":"Audience","metadata":{"name":"j"}} {"apiVersion":"v1","kind":"Secret"}"#,
    );
    write("b/a.yaml", AUDIENCE);
    write("notes.txt", "no: [");
    write(".hidden/x.yaml", AUDIENCE);
    let paths = [directory.path().to_owned(), directory.path().join("b/a.yaml")];
    let loaded = load(&paths, "default").expect("readable");
    let names: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.id.name.as_str())
        .collect();
    assert_eq!(names, ["j", "a", "c"]);
    assert_eq!(loaded.skipped, 1);
    assert!(loaded.diagnostics.is_empty());
}
