//! `attune plan`: what a change changes live, and its exit codes.

use crate::folder::{AT, Folder, Run, edited};

/// Two sides, the example and an edit of it, and a sample of contexts.
fn plan(edits: &[(&str, &str)], options: &[&str]) -> Run {
    let contexts = [
        r#"{"targetingKey": "u1", "consent": ["personalization"], "user": {"tier": "gold", "spend90d": 300}}"#,
        r#"{"targetingKey": "u2", "consent": ["personalization"], "user": {"tier": "gold", "spend90d": 250}}"#,
        r#"{"targetingKey": "u3", "consent": ["personalization"], "user": {"lastSeen": "2026-09-01T00:00:00Z"}}"#,
        "",
        r#"{"targetingKey": "u4"}"#,
    ];
    let folder = Folder::new()
        .with("old/strategy.yaml", edited(&[]))
        .with("new/strategy.yaml", edited(edits))
        .with("people.ndjson", contexts.join("\n"));
    let base = ["plan", "-f", "new", "--against", "old", AT[0], AT[1]];
    folder.attune(&[base.as_slice(), options].concat())
}

#[test]
fn nothing_changes_is_0() {
    let run = plan(&[], &["--contexts", "people.ndjson"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(
        run.stdout,
        "nothing changes\n\nrules: 3 declared, 3 live; were 3 and 3\n\
         coverage of shop/spring-retention: 7 of 9 cells (77.77 %); was 7 of 9 cells (77.77 %)\n\n\
         0 of 4 people get another message\n"
    );
    // Spelling is no change.
    assert_eq!(plan(&[("priority: 100 ", "priority: 100")], &[]).code, 0);
}

#[test]
fn changes_are_2_and_said() {
    let edits = [
        ("user.spend90d > 200.0", "user.spend90d > 275.0"),
        ("New since your last visit", "What is new since you were here"),
        ("  - {moduleRef: {name: hero}, audiences: [cart-abandoner]}\n", ""),
    ];
    let run = plan(&edits, &["--contexts", "people.ndjson"]);
    assert_eq!((run.code, run.stderr.as_str()), (2, ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn gives_changes_as_data() {
    let run = plan(
        &[("user.spend90d > 200.0", "user.spend90d > 275.0")],
        &["--contexts", "people.ndjson", "-o", "json"],
    );
    assert_eq!(run.code, 2);
    let value = run.json();
    assert_eq!(value["changes"], true);
    assert_eq!(value["people"]["sampled"], 4);
    assert_eq!(value["changed"][0]["what"][0], "who its audiences are");
    assert_eq!(value["channels"], serde_json::json!(["shop/email", "shop/web"]));
}

#[test]
fn what_cannot_be_read_is_1() {
    let run = plan(&[], &["--contexts", "nowhere.ndjson"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("cannot open `nowhere.ndjson`"),
        "{}",
        run.stderr
    );
    let folder = Folder::example(&[]).with("people.ndjson", "{\"targetingKey\": \"u1\"}\n{oops\n");
    let run = folder.attune(&[
        "plan",
        "-f",
        "strategy.yaml",
        "--against",
        "strategy.yaml",
        "--contexts",
        "people.ndjson",
        AT[0],
        AT[1],
    ]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("line 2 of `people.ndjson` is no context"),
        "{}",
        run.stderr
    );
    let run = folder.attune(&[
        "plan",
        "-f",
        "strategy.yaml",
        "--against",
        "gone.yaml",
        AT[0],
        AT[1],
    ]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    let run = folder.attune(&["plan", "--wrong"]);
    assert_eq!(run.code, 1, "2 would say that something changes");
}
