//! `attune approve` and `attune decay`.

use crate::folder::{AT, Folder};

const BOUND: (&str, &str) = ("bindToContent: false", "bindToContent: true");

fn approve(folder: &Folder, variant: &str) -> crate::folder::Run {
    let who = ["--by", "ann", "--at", "2026-11-20T08:00:00Z"];
    let what = [
        "approve",
        "-f",
        "strategy.yaml",
        "--module",
        "hero",
        "--variant",
        variant,
    ];
    folder.attune(&[&what[..], &who].concat())
}

#[test]
fn approving_every_variant_makes_a_policy_that_binds_to_content_silent() {
    let folder = Folder::example(&[BOUND]);
    let before = folder.findings();
    assert_eq!(before["summary"]["warnings"], 4, "{before:#}");
    assert_eq!(before["findings"][0]["reason"], "ApprovalOutdated");
    for variant in ["loyal", "lapsed", "cart", "cart-de"] {
        let run = approve(&folder, variant);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        assert!(
            run.stderr
                .contains(&format!("approved `hero/{variant}` as sha256:")),
            "{}",
            run.stderr
        );
    }
    let after = folder.findings();
    assert_eq!(after["summary"]["warnings"], 0, "{after:#}");
    let text = std::fs::read_to_string(folder.path("strategy.yaml")).expect("the file");
    assert!(
        text.contains("# the constant part, in every variant"),
        "comments stay"
    );
    std::fs::write(
        folder.path("strategy.yaml"),
        text.replace("Your cart is waiting", "Your cart waits"),
    )
    .expect("written");
    let reworded = folder.findings();
    assert_eq!(
        reworded["findings"][0]["reason"], "ApprovalOutdated",
        "{reworded:#}"
    );
    assert_eq!(
        reworded["findings"][0]["field"],
        "spec.variants[3].approval.contentHash"
    );
}

#[test]
fn approving_what_is_not_there_changes_nothing_and_says_so() {
    let folder = Folder::example(&[]);
    let before = std::fs::read_to_string(folder.path("strategy.yaml")).expect("the file");
    let run = approve(&folder, "nobody");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert_eq!(
        run.stderr,
        "attune: content module `hero` has no variant `nobody`: its variants are `everyone`, `loyal`, `lapsed`, `cart`, `cart-de`\n"
    );
    assert_eq!(
        std::fs::read_to_string(folder.path("strategy.yaml")).expect("the file"),
        before
    );
}

#[test]
fn approves_standard_input_onto_standard_output() {
    let folder = Folder::new();
    let arguments = [
        "approve",
        "-f",
        "-",
        "--module",
        "hero",
        "--variant",
        "loyal",
        "--by",
        "ann",
    ];
    let run = folder.attune_reading(&arguments, &crate::folder::EXAMPLE);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains(r#"approval: {by: "ann", at: ""#),
        "{}",
        run.stdout
    );
}

#[test]
fn looks_ahead_to_what_time_alone_makes_stale() {
    let folder = Folder::example(&[]);
    let decay = |date: &str| folder.attune(&["decay", "-f", "strategy.yaml", "--at", date]);
    let now = decay("2026-11-30");
    assert_eq!(
        (now.code, now.stdout.as_str()),
        (0, "15 resources, no findings\n")
    );
    let quarter = decay("2027-03-31");
    let heads: Vec<_> = quarter
        .stdout
        .lines()
        .filter_map(|line| line.split(':').next().filter(|head| head.starts_with("warning[")))
        .collect();
    assert_eq!(
        heads,
        [
            "warning[Expired]",
            "warning[ReviewOverdue]",
            "warning[ReviewOverdue]",
            "warning[ReviewOverdue]",
            "warning[ReviewOverdue]",
            "warning[Ended]",
        ],
        "{}",
        quarter.stdout
    );
    assert_eq!(
        decay("2027-04-01T00:00:00Z").stdout,
        quarter.stdout,
        "a day is over at midnight"
    );
    let wrong = decay("soon");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("`soon` is neither a day nor an instant"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn looks_ahead_as_data() {
    let folder = Folder::example(&[]);
    let run = folder.attune(&["decay", "-f", "strategy.yaml", "--at", "2027-06-30", "-o", "json"]);
    let report = run.json();
    let reasons: Vec<_> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| one["reason"].clone())
        .collect();
    assert!(reasons.contains(&"Expired".into()), "{reasons:?}");
    assert!(!reasons.contains(&"ExpiresSoon".into()), "{reasons:?}");
    let lint = folder.attune(&["lint", "-f", "strategy.yaml", AT[0], AT[1]]);
    assert_eq!(lint.stdout, "15 resources, no findings\n");
}
