//! Each way in which a document can differ from its definition, with the place and the words.

use std::path::Path;

use attune_compile::finding::Severity;

use super::Schemas;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Source, load_text};

const AUDIENCE: &str = "\
apiVersion: attune.dev/v1alpha1
kind: Audience
metadata: {name: lapsed, namespace: shop}
spec:
  owner: {group: crm, contact: crm@shop.example}
  description: Bought before.
  stage: Retention
  insight: {believes: a, needs: b, shifts: c}
  match: user.tier == 'gold'
  reach: {estimate: 180000, asOf: 2026-11-01, source: crm}
  reviewBy: 2027-02-28
";

const CHANNEL: &str = "\
apiVersion: attune.dev/v1alpha1
kind: Channel
metadata: {name: web, namespace: shop}
spec:
  owner: {group: web-team, contact: web@shop.example}
  type: Web
  identity: {unit: targetingKey, consent: consent, locale: locale}
  locales: [en, de]
  touchpoints:
  - name: home-hero
    slots:
    - {name: headline, maxLength: 40, required: true}
    baseline: {moduleRef: {name: hero}}
  delivery: {sidecar: {}}
";

const EXPERIMENT: &str = "\
apiVersion: attune.dev/v1alpha1
kind: Experiment
metadata: {name: cart-hero, namespace: shop}
spec:
  programRef: {name: spring-retention}
  owner: {group: analytics, contact: analytics@shop.example}
  hypothesis: It helps.
  state: Running
  bindings: [home-hero-cart]
  trafficBp: 10000
  arms:
  - {name: control, weight: 1, control: true, effect: {type: Baseline}}
  - {name: cart, weight: 1, effect: {type: Personalize}}
  schedule: {start: \"2026-11-15T00:00:00Z\"}
  analysis: {primary: repeat-purchase, method: Continuous}
  decision: {onLift: Promote, onNoWorthwhileLift: Retire, onHarm: Stop}
";

/// `line:column Severity Reason [field] message (suggestion)` of what is wrong with a changed document.
fn wrong(document: &str, from: &str, to: &str) -> Vec<String> {
    assert!(document.contains(from), "{from}");
    of_text(&document.replacen(from, to, 1))
}

fn of_text(text: &str) -> Vec<String> {
    let loaded = load_text(Source::new("test.yaml", text), "default");
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let mut schemas = Schemas::default();
    let findings = loaded.documents.iter().flat_map(|document| {
        let findings = schemas.check(document);
        findings
            .into_iter()
            .map(|finding| Diagnostic::of(finding, Some(document)))
            .collect::<Vec<_>>()
    });
    findings.map(|diagnostic| line(&diagnostic)).collect()
}

fn line(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.place.as_ref().expect("a place").span.start;
    let level = if diagnostic.severity == Severity::Warning {
        " warning"
    } else {
        ""
    };
    format!(
        "{place}{level} {} [{}] {}",
        diagnostic.reason,
        diagnostic.field,
        diagnostic.full_message()
    )
}

#[test]
fn sound_documents_have_no_findings() {
    for document in [AUDIENCE, CHANNEL] {
        assert_eq!(of_text(document), [""; 0]);
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/strategy/strategy.yaml");
    assert_eq!(
        of_text(&std::fs::read_to_string(example).expect("the example")),
        [""; 0]
    );
}

#[test]
fn explains_unquoted_words_that_yaml_reads_as_something_else() {
    let table = [
        (
            "[en, de]",
            "[en, no]",
            "8:17 AmbiguousScalar [spec.locales[1]] `no` is read as the boolean false; quote it: \"no\"",
        ),
        (
            "[en, de]",
            "[en, ON]",
            "8:17 AmbiguousScalar [spec.locales[1]] `ON` is read as the boolean true; quote it: \"ON\"",
        ),
        (
            "[en, de]",
            "[en, 012]",
            "8:17 AmbiguousScalar [spec.locales[1]] `012` is read as the number 10; quote it: \"012\"",
        ),
        (
            "[en, de]",
            "[en, true]",
            "8:17 AmbiguousScalar [spec.locales[1]] `true` is the boolean true; quote it: \"true\"",
        ),
        (
            "[en, de]",
            "[en, 1e3]",
            "8:17 AmbiguousScalar [spec.locales[1]] `1e3` is read as the number 1000; quote it: \"1e3\"",
        ),
        (
            "[en, de]",
            "[en, ~]",
            "8:17 AmbiguousScalar [spec.locales[1]] `~` is read as nothing; quote it: \"~\"",
        ),
    ];
    for (from, to, expected) in table {
        assert_eq!(wrong(CHANNEL, from, to), [expected], "{to}");
    }
}

#[test]
fn warns_of_numbers_that_are_octal() {
    // 8 is no octal digit, so that this one is decimal.
    assert_eq!(wrong(AUDIENCE, "180000", "0180000"), [""; 0]);
    assert_eq!(
        wrong(AUDIENCE, "180000", "0170000"),
        [
            "10:21 warning AmbiguousScalar [spec.reach.estimate] `0170000` is read as the octal number 61440; write 61440 or what was meant"
        ]
    );
}

#[test]
fn names_wrong_types_and_what_would_be_right() {
    let table = [
        (
            AUDIENCE,
            "180000",
            "\"180000\"",
            "10:21 InvalidField [spec.reach.estimate] must be an integer, not the string `180000`; remove the quotes: 180000",
        ),
        (
            AUDIENCE,
            "180000",
            "many",
            "10:21 InvalidField [spec.reach.estimate] must be an integer, not the string `many`",
        ),
        (
            AUDIENCE,
            "180000",
            "1.5",
            "10:21 InvalidField [spec.reach.estimate] must be an integer, not the number 1.5",
        ),
        (
            AUDIENCE,
            "180000",
            "18446744073709551615",
            "10:21 InvalidField [spec.reach.estimate] must be an integer, not the number 18446744073709551615",
        ),
        (
            AUDIENCE,
            "{believes: a, needs: b, shifts: c}",
            "[a, b]",
            "8:12 InvalidField [spec.insight] must be a map, not a list",
        ),
        (
            AUDIENCE,
            "Bought before.",
            "[a]",
            "6:16 InvalidField [spec.description] must be a string, not a list",
        ),
        (
            CHANNEL,
            "required: true",
            "required: 'yes'",
            "12:49 InvalidField [spec.touchpoints[0].slots[0].required] must be `true` or `false`, not the string `yes`; remove the quotes: yes",
        ),
        (
            CHANNEL,
            "[en, de]",
            "en",
            "8:12 InvalidField [spec.locales] must be a list, not the string `en`",
        ),
        (
            CHANNEL,
            "[en, de]",
            "{en: de}",
            "8:12 InvalidField [spec.locales] must be a list, not a map",
        ),
    ];
    for (document, from, to, expected) in table {
        assert_eq!(wrong(document, from, to), [expected], "{to}");
    }
}

#[test]
fn floats_without_a_fraction_are_integers_as_on_the_server() {
    assert_eq!(wrong(AUDIENCE, "180000", "180000.0"), [""; 0]);
    assert_eq!(wrong(AUDIENCE, "180000", "18e4"), [""; 0]);
}

#[test]
fn finds_unknown_and_missing_fields() {
    let table: &[(&str, &str, &[&str])] = &[
        (
            "  stage: Retention",
            "  stage: Retention\n  staage: x",
            &["8:3 UnknownField [spec.staage] there is no field `staage` here; did you mean `stage`?"],
        ),
        (
            "spec:",
            "specs: {}\nspec:",
            &["4:1 UnknownField [specs] there is no field `specs` here; did you mean `spec`?"],
        ),
        (
            "needs: b",
            "\"needs/x\": b, needs: b",
            &[
                "8:26 UnknownField [spec.insight[\"needs/x\"]] there is no field `needs/x` here; did you mean `needs`?",
            ],
        ),
        (
            "needs: b",
            "price: b, needs: b",
            &["8:26 UnknownField [spec.insight.price] there is no field `price` here"],
        ),
        (
            "{group: crm, contact: crm@shop.example}",
            "{group: crm}",
            &["5:10 MissingField [spec.owner.contact] `contact` is missing"],
        ),
        (
            "  owner: {group: crm, contact: crm@shop.example}\n",
            "",
            &["4:1 MissingField [spec.owner] `owner` is missing"],
        ),
        (
            " {group: crm, contact: crm@shop.example}",
            "",
            &["5:3 MissingField [spec.owner] `owner` is missing"],
        ),
        (
            "namespace: shop}",
            "namespace: shop, label: {}}",
            &["3:43 UnknownField [metadata.label] there is no field `label` here; did you mean `labels`?"],
        ),
    ];
    for (from, to, expected) in table {
        assert_eq!(wrong(AUDIENCE, from, to), *expected, "{to}");
    }
    assert!(
        of_text("apiVersion: attune.dev/v1alpha1\nkind: Audience\nmetadata: {name: a}\n")
            .contains(&"1:1 MissingField [spec] `spec` is missing".to_owned())
    );
}

#[test]
fn checks_values_against_enumerations_patterns_formats_and_bounds() {
    let long = "x".repeat(300);
    let table = [
        (
            AUDIENCE,
            "stage: Retention",
            "stage: retention".to_owned(),
            "7:10 InvalidField [spec.stage] `retention` is not one of `Awareness`, `Consideration`, `Conversion`, `Retention`, `Loyalty`; did you mean `Retention`?",
        ),
        (
            AUDIENCE,
            "2027-02-28",
            "2027-02-30".to_owned(),
            "11:13 InvalidField [spec.reviewBy] `2027-02-30` is not a day, such as `2026-12-01`",
        ),
        (
            AUDIENCE,
            "180000",
            "-1".to_owned(),
            "10:21 InvalidField [spec.reach.estimate] `-1` is too low; it must be at least 0",
        ),
        (
            AUDIENCE,
            "group: crm",
            "group: ''".to_owned(),
            "5:18 InvalidField [spec.owner.group] is empty",
        ),
        (
            AUDIENCE,
            "name: lapsed",
            "name: Lapsed".to_owned(),
            "3:18 InvalidField [metadata.name] `Lapsed` does not match `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`",
        ),
        (
            AUDIENCE,
            "name: lapsed",
            format!("name: {long}"),
            "3:18 InvalidField [metadata.name] `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` has 300 characters; at most 253 are allowed",
        ),
        (
            EXPERIMENT,
            "\"2026-11-15T00:00:00Z\"",
            "2026-11-15".to_owned(),
            "14:21 InvalidField [spec.schedule.start] `2026-11-15` is not an instant as in RFC 3339, such as `2026-12-01T00:00:00Z`",
        ),
        (
            EXPERIMENT,
            "trafficBp: 10000",
            "trafficBp: 10001".to_owned(),
            "10:14 InvalidField [spec.trafficBp] `10001` is too high; it must be at most 10000",
        ),
    ];
    for (document, from, to, expected) in table {
        assert_eq!(wrong(document, from, &to), [expected], "{to}");
    }
}

#[test]
fn counts_items_and_keys() {
    let many: Vec<_> = (0..10_000).map(|index| format!("l{index}")).collect();
    let found = wrong(CHANNEL, "[en, de]", &format!("[{}]", many.join(", ")));
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("8:12 InvalidField [spec.locales] has 10000 items; at most ")),
        "{:?}",
        found.last()
    );
    let found = wrong(
        EXPERIMENT,
        "  - {name: cart, weight: 1, effect: {type: Personalize}}\n",
        "",
    );
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("11:3 InvalidField [spec.arms] has 1 item; at least 2")),
        "{found:?}"
    );
}

#[test]
fn runs_the_rules_of_the_definition_at_their_field() {
    let table = [
        (CHANNEL, "[en, de]", "[en, de, en]", "8:12 ", "[spec.locales] "),
        (
            CHANNEL,
            "{sidecar: {}}",
            "{sidecar: {}, service: {}}",
            "14:13 ",
            "[spec.delivery] ",
        ),
        (
            EXPERIMENT,
            "start: \"2026-11-15T00:00:00Z\"",
            "start: \"2026-11-15T00:00:00Z\", end: \"2026-11-14T00:00:00Z\"",
            "14:50 ",
            "[spec.schedule.end] ",
        ),
        (
            EXPERIMENT,
            "name: cart,",
            "name: control,",
            "11:3 ",
            "[spec.arms] ",
        ),
        (
            EXPERIMENT,
            "{type: Personalize}",
            "{type: Personalize, name: x}",
            "13:63 ",
            "[spec.arms[1].effect.name] ",
        ),
    ];
    for (document, from, to, place, field) in table {
        let found = wrong(document, from, to);
        assert!(
            found.len() == 1 && found[0].starts_with(place) && found[0].contains(field),
            "{to}: {found:?}"
        );
    }
}

#[test]
fn rules_wait_until_the_shape_is_right() {
    let found = wrong(
        &CHANNEL.replace("[en, de]", "[en, de, en]"),
        "type: Web",
        "type: Wep",
    );
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn every_rule_of_every_kind_can_be_evaluated_here() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/strategy/strategy.yaml");
    let loaded = load_text(
        Source::new("x", std::fs::read_to_string(example).expect("the example")),
        "default",
    );
    let mut schemas = Schemas::default();
    for document in &loaded.documents {
        let findings = schemas.check(document);
        assert!(findings.is_empty(), "{}: {findings:?}", document.id);
    }
    assert_eq!(schemas.kinds.len(), attune_api::Kind::ALL.len());
}
