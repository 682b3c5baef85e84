//! `attune lint` over several files: a finding that takes several objects to make stands where its own text is.

use serde_json::{Value, json};

use crate::folder::{EXAMPLE, Folder, edited, line_of};

/// The example, one file a document, and the texts by file name.
fn split(text: &str) -> (Folder, Vec<(String, String)>) {
    let mut folder = Folder::new();
    let mut files = Vec::new();
    for (index, document) in text.split("---\n").enumerate() {
        let kind = document
            .lines()
            .find_map(|line| line.strip_prefix("kind: "))
            .expect("a kind");
        let name = format!("{index:02}-{}.yaml", kind.to_lowercase());
        folder = folder.with(&name, document);
        files.push((name, document.to_owned()));
    }
    (folder, files)
}

/// File, line, column and reason of every finding.
fn places(report: &Value) -> Vec<(String, usize, usize, String)> {
    let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("small");
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|finding| {
            (
                finding["file"].as_str().expect("a file").to_owned(),
                number(&finding["line"]),
                number(&finding["column"]),
                finding["reason"].as_str().expect("a reason").to_owned(),
            )
        })
        .collect()
}

/// Where a piece of text stands.
fn place(
    files: &[(String, String)],
    holds: &str,
    piece: &str,
    reason: &str,
) -> (String, usize, usize, String) {
    let (name, text) = files
        .iter()
        .find(|(_, text)| text.contains(holds))
        .expect("a document");
    let line = line_of(text, piece);
    let written = text.lines().nth(line - 1).expect("a line");
    let column = written.find(piece).expect("on one line") + 1;
    (format!("./{name}"), line, column, reason.to_owned())
}

#[test]
fn many_files_are_as_clean_as_one() {
    let report = split(&EXAMPLE).0.findings();
    assert_eq!(
        report["summary"],
        json!({"errors": 0, "warnings": 0, "resources": 15, "skipped": 0})
    );
}

#[test]
fn a_dangling_reference_stands_in_the_file_that_refers() {
    let text = edited(&[(
        "programRef: {name: spring-retention}\n  hypothesis",
        "programRef: {name: sprung-retention}\n  hypothesis",
    )]);
    let (folder, files) = split(&text);
    let found = places(&folder.findings());
    assert_eq!(
        found[0],
        place(&files, "kind: Experiment", "sprung-retention", "RefNotFound")
    );
    assert!(found.iter().all(|(file, ..)| *file == found[0].0), "{found:#?}");
}

#[test]
fn a_slot_contract_stands_at_the_variant_that_breaks_it() {
    let long = "Early access for you and for everybody else who ever bought something here";
    let (folder, files) = split(&edited(&[("Early access for you", long)]));
    let found = places(&folder.findings());
    assert!(
        found.contains(&place(&files, "kind: ContentModule", long, "SlotContract")),
        "{found:#?}"
    );
}

#[test]
fn a_conflict_names_the_winner_and_stands_in_the_binding() {
    let second = "---\napiVersion: attune.dev/v1alpha1\nkind: ChannelBinding\nmetadata: {name: a-rival, namespace: shop}\nspec:\n  \
                  programRef: {name: spring-retention}\n  channelRef: {name: web}\n  touchpoint: home-hero\n  priority: 100\n  \
                  candidates:\n  - {moduleRef: {name: hero}, audiences: [lapsed]}\n  rollout: {shareBp: 10000}\n  exposure: OnRender\n";
    let (folder, files) = split(&format!("{}{second}", *EXAMPLE));
    let report = folder.findings();
    let conflicted: Vec<_> = places(&report)
        .into_iter()
        .filter(|(.., reason)| reason == "Conflicted")
        .map(|(file, ..)| file)
        .collect();
    let file_of = |holds: &str| {
        format!(
            "./{}",
            files
                .iter()
                .find(|(_, text)| text.contains(holds))
                .expect("a file")
                .0
        )
    };
    let (first, rival) = (
        file_of("name: retention-home-hero, namespace"),
        file_of("name: a-rival"),
    );
    assert!(!conflicted.is_empty(), "{report:#}");
    assert!(
        conflicted.iter().all(|file| *file == first || *file == rival),
        "{report:#}"
    );
    let message = report["findings"][0]["message"].as_str().expect("a message");
    assert!(message.contains("a-rival"), "the winner is named: {message}");
}

#[test]
fn an_expression_in_a_block_is_placed_on_its_own_line() {
    let text = edited(&[(
        "match: session.cartValue >= 50.0 && session.itemCount > 0",
        "match: >-\n    session.cartValue >= 50.0 &&\n    session.itemCont > 0",
    )]);
    let (folder, files) = split(&text);
    assert_eq!(
        places(&folder.findings()),
        [place(
            &files,
            "name: cart-abandoner, namespace",
            "session.itemCont",
            "UnknownAttribute"
        )]
    );
}
