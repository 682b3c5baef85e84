//! `attune lint`: what it says, in which form, and its exit codes.

use serde_json::{Value, json};

use crate::folder::{AT, EXAMPLE, Folder, edited};

/// One finding of everything in the example with some edits.
fn only(edits: &[(&str, &str)]) -> Value {
    let report = Folder::example(edits).findings();
    let findings = report["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{report:#}");
    findings[0].clone()
}

/// Reason, field and message of every finding.
fn told(report: &Value) -> Vec<(String, String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|finding| {
            (
                text(finding, "reason"),
                text(finding, "field"),
                text(finding, "message"),
            )
        })
        .collect()
}

#[test]
fn the_example_is_clean_in_every_format() {
    let folder = Folder::example(&[]);
    let formats = [
        ("text", "15 resources, no findings\n"),
        ("github", ""),
        (
            "json",
            "{\n  \"findings\": [],\n  \"summary\": {\n    \"errors\": 0,\n    \"warnings\": 0,\n    \"resources\": 15,\n    \"skipped\": 0\n  }\n}\n",
        ),
    ];
    for (format, expected) in formats {
        let run = folder.attune(&["lint", "-f", "strategy.yaml", AT[0], AT[1], "-o", format]);
        assert_eq!(
            (run.code, run.stdout.as_str(), run.stderr.as_str()),
            (0, expected, "")
        );
    }
}

#[test]
fn judges_at_the_instant_that_it_is_given() {
    let folder = Folder::example(&[]);
    let at = |instant| {
        let run = folder.attune(&["lint", "-f", ".", "--at", instant]);
        let heads = run
            .stdout
            .lines()
            .filter(|line| line.starts_with("warning["))
            .map(str::to_owned);
        (run.code, heads.collect::<Vec<_>>(), run.stdout)
    };
    let ended = "warning[Ended]: the schedule ended at 2027-02-15T00:00:00Z, so that everybody gets control: stop the experiment";
    let (code, heads, stdout) = at("2027-02-15T00:00:00Z");
    assert_eq!((code, heads), (0, vec![ended.to_owned()]), "warnings alone pass");
    assert!(stdout.ends_with("15 resources, 1 warning\n"), "{stdout}");
    let expired = "warning[Expired]: variant `lapsed` expired at 2027-06-30T00:00:00Z and is not shown: renew or remove it";
    let (code, heads, _) = at("2027-06-30T00:00:00Z");
    assert_eq!(
        (code, heads.contains(&expired.to_owned())),
        (0, true),
        "{heads:#?}"
    );
}

#[test]
fn shows_an_expression_with_the_caret_under_the_attribute_and_a_suggestion() {
    let folder = Folder::example(&[("match: user.tier in", "match: usr.tier in")]);
    let run = folder.lint();
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout,
        "\
error[UnknownAttribute]: attribute `usr.tier` is not declared: correct the name or declare it in a DataContract
  --> ./strategy.yaml:52:10
   |
52 |   match: usr.tier in [\"gold\", \"platinum\"] && user.spend90d > 200.0
   |          ^^^^^^^^
   = in Audience shop/loyal-high-value, spec.match
   = help: did you mean `user.tier`?

15 resources, 1 error
"
    );
}

#[test]
fn gives_a_finding_as_data_with_exactly_these_fields() {
    let finding = only(&[("match: user.tier in", "match: usr.tier in")]);
    assert_eq!(
        finding,
        json!({
            "severity": "error", "reason": "UnknownAttribute", "kind": "Audience", "namespace": "shop",
            "name": "loyal-high-value", "field": "spec.match", "file": "./strategy.yaml", "line": 52, "column": 10,
            "message": "attribute `usr.tier` is not declared: correct the name or declare it in a DataContract; \
                        did you mean `user.tier`?",
        })
    );
}

#[test]
fn gives_a_finding_to_github_as_a_workflow_command() {
    let folder = Folder::example(&[("match: user.tier in", "match: usr.tier in")]);
    let run = folder.attune(&["lint", "-f", "strategy.yaml", AT[0], AT[1], "-o", "github"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout,
        "::error file=strategy.yaml,line=52,col=10,title=UnknownAttribute%3A Audience shop/loyal-high-value%2C \
         spec.match::attribute `usr.tier` is not declared: correct the name or declare it in a DataContract; \
         did you mean `user.tier`?\n"
    );
}

#[test]
fn places_mistakes_of_an_expression_at_their_character() {
    let folder = Folder::example(&[(
        r#"user.tier in ["gold", "platinum"] && user.spend90d > 200.0"#,
        r#"user.tier in ["glod", "platinum"] && user.spend90d > "much""#,
    )]);
    let stdout = folder.lint().stdout;
    let source = r#"52 |   match: user.tier in ["glod", "platinum"] && user.spend90d > "much""#;
    let at_value = "   |                        ^^^^^^\n";
    let at_operator = "   |                                                             ^\n";
    assert_eq!(stdout.matches(source).count(), 2, "{stdout}");
    assert!(stdout.contains(&format!("{source}\n{at_value}")), "{stdout}");
    assert!(stdout.contains(&format!("{source}\n{at_operator}")), "{stdout}");
    assert!(stdout.contains("did you mean `gold`?"), "{stdout}");
}

#[test]
fn explains_an_unquoted_no_and_blames_nobody_who_refers_to_it() {
    let finding = only(&[("locales: [en, de]", "locales: [en, no]")]);
    assert_eq!(
        (&finding["reason"], &finding["field"], &finding["message"]),
        (
            &json!("AmbiguousScalar"),
            &json!("spec.locales[1]"),
            &json!("`no` is read as the boolean false; quote it: \"no\"")
        )
    );
    assert_eq!((&finding["line"], &finding["column"]), (&json!(126), &json!(17)));
}

#[test]
fn suggests_kinds_and_fields() {
    let kind = Folder::new()
        .with(
            "a.yaml",
            "apiVersion: attune.dev/v1alpha1\nkind: Audiense\nmetadata: {name: a}\n",
        )
        .findings();
    assert_eq!(
        told(&kind),
        [(
            "UnknownKind".to_owned(),
            "kind".to_owned(),
            "`Audiense` is not a kind of attune.dev; did you mean `Audience`?".to_owned()
        )]
    );
    let field = only(&[(
        "  rollout: {shareBp: 10000}             #",
        "  rolout: {shareBp: 10000}             #",
    )]);
    assert_eq!(
        field["message"],
        "there is no field `rolout` here; did you mean `rollout`?"
    );
}

#[test]
fn finds_duplicate_keys_and_duplicate_objects() {
    let key = only(&[("  stage: Loyalty ", "  stage: Retention\n  stage: Loyalty ")]);
    assert_eq!(
        (&key["reason"], &key["line"], &key["column"]),
        (&json!("DuplicateKey"), &json!(48), &json!(3)),
        "{key:#}"
    );
    let metric = "---\napiVersion: attune.dev/v1alpha1\nkind: Metric\nmetadata: {name: unsubscribe, namespace: shop}\n";
    let spec = "spec: {owner: {group: a, contact: b}, dimension: Business, type: Count, event: {name: x}, window: 1h, direction: Increase}\n";
    let twice = Folder::example(&[])
        .with("z.yaml", format!("{metric}{spec}"))
        .findings();
    assert_eq!(
        told(&twice),
        [(
            "Duplicate".to_owned(),
            "metadata.name".to_owned(),
            "`Metric/shop/unsubscribe` is defined twice, first at ./strategy.yaml:203:18; keep one"
                .to_owned()
        )]
    );
}

#[test]
fn a_bomb_is_a_finding_and_takes_no_time() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
    }
    let started = std::time::Instant::now();
    let folder = Folder::example(&[]).with("bomb.yaml", bomb);
    let report = folder.findings();
    assert_eq!(report["findings"][0]["reason"], "InvalidSyntax", "{report:#}");
    assert_eq!(
        report["summary"],
        json!({"errors": 1, "warnings": 0, "resources": 15, "skipped": 0})
    );
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn passes_over_other_groups_and_counts_them() {
    let other =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: apps/v1\nkind: Deployment\n";
    let folder = Folder::example(&[]).with("other.yaml", other);
    let run = folder.lint();
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (
            0,
            "15 resources, no findings; 2 documents of other groups passed over\n"
        )
    );
    assert_eq!(folder.findings()["summary"]["skipped"], 2);
}

#[test]
fn input_that_cannot_be_read_is_2_and_says_which() {
    let folder = Folder::example(&[]).with("empty/.hidden.yaml", "");
    let table = [
        (vec!["-f", "nowhere.yaml"], "attune: cannot read `nowhere.yaml`: "),
        (
            vec!["-f", "strategy.yaml", "-f", "nowhere.yaml"],
            "attune: cannot read `nowhere.yaml`: ",
        ),
        (
            vec!["-f", "empty"],
            "attune: no *.yaml, *.yml or *.json below `empty`\n",
        ),
    ];
    for (paths, expected) in table {
        let run = folder.attune(&[&["lint"][..], &paths].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{paths:?}");
        assert!(run.stderr.starts_with(expected), "{}", run.stderr);
    }
}

#[test]
fn reads_standard_input_directories_and_several_paths() {
    let (head, tail) = EXAMPLE.split_at(
        EXAMPLE
            .find("---\napiVersion: attune.dev/v1alpha1\nkind: Metric")
            .expect("a metric"),
    );
    let folder = Folder::new()
        .with("one/a.yaml", head)
        .with("one/deep/b.yml", tail)
        .with("one/README.md", "no manifest");
    let clean = "15 resources, no findings\n";
    let runs = [
        folder.attune(&["lint", "-f", "one", AT[0], AT[1]]),
        folder.attune(&["lint", "-f", "one/a.yaml", "-f", "one/deep/b.yml", AT[0], AT[1]]),
        folder.attune(&["lint", "-f", "one/a.yaml", "one/deep", AT[0], AT[1]]),
        folder.attune_reading(&["lint", "-f", "-", AT[0], AT[1]], &EXAMPLE),
        folder.attune_reading(&["lint", "-f", "-", "-f", "one/a.yaml", AT[0], AT[1]], tail),
    ];
    for run in runs {
        assert_eq!((run.code, run.stdout.as_str()), (0, clean), "{}", run.stderr);
    }
    let broken = edited(&[("match: user.tier in", "match: usr.tier in")]);
    let run = folder.attune_reading(&["lint", "-f", "-", AT[0], AT[1]], &broken);
    assert!(run.stdout.contains("--> <stdin>:52:10\n"), "{}", run.stdout);
    assert_eq!(run.code, 1);
}

#[test]
fn no_input_makes_it_crash() {
    let deep = vec![b'['; 20_000];
    let nasty: [(&str, &[u8]); 9] = [
        ("bytes.yaml", b"\xff\xfe\x00kind"),
        ("nul.yaml", b"kind: \0"),
        ("deep.yaml", &deep),
        (
            "open.yaml",
            b"apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: \"a",
        ),
        ("list.yaml", b"- 1\n- 2\n"),
        ("scalar.yaml", b"just words"),
        (
            "types.yaml",
            b"apiVersion: attune.dev/v1alpha1\nkind: Metric\nmetadata: {name: [1], namespace: 7}\nspec: 5\n",
        ),
        (
            "json.json",
            b"{\"apiVersion\": \"attune.dev/v1alpha1\", \"kind\": \"Program\", \"spec\": null}",
        ),
        (
            "version.yaml",
            b"apiVersion: attune.dev/v2\nkind: Program\nmetadata: {name: a}\n",
        ),
    ];
    for (name, bytes) in nasty {
        let run = Folder::new().with(name, bytes).lint();
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{name}: {}", run.stdout);
        assert!(run.stdout.contains(&format!("--> ./{name}:")), "{}", run.stdout);
    }
    let empty = Folder::new().with("empty.yaml", "").lint();
    assert_eq!(
        (empty.code, empty.stdout.as_str()),
        (0, "0 resources, no findings\n")
    );
}
