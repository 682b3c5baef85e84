use jiff::Timestamp;

use super::approved;
use crate::cli::ApproveArgs;
use crate::manifest::{Source, load_text};

const HEAD: &str = "apiVersion: attune.dev/v1alpha1\nkind: ContentModule\nmetadata: {name: hero, namespace: shop}\nspec:\n  \
                    owner: {group: a, contact: b}\n  slots: [{name: headline, type: Text}]\n  baseline: all\n  variants:\n";

fn args() -> ApproveArgs {
    ApproveArgs {
        file: "modules.yaml".into(),
        module: "hero".to_owned(),
        variant: "one".to_owned(),
        by: "ann: \"the editor\"".to_owned(),
        at: None,
        namespace: None,
    }
}

/// What a file with these variants becomes.
fn after(variants: &str) -> Result<String, String> {
    let loaded = load_text(
        Source::new("modules.yaml", format!("{HEAD}{variants}")),
        "default",
    );
    let at: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    approved(&loaded, &args(), at)
        .map(|(text, _)| text.strip_prefix(HEAD).unwrap().to_owned())
        .map_err(|error| error.to_string())
}

const APPROVAL: &str =
    r#"approval: {by: "ann: \"the editor\"", at: "2026-12-01T00:00:00Z", contentHash: "sha256:"#;

/// The approval, whatever its hash.
fn shortened(text: &str) -> String {
    let Some((head, tail)) = text.split_once(APPROVAL) else {
        return text.to_owned();
    };
    let (hash, tail) = tail.split_once("\"}").unwrap();
    assert_eq!(hash.len(), 64);
    format!("{head}APPROVAL{tail}")
}

#[test]
fn writes_behind_the_name_and_leaves_the_rest_as_it_is() {
    let block = "  - name: all\n    content: {headline: a}\n  # for some\n  - name: one # short\n    content: {headline: b}\n";
    assert_eq!(
        shortened(&after(block).unwrap()),
        "  - name: all\n    content: {headline: a}\n  # for some\n  - name: one # short\n    APPROVAL\n    content: {headline: b}\n"
    );
    let flow = "  - {name: all}\n  - {name: one, content: {headline: b}}\n";
    assert_eq!(
        shortened(&after(flow).unwrap()),
        "  - {name: all}\n  - {name: one, APPROVAL, content: {headline: b}}\n"
    );
    assert_eq!(
        shortened(&after("  - content: {headline: b}\n    name: one").unwrap()),
        "  - content: {headline: b}\n    name: one\n    APPROVAL\n"
    );
}

#[test]
fn takes_the_place_of_an_approval() {
    let flow = "  - name: one\n    approval: {by: x, at: \"2026-01-01T00:00:00Z\"} # old\n    content: {headline: b}\n";
    assert_eq!(
        shortened(&after(flow).unwrap()),
        "  - name: one\n    APPROVAL # old\n    content: {headline: b}\n"
    );
    let block = "  - name: one\n    approval:\n      by: x\n      at: \"2026-01-01T00:00:00Z\"\n    content: {headline: b}\n";
    assert_eq!(
        shortened(&after(block).unwrap()),
        "  - name: one\n    APPROVAL\n    content: {headline: b}\n"
    );
}

#[test]
fn approving_twice_changes_nothing() {
    let once = after("  - name: one\n    content: {headline: b}\n").unwrap();
    assert_eq!(after(&once).unwrap(), once);
}

#[test]
fn refuses_a_text_that_it_cannot_edit_alone() {
    let aliased = "  - &a {name: all, content: {headline: b}}\n  - {<<: *a, name: one}\n  - *a\n";
    let told = after(aliased);
    assert!(told.is_ok() || told.unwrap_err().contains("write `approval: {"));
    let shared = "  - name: all\n    approval: &a {by: x, at: \"2026-01-01T00:00:00Z\"}\n  - name: one\n    approval: *a\n";
    let told = after(shared).unwrap_err();
    assert!(
        told.contains("is written in a way that is not edited safely"),
        "{told}"
    );
}

#[test]
fn names_what_is_not_there() {
    let told = after("  - name: other\n").unwrap_err();
    assert_eq!(
        told,
        "content module `hero` has no variant `one`: its variants are `other`"
    );
    let loaded = load_text(
        Source::new("modules.yaml", "apiVersion: v1\nkind: Secret\n"),
        "default",
    );
    let told = approved(&loaded, &args(), Timestamp::UNIX_EPOCH)
        .unwrap_err()
        .to_string();
    assert_eq!(
        told,
        "`modules.yaml` has 0 content modules `hero`: name a file with one, and its namespace"
    );
    let loaded = load_text(Source::new("modules.yaml", "a: [\n"), "default");
    let told = approved(&loaded, &args(), Timestamp::UNIX_EPOCH)
        .unwrap_err()
        .to_string();
    assert!(told.contains("run `attune lint`"), "{told}");
}
