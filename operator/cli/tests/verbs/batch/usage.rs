//! What is asked for, and what cannot be.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::people::people;
use super::{batch, folder, lines, nameless};
use crate::folder::AT;

#[test]
fn units_stream_from_standard_input_to_standard_output() {
    let (_, contexts) = people(50);
    let folder = folder();
    let asked = [
        "batch",
        "-f",
        "strategy.yaml",
        "--channel",
        "web",
        "--touchpoint",
        "home-hero",
        "--units",
        "-",
        "--out",
        "-",
    ];
    let run = folder.attune_reading(&[&asked[..], &AT, &["--format", "ndjson"]].concat(), &contexts);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 50);
    assert!(run.stderr.contains("50 units, 50 decisions"), "{}", run.stderr);
}

#[test]
fn decisions_take_no_place_of_the_units_and_no_packed_name() {
    let (table, _) = people(5);
    let folder = folder().with("people.csv", &table);
    for (out, said) in [
        ("./people.csv", "`./people.csv` is the file of the units"),
        ("out.csv.gz", "decisions are not packed"),
    ] {
        let run = batch(&folder, "people.csv", out, &[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    let stands = std::fs::read_to_string(folder.path("people.csv")).expect("the units");
    assert_eq!(stands, table);
}

#[test]
fn packed_units_are_unpacked_and_a_bundle_serves_as_well_as_resources() {
    let (table, _) = people(100);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(table.as_bytes()).expect("packed");
    let folder = folder()
        .with("people.csv", table)
        .with("packed.csv.gz", packed.finish().expect("packed"));
    let bundle = bundle(&folder);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&bundle).expect("packed");
    let folder = folder.with("bundle.json.gz", packed.finish().expect("packed"));
    assert_eq!(batch(&folder, "people.csv", "plain.ndjson", &[]).code, 0);
    let asked = [
        "batch",
        "--bundle",
        "bundle.json.gz",
        "--units",
        "packed.csv.gz",
        "--out",
        "packed.ndjson",
    ];
    let run = folder.attune(&[&asked[..], &AT].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let decided = |name| lines(&folder, name).into_iter().map(nameless).collect::<Vec<_>>();
    assert_eq!(decided("plain.ndjson"), decided("packed.ndjson"));
}

/// The bundle of the folder's Channel `web`.
fn bundle(folder: &crate::folder::Folder) -> Vec<u8> {
    let at = AT[1].parse().expect("an instant");
    let source = attune::cli::SourceArgs {
        paths: vec![folder.path("strategy.yaml")],
        namespace: None,
        at: Some(at),
    };
    let index = attune::strategy::Strategy::load(&source)
        .expect("resources")
        .settle(at);
    let web = index.publications().find(|(_, channel, _)| *channel == "web");
    web.expect("a channel").2.bundle.canonical().expect("a bundle")
}

#[test]
fn several_touchpoints_are_decided_for_each_unit_and_counted_each() {
    let more = "  touchpoints:\n  - name: footer\n    slots:\n    - {name: headline, maxLength: 40, required: true}\n    baseline: {moduleRef: {name: hero}}\n";
    let folder = crate::folder::Folder::example(&[(
        "  locales: [en, de]\n  touchpoints:\n",
        &format!("  locales: [en, de]\n{more}"),
    )])
    .with("people.ndjson", people(40).1);
    let run = batch(&folder, "people.ndjson", "out.ndjson", &["--summary", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let summary: Value = serde_json::from_str(run.stderr.trim()).expect("a summary");
    assert_eq!(
        (&summary["units"], &summary["decisions"]),
        (&json!(40), &json!(80))
    );
    let rows = lines(&folder, "out.ndjson");
    for pair in rows.chunks(2) {
        let touchpoints: Vec<_> = pair.iter().map(|row| row["touchpoint"].clone()).collect();
        assert_eq!(
            (touchpoints, &pair[0]["unit"]),
            (vec![json!("footer"), json!("home-hero")], &pair[1]["unit"])
        );
    }
    let counted = |touchpoint: &str, field: &str| -> u64 {
        let counts = summary["touchpoints"][touchpoint][field]
            .as_object()
            .expect("counts");
        counts.values().filter_map(Value::as_u64).sum()
    };
    assert_eq!(
        (counted("footer", "reasons"), counted("home-hero", "reasons")),
        (40, 40)
    );
    assert!(counted("home-hero", "audiences") > 0, "{summary}");
}

#[test]
fn says_what_is_wrong_with_what_is_asked() {
    let folder = folder()
        .with("people.csv", "id,user.tier\nu1,gold\n")
        .with("twice.csv", "targetingKey,targetingKey\n");
    for (units, out, more, wanted) in [
        (
            "people.csv",
            "out.csv",
            &[][..],
            "no column is called `targetingKey`",
        ),
        ("twice.csv", "out.csv", &[], "column `targetingKey` stands twice"),
        ("people.csv", "out.txt", &[], "--format"),
        ("nobody.csv", "out.csv", &[], "cannot open `nobody.csv`"),
        (
            "people.csv",
            "out.csv",
            &["--touchpoint", "heros"],
            "touchpoint `heros` is not declared by channel `web`",
        ),
        (
            "people.csv",
            "-",
            &["--resume", "--format", "csv"],
            "--resume needs a file",
        ),
    ] {
        let run = batch(&folder, units, out, more);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(wanted), "{wanted}: {}", run.stderr);
    }
}

#[test]
fn a_report_has_the_counts_or_why_there_are_none() {
    let folder = folder().with("people.ndjson", people(30).1);
    assert_eq!(
        batch(
            &folder,
            "people.ndjson",
            "out.ndjson",
            &["--report", "report.json"]
        )
        .code,
        0
    );
    let report = &lines(&folder, "report.json")[0];
    assert_eq!(
        (
            &report["succeeded"],
            &report["units"],
            &report["decisions"],
            &report["rejected"]
        ),
        (&json!(true), &json!(30), &json!(30), &json!(0))
    );
    assert_eq!(
        batch(
            &folder,
            "nobody.ndjson",
            "out.ndjson",
            &["--report", "report.json"]
        )
        .code,
        2
    );
    let report = &lines(&folder, "report.json")[0];
    assert_eq!(report["succeeded"], json!(false));
    assert!(
        report["error"]
            .as_str()
            .is_some_and(|error| error.contains("cannot open `nobody.ndjson`"))
    );
}
