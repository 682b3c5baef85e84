use std::ffi::OsStr;

use super::{LintFormat, render, wants_color};
use crate::lint::{LintReport, Read};
use crate::manifest::{Loaded, Source, load_text};

/// One of everything that changes how a finding looks.
const TEXT: &str = "\
apiVersion: attune.dev/v1alpha1
kind: Audience
metadata: {name: lapsed, namespace: shop}
spec:
  owner: {group: crm, contcat: crm@shop.example}
  description: Über alles.
  stage: retention
  insight:
    believes: off
    needs: b
\x20   shifts: c
  match: user.tier == 'gold'
  reach: {estimate: 012, asOf: 2026-11-01, source: crm}
  reviewBy: 100%
---
apiVersion: v1
kind: ConfigMap
---
kind: [
";

fn report(file: &str, text: &str) -> LintReport {
    Read::new(load_text(Source::new(file, text), "default")).report(Vec::new())
}

fn rendered(report: &LintReport, format: LintFormat, color: bool) -> String {
    render(report, format, color).expect("written")
}

#[test]
fn shows_findings_to_a_person() {
    insta::assert_snapshot!(rendered(
        &report("shop/lapsed.yaml", TEXT),
        LintFormat::Text,
        false
    ));
}

#[test]
fn colours_findings_on_request_and_otherwise_never() {
    let report = report("shop/lapsed.yaml", TEXT);
    let (plain, colored) = (
        rendered(&report, LintFormat::Text, false),
        rendered(&report, LintFormat::Text, true),
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(colored.contains("\u{1b}[1;31merror[UnknownField]\u{1b}[0m"));
    assert!(colored.contains("\u{1b}[1;33mwarning[AmbiguousScalar]\u{1b}[0m"));
    let mut stripped = colored;
    for code in ["\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[1;34m", "\u{1b}[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain, "colour changes nothing else");
}

#[test]
fn wants_colour_on_terminals_that_do_not_refuse_it() {
    assert!(wants_color(true, None));
    assert!(wants_color(true, Some(OsStr::new(""))));
    assert!(!wants_color(true, Some(OsStr::new("1"))));
    assert!(!wants_color(false, None));
}

#[test]
fn gives_findings_to_programs() {
    let text = rendered(&report("shop/lapsed.yaml", TEXT), LintFormat::Json, false);
    insta::assert_snapshot!(text);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["summary"]["skipped"], 1);
}

#[test]
fn gives_findings_to_github_with_its_escapes() {
    insta::assert_snapshot!(rendered(
        &report("shop, north:1/100%.yaml", TEXT),
        LintFormat::Github,
        false
    ));
}

#[test]
fn says_so_when_nothing_is_wrong() {
    let clean = Read::new(Loaded::default()).report(Vec::new());
    assert_eq!(
        rendered(&clean, LintFormat::Text, false),
        "0 resources, no findings\n"
    );
    assert_eq!(rendered(&clean, LintFormat::Github, false), "");
    assert_eq!(
        rendered(&clean, LintFormat::Json, false),
        "{\n  \"findings\": [],\n  \"summary\": {\n    \"errors\": 0,\n    \"warnings\": 0,\n    \"resources\": 0,\n    \"skipped\": 0\n  }\n}\n"
    );
}

#[test]
fn shows_a_window_of_a_long_line_and_no_escape_sequence_of_the_input() {
    let long = format!(
        "{{\"kind\": \"Audience\", \"x\": \"{}\", \"apiVersion\": 1, \"y\": \"{}\"}}",
        "a".repeat(500),
        "b".repeat(500)
    );
    let text = rendered(&report("x", &long), LintFormat::Text, false);
    assert!(text.lines().all(|line| line.chars().count() < 160), "{text}");
    assert!(text.contains("\"apiVersion\": 1, \"y\": \"bbb"));
    let lines: Vec<_> = text.lines().collect();
    let caret = lines[4]
        .chars()
        .position(|character| character == '^')
        .expect("a caret");
    assert_eq!(lines[3].chars().nth(caret), Some('1'), "{text}");
    let escaping = rendered(
        &report("a\u{1b}[2Jb", "kind: \"\u{1b}[31m\"\tx\n"),
        LintFormat::Text,
        false,
    );
    assert!(!escaping.contains(['\u{1b}', '\t']), "{escaping:?}");
}
