use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{compile, condition, finding, findings, stands};

fn example() -> Strategy {
    Strategy::example()
}

#[test]
fn finds_nothing_in_the_example() {
    assert_eq!(findings(&example()), Vec::<String>::new());
}

/// Each strategy has the one finding beside it.
fn each(cases: &[(Strategy, &str)]) {
    for (strategy, expected) in cases {
        assert_eq!(finding(strategy), *expected);
    }
}

#[test]
fn names_the_field_and_the_nearest_name_of_dangling_references_of_channels_and_modules() {
    each(&[
        (
            example().change(Kind::Channel, "web", |spec| {
                spec["touchpoints"][0]["baseline"]["moduleRef"]["name"] = "heros".into();
            }),
            "error Channel web spec.touchpoints[0].baseline.moduleRef.name RefNotFound: namespace `shop` has no content \
             module `heros`: create it or correct the name (did you mean `hero`?)",
        ),
        (
            example().change(Kind::ContentModule, "hero", |spec| {
                spec["variants"][2]["audiences"] = json!(["lapsed", "laspde"]);
            }),
            "error ContentModule hero spec.variants[2].audiences[1] RefNotFound: namespace `shop` has no audience `laspde`: \
             create it or correct the name (did you mean `lapsed`?)",
        ),
        (
            example().change(Kind::ContentModule, "hero", |spec| {
                spec["variants"][3]["channels"] = json!(["web", "shop-window"]);
            }),
            "error ContentModule hero spec.variants[3].channels[1] RefNotFound: namespace `shop` has no channel \
             `shop-window`: create it or correct the name",
        ),
    ]);
}

#[test]
fn names_the_field_and_the_nearest_name_of_dangling_references_of_programs() {
    each(&[
        (
            example().edit(
                Kind::Program,
                "spring-retention",
                json!({"kpi": {"metricRef": {"name": "purchase"}}}),
            ),
            "error Program spring-retention spec.kpi.metricRef.name RefNotFound: namespace `shop` has no metric `purchase`: \
             create it or correct the name",
        ),
        (
            example().change(Kind::Program, "spring-retention", |spec| {
                spec["audiences"].as_array_mut().unwrap().push("nobody".into());
            }),
            "error Program spring-retention spec.audiences[3] RefNotFound: namespace `shop` has no audience `nobody`: \
             create it or correct the name",
        ),
        (
            example().edit(
                Kind::Program,
                "spring-retention",
                json!({"holdoutRef": {"name": "always-baselin"}}),
            ),
            "error Program spring-retention spec.holdoutRef.name RefNotFound: namespace `shop` has no holdout \
             `always-baselin`: create it or correct the name (did you mean `always-baseline`?)",
        ),
    ]);
}

#[test]
fn names_the_field_and_the_nearest_name_of_dangling_references_of_bindings() {
    each(&[
        (
            example().edit(
                Kind::ChannelBinding,
                "retention-newsletter",
                json!({"touchpoint": "newsleter"}),
            ),
            "error ChannelBinding retention-newsletter spec.touchpoint TouchpointNotFound: channel `email` has no touchpoint \
             `newsleter`: create it or correct the name (did you mean `newsletter`?)",
        ),
        (
            example().edit(
                Kind::ChannelBinding,
                "retention-newsletter",
                json!({"channelRef": {"name": "mail"}}),
            ),
            "error ChannelBinding retention-newsletter spec.channelRef.name RefNotFound: namespace `shop` has no channel \
             `mail`: create it or correct the name (did you mean `email`?)",
        ),
        (
            example().change(Kind::ChannelBinding, "retention-newsletter", |spec| {
                spec["candidates"][0]["moduleRef"]["name"] = "footer".into();
            }),
            "error ChannelBinding retention-newsletter spec.candidates[0].moduleRef.name RefNotFound: namespace `shop` has \
             no content module `footer`: create it or correct the name",
        ),
        (
            example().edit(
                Kind::ChannelBinding,
                "retention-newsletter",
                json!({"rollout": {"evidence": {"experimentRef": {"name": "cart-heros"}}}}),
            ),
            "error ChannelBinding retention-newsletter spec.rollout.evidence.experimentRef.name RefNotFound: namespace \
             `shop` has no experiment `cart-heros`: create it or correct the name (did you mean `cart-hero`?)",
        ),
    ]);
}

#[test]
fn names_the_field_and_the_nearest_name_of_dangling_references_of_experiments() {
    each(&[
        (
            example().edit(
                Kind::Experiment,
                "cart-hero",
                json!({"bindings": ["retention-home"]}),
            ),
            "error Experiment cart-hero spec.bindings[0] RefNotFound: namespace `shop` has no channel binding \
             `retention-home`: create it or correct the name",
        ),
        (
            example().edit(
                Kind::Experiment,
                "cart-hero",
                json!({"audiences": ["cart-abandoners"]}),
            ),
            "error Experiment cart-hero spec.audiences[0] RefNotFound: namespace `shop` has no audience `cart-abandoners`: \
             create it or correct the name (did you mean `cart-abandoner`?)",
        ),
        (
            example().edit(
                Kind::Experiment,
                "cart-hero",
                json!({"analysis": {"primary": "repeat-purchases"}}),
            ),
            "error Experiment cart-hero spec.analysis.primary RefNotFound: namespace `shop` has no metric \
             `repeat-purchases`: create it or correct the name (did you mean `repeat-purchase`?)",
        ),
        (
            example().edit(
                Kind::Experiment,
                "cart-hero",
                json!({"analysis": {"secondary": ["opens"]}}),
            ),
            "error Experiment cart-hero spec.analysis.secondary[0] RefNotFound: namespace `shop` has no metric `opens`: \
             create it or correct the name",
        ),
    ]);
}

#[test]
fn looks_into_the_waivers_of_a_program() {
    let strategy = example().change(Kind::Program, "spring-retention", |spec| {
        spec["coverage"]["waivers"] = json!([
            {"audience": "lapsd", "channel": "email", "touchpoint": "news", "reason": "later", "until": "2027-01-01"},
            {"audience": "lapsed", "channel": "fax", "touchpoint": "page", "reason": "never", "until": "2027-01-01"},
        ]);
    });
    assert_eq!(
        findings(&strategy),
        [
            "error Program spring-retention spec.coverage.waivers[0].audience RefNotFound: namespace `shop` has no audience \
             `lapsd`: create it or correct the name (did you mean `lapsed`?)",
            "error Program spring-retention spec.coverage.waivers[0].touchpoint TouchpointNotFound: channel `email` has no \
             touchpoint `news`: create it or correct the name",
            "error Program spring-retention spec.coverage.waivers[1].channel RefNotFound: namespace `shop` has no channel \
             `fax`: create it or correct the name",
        ]
    );
}

#[test]
fn looks_into_the_arms_of_an_experiment() {
    let arm = |effect: serde_json::Value| {
        example().change(Kind::Experiment, "cart-hero", |spec| {
            spec["arms"][1]["effect"] = effect;
        })
    };
    assert_eq!(
        finding(&arm(json!({"type": "Module", "moduleRef": {"name": "heroine"}}))),
        "error Experiment cart-hero spec.arms[1].effect.moduleRef.name RefNotFound: namespace `shop` has no content module \
         `heroine`: create it or correct the name"
    );
    assert_eq!(
        finding(&arm(
            json!({"type": "Variant", "moduleRef": {"name": "hero"}, "name": "loyals"})
        )),
        "error Experiment cart-hero spec.arms[1].effect.name VariantNotFound: module `hero` has no variant `loyals`: create \
         it or correct the name (did you mean `loyal`?)"
    );
    assert_eq!(
        findings(&arm(
            json!({"type": "Variant", "moduleRef": {"name": "hero"}, "name": "loyal"})
        )),
        Vec::<String>::new()
    );
}

#[test]
fn warns_of_audiences_that_the_program_does_not_address() {
    let strategy = example().edit(
        Kind::Program,
        "spring-retention",
        json!({"audiences": ["loyal-high-value", "lapsed"]}),
    );
    assert_eq!(
        findings(&strategy),
        [
            "warning ChannelBinding retention-home-hero spec.candidates[0].audiences[0] AudienceNotInProgram: program \
             `spring-retention` does not address `cart-abandoner`: add it to the program's audiences",
        ]
    );
    let refs = stands(
        &compile(&strategy),
        Kind::ChannelBinding,
        "retention-home-hero",
        ConditionType::ResolvedRefs,
    );
    assert_eq!(refs, "True/ResolvedRefs", "a warning turns no condition red");
}

#[test]
fn warns_of_rules_that_ask_after_what_is_not_there() {
    let asking = |rule: &str| example().edit(Kind::Audience, "lapsed", json!({"match": rule}));
    let known = r#"history.shown("Program/spring-retention", duration("168h")) > 2"#;
    assert_eq!(findings(&asking(known)), Vec::<String>::new());
    let unknown = asking(r#"history.lastShown("Program/spring-retentoin") < now"#);
    assert_eq!(
        findings(&unknown),
        [
            "warning Audience lapsed spec.match RefNotFound: `history` asks for Program `spring-retentoin`, which namespace `shop` \
             does not have: correct the name, or leave it for as long as what it showed is to count (did you mean \
             `spring-retention`?)",
        ]
    );
    let refs = stands(
        &compile(&unknown),
        Kind::Audience,
        "lapsed",
        ConditionType::ResolvedRefs,
    );
    assert_eq!(refs, "True/ResolvedRefs", "a warning turns no condition red");
}

#[test]
fn refuses_to_split_a_binding_of_another_program() {
    let strategy = example().copy(Kind::Program, "spring-retention", "autumn").edit(
        Kind::Experiment,
        "cart-hero",
        json!({"programRef": {"name": "autumn"}}),
    );
    assert_eq!(
        finding(&strategy),
        "error Experiment cart-hero spec.bindings[0] ProgramMismatch: the binding belongs to program `spring-retention`, the \
         experiment to `autumn`: let an experiment split bindings of its own program"
    );
}

#[test]
fn refuses_to_split_by_another_unit_than_the_channel_knows() {
    let strategy = example().edit(Kind::Experiment, "cart-hero", json!({"unit": "device.id"}));
    assert_eq!(
        finding(&strategy),
        "error Experiment cart-hero spec.unit InvalidField: channel `web` of binding `retention-home-hero` knows units by \
         `targetingKey`, the experiment by `device.id`: use the channel's"
    );
}

#[test]
fn wants_a_margin_for_every_guardrail() {
    let strategy = example().edit(Kind::Program, "spring-retention", json!({"guardrails": null}));
    let told = finding(&strategy);
    assert!(
        told.starts_with(
            "error Experiment cart-hero spec.analysis.guardrails[0] RefNotFound: program `spring-retention` has no \
             guardrail `unsubscribe`"
        ),
        "{told}"
    );
}

#[test]
fn tells_one_mistake_once_and_its_consequences_on_conditions() {
    let strategy = example().edit(
        Kind::Audience,
        "cart-abandoner",
        json!({"match": "session.cartValue >="}),
    );
    let compiled = compile(&strategy);
    assert_eq!(findings(&strategy).len(), 1, "{:#?}", compiled.findings);
    for (kind, name) in [
        (Kind::ChannelBinding, "retention-home-hero"),
        (Kind::Program, "spring-retention"),
        (Kind::Experiment, "cart-hero"),
        (Kind::ContentModule, "hero"),
    ] {
        let refs = condition(&compiled, kind, name, ConditionType::ResolvedRefs);
        assert_eq!(refs.reason.as_str(), "RefInvalid", "{kind}");
        assert!(
            refs.message
                .contains("audience `cart-abandoner` is not sound: see its findings"),
            "{}",
            refs.message
        );
    }
    let other = stands(
        &compiled,
        Kind::ChannelBinding,
        "retention-newsletter",
        ConditionType::ResolvedRefs,
    );
    assert_eq!(other, "True/ResolvedRefs");
}

#[test]
fn tells_a_program_that_its_holdout_is_not_sound() {
    let strategy = example().copy(Kind::Holdout, "always-baseline", "a-first").edit(
        Kind::Holdout,
        "a-first",
        json!({"salt": "another"}),
    );
    let compiled = compile(&strategy);
    let refs = condition(
        &compiled,
        Kind::Program,
        "spring-retention",
        ConditionType::ResolvedRefs,
    );
    assert_eq!(
        refs.message,
        "spec.holdoutRef.name: holdout `always-baseline` is not sound: see its findings"
    );
}

#[test]
fn tells_whoever_needs_an_object_that_cannot_be_read() {
    let mut snapshot = crate::tests::snapshot(&example());
    assert!(snapshot.insert_unreadable(Kind::Metric, "repeat-purchase"));
    assert!(
        !snapshot.insert_unreadable(Kind::Metric, "repeat-purchase"),
        "no news"
    );
    let compiled = crate::compile(&snapshot, &crate::Previous::new(), attune_testkit::AT);
    let mut others = compiled.findings.iter().filter(crate::tests::is_no_coverage);
    assert_eq!(others.next(), None);
    let refs = condition(
        &compiled,
        Kind::Experiment,
        "cart-hero",
        ConditionType::ResolvedRefs,
    );
    assert_eq!(refs.reason.as_str(), "RefInvalid");
    assert_eq!(
        refs.message,
        "spec.analysis.primary: metric `repeat-purchase` cannot be read: see its status"
    );
}
