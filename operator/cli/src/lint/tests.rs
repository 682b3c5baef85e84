use std::path::Path;

use attune_api::conditions::Reason;
use attune_api::{Kind, Resource};
use attune_compile::finding::{Finding, ObjectId, Severity};

use super::{LintReport, Read};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Source, load, load_text};

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

fn read(text: &str) -> Read {
    Read::new(load_text(Source::new("m.yaml", text), "default"))
}

fn of_text(text: &str) -> LintReport {
    read(text).report(Vec::new())
}

fn finding(object: &ObjectId, severity: Severity, field: &str, offset: Option<usize>) -> Finding {
    Finding {
        object: object.clone(),
        severity,
        reason: Reason::TypeMismatch,
        field: field.to_owned(),
        message: "m".to_owned(),
        offset,
        suggestion: None,
    }
}

fn names<'r>(resources: impl Iterator<Item = &'r Resource>) -> Vec<&'r str> {
    resources.map(Resource::name).collect()
}

#[test]
fn the_example_strategy_is_clean_and_accepted_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/strategy/strategy.yaml");
    let read = Read::new(load(&[path], "default").expect("readable"));
    let kinds: Vec<_> = read.accepted().map(Resource::kind).collect();
    assert!(
        Kind::ALL.iter().all(|kind| kinds.contains(kind)),
        "one of each kind: {kinds:?}"
    );
    let accepted = kinds.len();
    let report = read.report(Vec::new());
    let found: Vec<_> = report
        .diagnostics
        .iter()
        .map(|found| (found.about(), &found.message))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!((report.resources, report.exit_code()), (accepted, 0));
}

#[test]
fn findings_about_all_objects_get_their_place_and_the_character_in_an_expression() {
    let object = ObjectId {
        kind: Kind::Metric,
        namespace: "shop".to_owned(),
        name: "purchases".to_owned(),
    };
    let report = read(METRIC).report(vec![
        finding(&object, Severity::Warning, "spec.event.where", Some(8)),
        finding(&object, Severity::Warning, "spec.event.where", None),
        finding(&object, Severity::Warning, "spec.owner", None),
    ]);
    let start = |found: &Diagnostic| found.place.as_ref().expect("a place").span.start.to_string();
    assert_eq!(
        report.diagnostics.iter().map(start).collect::<Vec<_>>(),
        ["5:10", "8:34", "8:42"]
    );
    assert_eq!(
        (report.errors(), report.warnings(), report.exit_code()),
        (0, 3, 0),
        "warnings alone pass"
    );
}

#[test]
fn a_finding_about_an_object_of_no_input_comes_last_and_without_a_place() {
    let object = ObjectId {
        kind: Kind::GovernancePolicy,
        namespace: String::new(),
        name: "default".to_owned(),
    };
    let text = METRIC.replace("direction: Increase", "direction: Sideways");
    let report = read(&text).report(vec![finding(&object, Severity::Error, "spec", None)]);
    let placed: Vec<_> = report
        .diagnostics
        .iter()
        .map(|found| found.place.is_some())
        .collect();
    assert_eq!(placed, [true, false]);
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn duplicates_and_what_does_not_decode_are_kept_from_the_checks() {
    let broken = METRIC
        .replace("purchases", "other")
        .replace("Business", "Busines");
    let read = read(&format!("{METRIC}---\n{METRIC}---\n{broken}"));
    assert_eq!(names(read.readable()), ["purchases"]);
    let report = read.report(Vec::new());
    let reasons: Vec<_> = report.diagnostics.iter().map(|found| found.reason).collect();
    assert_eq!(
        reasons,
        [Reason::Duplicate, Reason::InvalidField],
        "the schema speaks, not the decoder after it"
    );
    assert_eq!(report.resources, 3);
}

#[test]
fn what_a_server_would_refuse_is_readable_but_not_accepted() {
    let read = read(&METRIC.replace("  direction", "  colour: red\n  direction"));
    assert_eq!(names(read.readable()), ["purchases"]);
    assert_eq!(names(read.accepted()), [""; 0]);
}

#[test]
fn an_alias_repeats_no_finding() {
    let list = "kind: List\napiVersion: v1\nitems:\n\
                - &m {apiVersion: attune.dev/v1, kind: Metric, metadata: {name: a}}\n- *m\n";
    assert_eq!(of_text(list).errors(), 1);
}
