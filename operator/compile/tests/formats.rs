//! Rules in formats for those who run no decider, and what is told about what they cannot carry.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of a test may panic"
)]

use std::sync::Arc;

use attune_api::Kind;
use attune_api::conditions::{ConditionType, Reason};
use attune_api::delivery::RuleFormat;
use attune_compile::formats::{Written, write};
use attune_compile::verdict::Programmed;
use attune_compile::{Compiled, Previous, Publication, Snapshot};
use attune_core::bundle::Bundle;
use attune_testkit::{AT, Strategy};
use serde_json::{Value, json};

const BINDING: &str = "retention-home-hero";

fn compile(strategy: &Strategy) -> Compiled {
    let mut snapshot = Snapshot::new("shop");
    strategy
        .resources()
        .into_iter()
        .for_each(|resource| snapshot.insert(resource));
    attune_compile::compile(&snapshot, &Previous::new(), AT)
}

/// What is found about formats, in one line each.
fn findings(strategy: &Strategy) -> Vec<String> {
    let compiled = compile(strategy);
    let findings = compiled.findings.iter();
    let about_formats = findings.filter(|finding| finding.reason == Reason::FormatUnsupported);
    about_formats
        .map(|finding| {
            let severity = format!("{:?}", finding.severity).to_lowercase();
            let object = &finding.object;
            format!(
                "{severity} {} {} {}: {}",
                object.kind, object.name, finding.field, finding.message
            )
        })
        .collect()
}

/// The example with its web channel in a format, and its binding without what no format remembers.
fn written_as(format: &str) -> Strategy {
    let delivery = json!({"sidecar": null, "configMap": {"name": "web-rules", "format": format}});
    Strategy::example()
        .edit(Kind::Channel, "web", json!({"delivery": delivery}))
        .edit(
            Kind::ChannelBinding,
            BINDING,
            json!({"caps": null, "stopOn": null}),
        )
}

/// The same with an audience that can be said by comparisons.
fn plain(format: &str) -> Strategy {
    let patch = json!({"match": "has(user.tier) && user.tier != \"gold\""});
    written_as(format).edit(Kind::Audience, "lapsed", patch)
}

fn web(strategy: &Strategy) -> Publication {
    compile(strategy).channels["web"].clone()
}

fn written(strategy: &Strategy, format: RuleFormat) -> (Value, Written) {
    let written = write(&web(strategy), format).unwrap();
    (serde_json::from_slice(&written.bytes).unwrap(), written)
}

#[test]
fn writes_the_bundle_as_it_is_published() {
    let publication = web(&Strategy::example());
    let written = write(&publication, RuleFormat::Attune).unwrap();
    assert_eq!(written.bytes, publication.canonical);
    assert_eq!(written.media_type, "application/json");
    assert_eq!(written.refusals, []);
}

#[test]
fn says_what_everybody_gets_as_the_default_of_a_flag() {
    let mut bundle = web(&Strategy::example()).bundle.as_ref().clone();
    // Without a locale everybody gets the words of the first, and it does not matter that the others end.
    bundle.settings.identity.locale = None;
    bundle.bindings.clear();
    bundle.experiments.clear();
    for module in bundle.modules.values_mut() {
        let module = Arc::make_mut(module);
        let baseline = module.baseline.clone();
        module.variants.retain(|variant| variant.name == baseline);
        let mut english = module.variants[0].clone();
        english.name = "english".to_owned();
        english.locales = vec!["en".to_owned()];
        module.variants[0].validity.until = Some("2027-01-01T00:00:00Z".parse().unwrap());
        module.variants.push(english);
    }
    let canonical = bundle.canonical().unwrap();
    let publication = Publication {
        revision: Bundle::revision(&canonical),
        canonical: canonical.into(),
        bundle: Arc::new(bundle),
    };
    let written = write(&publication, RuleFormat::Flagd).unwrap();
    let document: Value = serde_json::from_slice(&written.bytes).unwrap();
    let flag = &document["flags"]["home-hero"];
    assert_eq!(flag["defaultVariant"], "hero/english", "{flag}");
    assert_eq!(flag.get("targeting"), None);
}

#[test]
fn writes_one_flag_a_touchpoint() {
    let (mut document, written) = written(&plain("Flagd"), RuleFormat::Flagd);
    assert_eq!(written.refusals, []);
    document["metadata"]["attune.revision"] = json!("REVISION");
    insta::assert_json_snapshot!("flagd", document);
}

#[test]
fn writes_who_gets_which_words() {
    let (mut document, written) = written(&plain("Content"), RuleFormat::Content);
    assert_eq!(written.refusals, []);
    document["revision"] = json!("REVISION");
    insta::assert_json_snapshot!("content", document);
}

#[test]
fn finds_nothing_where_the_format_carries_all() {
    for format in ["Attune", "Flagd", "Content"] {
        let strategy = plain(format);
        assert_eq!(findings(&strategy), [""; 0], "{format}");
    }
}

#[test]
fn tells_a_binding_what_its_format_cannot_carry() {
    let found = findings(&written_as("Flagd"));
    assert_eq!(
        found,
        [
            "error ChannelBinding retention-home-hero spec.candidates[1].audiences[1]: format `Flagd` of channel `web`: \
             audience `lapsed` uses an instant or a duration which evaluators of flagd do not have, or not alike: \
             whoever it may admit gets the baseline; say it with comparisons of attributes and literals, or deliver the channel \
             by `sidecar` or `service`",
            "error ChannelBinding retention-home-hero spec.candidates[1].audiences[1]: format `Flagd` of channel `web`: \
             audience `lapsed` uses the instant `user.lastSeen` which evaluators of flagd do not have, or not alike: \
             whoever it may admit gets the baseline; say it with comparisons of attributes and literals, or deliver the channel \
             by `sidecar` or `service`",
        ]
    );
    let limited = plain("Flagd").edit(
        Kind::ChannelBinding,
        BINDING,
        json!({"caps": [{"per": "Unit", "max": 6, "window": "24h"}]}),
    );
    let compiled = compile(&limited);
    assert!(
        compiled.channels["web"].bundle.bindings.contains_key(BINDING),
        "the bundle has it"
    );
    let found = findings(&limited);
    assert!(found[0].contains("spec.caps: format `Flagd`"), "{found:?}");
    assert_eq!(found.len(), 1, "{found:#?}");
    let verdict = compiled
        .verdicts
        .iter()
        .find(|(id, _)| id.kind == Kind::ChannelBinding && id.name == BINDING);
    let (_, verdict) = verdict.unwrap();
    let accepted = verdict
        .conditions
        .iter()
        .find(|judged| judged.type_ == ConditionType::Accepted);
    assert_eq!(accepted.unwrap().truth.as_str(), "True");
    let Some(Programmed::Live {
        note: Some((reason, _)),
        ..
    }) = &verdict.programmed
    else {
        panic!("{:?}", verdict.programmed);
    };
    assert_eq!(*reason, Reason::FormatUnsupported);
}

#[test]
fn carries_conditions_beside_audiences_as_flags_and_not_as_content() {
    let when = |strategy: Strategy| {
        strategy.change(Kind::ChannelBinding, BINDING, |spec| {
            spec["candidates"][0]["when"] = json!("session.returning");
        })
    };
    assert_eq!(findings(&when(plain("Flagd"))), [""; 0]);
    let found = findings(&when(plain("Content")));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("spec.candidates[0].when: format `Content`"),
        "{found:?}"
    );
    let (document, _) = written(&when(plain("Content")), RuleFormat::Content);
    let rules = document["touchpoints"]["home-hero"]["rules"].as_array().unwrap();
    let serves: Vec<_> = rules
        .iter()
        .map(|rule| rule["serves"].as_str().unwrap())
        .collect();
    assert_eq!(serves, ["Baseline", "Content", "Content"], "it keeps its place");
}

#[test]
fn takes_a_score_for_an_order_only_where_it_is_one() {
    let scored = |score: &str| {
        plain("Flagd").change(Kind::ChannelBinding, BINDING, |spec| {
            spec["candidates"][1]["score"] = json!(score);
        })
    };
    assert_eq!(findings(&scored("2")), [""; 0]);
    let found = findings(&scored("user.spend90d"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("spec.candidates[1].score: format `Flagd`"),
        "{found:?}"
    );
    // The candidate with a number goes before the one without, whatever their order in the list.
    let (document, _) = written(&scored("2"), RuleFormat::Content);
    let rules = document["touchpoints"]["home-hero"]["rules"].as_array().unwrap();
    let audiences: Vec<_> = rules
        .iter()
        .map(|rule| rule["audience"].as_str().unwrap())
        .collect();
    assert_eq!(audiences, ["loyal-high-value", "lapsed", "cart-abandoner"]);
}

#[test]
fn leaves_out_what_is_suspended() {
    let suspended = plain("Content").edit(Kind::ChannelBinding, BINDING, json!({"suspend": true}));
    let (document, written) = written(&suspended, RuleFormat::Content);
    assert_eq!(written.refusals, []);
    assert_eq!(document["touchpoints"]["home-hero"]["rules"], json!([]));
    let (document, _) = self::written(&suspended, RuleFormat::Flagd);
    let flag = &document["flags"]["home-hero"];
    assert_eq!(flag["defaultVariant"], "hero/everyone");
}

#[test]
fn refuses_a_channel_whose_locales_no_evaluator_looks_up() {
    let odd = plain("Flagd").edit(Kind::Channel, "web", json!({"locales": ["en", "de-x"]}));
    let refusals = write(&web(&odd), RuleFormat::Flagd).unwrap_err();
    assert_eq!(refusals[0].field, "spec.locales[1]");
    assert_eq!(refusals[0].binding, None);
    let found = findings(&odd);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("error Channel web spec.locales[1]: ")),
        "{found:#?}"
    );
}

#[test]
fn names_the_binding_and_the_field_of_a_refusal() {
    let strategy = written_as("Flagd");
    let (_, written) = written(&strategy, RuleFormat::Flagd);
    let told = written.refusals[0].to_string();
    assert!(
        told.starts_with(
            "ChannelBinding `retention-home-hero`, spec.candidates[1].audiences[1]: audience `lapsed` uses"
        ),
        "{told}"
    );
}
