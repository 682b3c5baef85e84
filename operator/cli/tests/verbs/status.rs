//! `attune status -f`.

use crate::folder::{AT, Folder};

/// The cells of the row of an object, those that are empty left out.
fn row(stdout: &str, object: &str) -> Vec<String> {
    let line = stdout
        .lines()
        .find(|line| line.split_whitespace().any(|cell| cell == object))
        .unwrap_or_else(|| panic!("no row of {object} in\n{stdout}"));
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn prints_a_table_of_every_kind_as_kubectl_does() {
    let run = Folder::example(&[]).attune(&["status", "-f", ".", AT[0], AT[1]]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let (tables, rules) = run
        .stdout
        .rsplit_once("\n\n")
        .expect("tables, then a line about rules");
    assert_eq!(rules, "rules: 3 declared, 3 live\n");
    assert_eq!(tables.split("\n\n").count(), 10, "a table a kind: {}", run.stdout);
    assert_eq!(
        row(&run.stdout, "experiment.attune.dev/cart-hero")[..5],
        [
            "shop",
            "experiment.attune.dev/cart-hero",
            "analytics",
            "Running",
            "True"
        ]
    );
    let binding = row(&run.stdout, "channelbinding.attune.dev/retention-home-hero");
    assert!(
        binding.contains(&"9500".to_owned()),
        "5 % are held out: {binding:?}"
    );
    let policy = row(&run.stdout, "governancepolicy.attune.dev/default");
    assert_eq!(
        policy[0], "governancepolicy.attune.dev/default",
        "of no namespace"
    );
    for table in tables.split("\n\n") {
        let header = table.lines().next().expect("a header");
        let ready = header.find("READY").expect("a column");
        for line in table.lines().skip(1) {
            let cell: String = line.chars().skip(ready).take(4).collect();
            assert_eq!(cell, "True", "{line}");
        }
    }
}

#[test]
fn wide_shows_more_columns() {
    let folder = Folder::example(&[]);
    let narrow = folder.attune(&["status", "-f", ".", AT[0], AT[1]]).stdout;
    let wide = folder
        .attune(&["status", "-f", ".", AT[0], AT[1], "--wide"])
        .stdout;
    for title in ["REVISION", "RECOMMENDATION", "ENDPOINT", "UNTIL"] {
        assert!(!narrow.contains(title), "{narrow}");
        assert!(wide.contains(title), "{wide}");
    }
}

#[test]
fn says_what_is_wrong_and_with_whom() {
    let folder = Folder::example(&[("match: user.tier in", "match: usr.tier in")]);
    let run = folder.attune(&["status", "-f", ".", AT[0], AT[1]]);
    assert_eq!(run.code, 0, "status tells, lint judges: {}", run.stderr);
    assert_eq!(
        row(&run.stdout, "audience.attune.dev/loyal-high-value")[4..6],
        ["False", "UnknownAttribute"]
    );
    assert_eq!(
        row(&run.stdout, "channelbinding.attune.dev/retention-home-hero")[5..7],
        ["False", "RefInvalid"]
    );
}

#[test]
fn tells_that_some_were_not_taken() {
    let folder = Folder::example(&[("locales: [en, de]", "locales: [en, no]")]);
    let run = folder.attune(&["status", "-f", ".", AT[0], AT[1]]);
    assert_eq!(run.code, 0);
    assert_eq!(
        run.stderr,
        "attune: 1 error, see `attune lint`; this goes on with what is sound\n"
    );
    assert!(!run.stdout.contains("channel.attune.dev/web"), "{}", run.stdout);
}

#[test]
fn a_server_that_does_not_answer_is_2() {
    let folder = Folder::new();
    let run = folder.attune(&["status", "--server", "http://127.0.0.1:1"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr
            .starts_with("attune: http://127.0.0.1:1/status does not answer"),
        "{}",
        run.stderr
    );
    let run = folder.attune(&["status", "--server", "not a url"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}
