use std::path::{Path, PathBuf};

use attune_api::Kind;
use attune_api::conditions::Reason;
use attune_compile::finding::{Finding, ObjectId, Severity};
use jiff::Timestamp;

use super::{LintOptions, LintReport, lint, lint_loaded};
use crate::manifest::{LoadError, Source, load_text};

fn at() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().expect("an instant")
}

fn options() -> LintOptions {
    LintOptions {
        namespace: "default".to_owned(),
        at: at(),
    }
}

fn of_text(text: &str) -> LintReport {
    lint_loaded(
        load_text(Source::new("test.yaml", text), "default"),
        at(),
        |_, _| Vec::new(),
    )
}

fn strategy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/strategy/strategy.yaml")
}

const METRIC: &str = "\
apiVersion: attune.dev/v1alpha1
kind: Metric
metadata: {name: purchases, namespace: shop}
spec:
  owner: {group: analytics, contact: analytics@shop.example}
  dimension: Business
  type: Proportion
  event: {name: purchase, where: value > 10.0}
  window: 168h
  direction: Increase
";

#[test]
fn the_example_strategy_is_clean_and_reaches_the_check_whole() {
    let mut seen = Vec::new();
    let report = lint(&[strategy()], &options(), |resources, at| {
        assert_eq!(at.to_string(), "2026-12-01T00:00:00Z");
        seen = resources.iter().map(attune_api::Resource::kind).collect();
        Vec::new()
    })
    .expect("readable");
    let found: Vec<_> = report
        .diagnostics
        .iter()
        .map(|d| format!("{} {} {}", d.about(), d.reason, d.message))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(report.resources, seen.len());
    assert!(
        Kind::ALL.iter().all(|kind| seen.contains(kind)),
        "one of each kind: {seen:?}"
    );
    assert_eq!(report.exit_code(), 0);
}

#[test]
fn findings_of_the_check_get_their_place_and_the_character_in_an_expression() {
    let loaded = load_text(Source::new("m.yaml", METRIC), "default");
    let report = lint_loaded(loaded, at(), |resources, _| {
        assert_eq!(resources.len(), 1);
        let object = ObjectId {
            kind: Kind::Metric,
            namespace: "shop".to_owned(),
            name: "purchases".to_owned(),
        };
        let finding = |severity, field: &str, offset| Finding {
            object: object.clone(),
            severity,
            reason: Reason::TypeMismatch,
            field: field.to_owned(),
            message: "m".to_owned(),
            offset,
            suggestion: None,
        };
        vec![
            finding(Severity::Warning, "spec.event.where", Some(8)),
            finding(Severity::Warning, "spec.event.where", None),
            finding(Severity::Warning, "spec.owner", None),
        ]
    });
    let places: Vec<_> = report
        .diagnostics
        .iter()
        .map(|d| d.place.as_ref().expect("a place").span.start.to_string())
        .collect();
    assert_eq!(places, ["5:10", "8:34", "8:42"]);
    assert_eq!(
        (report.errors(), report.warnings(), report.exit_code()),
        (0, 3, 0),
        "warnings alone pass"
    );
}

#[test]
fn a_finding_about_an_object_of_no_input_comes_last_and_without_a_place() {
    let loaded = load_text(Source::new("m.yaml", METRIC), "default");
    let report = lint_loaded(loaded, at(), |_, _| {
        vec![Finding {
            object: ObjectId {
                kind: Kind::GovernancePolicy,
                namespace: String::new(),
                name: "default".to_owned(),
            },
            severity: Severity::Error,
            reason: Reason::HoldoutMissing,
            field: "spec".to_owned(),
            message: "m".to_owned(),
            offset: None,
            suggestion: None,
        }]
    });
    assert!(report.diagnostics.last().is_some_and(|last| last.place.is_none()));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn duplicates_and_what_does_not_decode_are_kept_from_the_check() {
    let text = format!(
        "{METRIC}---\n{METRIC}---\n{}",
        METRIC
            .replace("purchases", "other")
            .replace("Business", "Busines")
    );
    let mut names = Vec::new();
    let report = lint_loaded(
        load_text(Source::new("m.yaml", text), "default"),
        at(),
        |resources, _| {
            names = resources
                .iter()
                .map(|resource| resource.name().to_owned())
                .collect();
            Vec::new()
        },
    );
    assert_eq!(names, ["purchases"]);
    let reasons: Vec<_> = report.diagnostics.iter().map(|d| d.reason).collect();
    assert_eq!(
        reasons,
        [Reason::Duplicate, Reason::InvalidField],
        "the schema speaks, not the decoder after it"
    );
    assert_eq!(report.resources, 3);
}

#[test]
fn an_alias_repeats_no_finding() {
    let text = METRIC
        .replace("dimension: Business", "dimension: &d Busines")
        .replace("direction: Increase", "direction: *d");
    let report = of_text(&text);
    assert_eq!(report.errors(), 2, "two fields, two messages, one place");
    let list = "kind: List\napiVersion: v1\nitems:\n- &m {apiVersion: attune.dev/v1, kind: Metric, metadata: {name: a}}\n- *m\n";
    assert_eq!(of_text(list).errors(), 1);
}

#[test]
fn unreadable_input_is_no_report() {
    let missing = PathBuf::from("no/such/file.yaml");
    assert!(matches!(
        lint(&[missing], &options(), |_, _| Vec::new()),
        Err(LoadError::ReadFile { .. })
    ));
}
