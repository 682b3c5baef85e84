use serde_json::{Value, json};

use super::*;
use crate::context::Context;
use crate::decide::{Reason, Request, decide};
use crate::engine::Engine;
use crate::history::NoHistory;
use crate::strategy::*;
use crate::trace::Trace;

/// The bytes of an answer.
fn answer(engine: &Engine, context: &Value, metadata: Metadata, id: Option<&str>) -> String {
    let json = context.to_string();
    let context = Context::decode(engine, json.as_bytes()).unwrap();
    let request = Request {
        touchpoint: "home",
        context: &context,
        history: &NoHistory,
        now: instant(NOW),
    };
    let decision = decide(engine, request, &mut Trace::off()).unwrap();
    let success = Success::new(&decision, metadata, id);
    let text = serde_json::to_string(&success).unwrap();
    let mut written = Vec::new();
    success.write(&mut written);
    assert_eq!(
        String::from_utf8(written).unwrap(),
        text,
        "by hand as by the serializer"
    );
    text.replace(engine.revision(), "REVISION")
}

fn full(strategy: &Plan, context: &Value) -> String {
    answer(&strategy.engine(), context, Metadata::Full, Some("d1"))
}

#[test]
fn spells_a_targeted_answer() {
    assert_eq!(
        full(&shop(), &cart("u1")),
        r#"{"key":"home","reason":"TARGETING_MATCH","variant":"hero/cart","value":{"headline":"Your cart","legal":"While stocks last."},"metadata":{"attune.reason":"TARGETED","attune.program":"retention","attune.binding":"hero-home","attune.audience":"cart","attune.revision":"REVISION","attune.decision":"d1"}}"#
    );
}

#[test]
fn spells_an_arm_and_the_holdout_that_was_tested() {
    let strategy = shop()
        .holdout("never", 500, window(None, None))
        .experiment("split", |_| {});
    let engine = strategy.engine();
    let unit = unit_where(|unit| Ask::new(cart(unit)).of(&engine).arm() == Some("control"));
    assert_eq!(
        full(&strategy, &cart(&unit)),
        r#"{"key":"home","reason":"SPLIT","variant":"hero/everyone","value":{"headline":"Welcome","legal":"While stocks last."},"metadata":{"attune.reason":"EXPERIMENT","attune.program":"retention","attune.binding":"hero-home","attune.audience":"cart","attune.experiment":"split","attune.arm":"control","attune.holdout":"never","attune.held":false,"attune.revision":"REVISION","attune.decision":"d1"}}"#
    );
}

#[test]
fn spells_what_a_held_unit_would_have_been() {
    let strategy = shop().holdout("never", 500, window(None, None));
    let unit = strategy.unit_with(Reason::HeldOut);
    assert_eq!(
        full(&strategy, &cart(&unit)),
        r#"{"key":"home","reason":"SPLIT","variant":"hero/everyone","value":{"headline":"Welcome","legal":"While stocks last."},"metadata":{"attune.reason":"HELD_OUT","attune.program":"retention","attune.binding":"hero-home","attune.audience":"cart","attune.holdout":"never","attune.held":true,"attune.revision":"REVISION","attune.decision":"d1"}}"#
    );
}

#[test]
fn spells_what_a_unit_outside_of_the_experiment_would_have_been() {
    let strategy = shop().experiment("split", |split| split.traffic_bp = 0);
    assert_eq!(
        full(&strategy, &cart("u1")),
        r#"{"key":"home","reason":"SPLIT","variant":"hero/everyone","value":{"headline":"Welcome","legal":"While stocks last."},"metadata":{"attune.reason":"NOT_ENROLLED","attune.program":"retention","attune.binding":"hero-home","attune.audience":"cart","attune.revision":"REVISION","attune.decision":"d1"}}"#
    );
}

#[test]
fn leaves_only_reason_revision_and_decision_for_browsers() {
    let strategy = shop()
        .holdout("never", 500, window(None, None))
        .experiment("split", |_| {});
    let answer = answer(&strategy.engine(), &cart("u1"), Metadata::Reason, Some("d1"));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        answer["metadata"],
        json!({"attune.reason": "EXPERIMENT", "attune.revision": "REVISION", "attune.decision": "d1"})
    );
}

#[test]
fn leaves_value_and_variant_out_for_the_code_default() {
    let strategy = shop().change(|bundle| bundle.touchpoints.get_mut("home").unwrap().baseline = None);
    assert_eq!(
        answer(&strategy.engine(), &json!({}), Metadata::Full, None),
        r#"{"key":"home","reason":"STATIC","metadata":{"attune.reason":"NO_CONSENT","attune.revision":"REVISION"}}"#
    );
}

#[test]
fn escapes_names_that_need_it() {
    let names = shop().change(|bundle| {
        let audience = bundle.audiences.values_mut().find(|one| one.name == "cart");
        std::sync::Arc::make_mut(audience.unwrap()).name = "c\"a\\rt\n".to_owned();
    });
    let answer = answer(&names.engine(), &cart("u1"), Metadata::Full, Some("d\"1"));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["metadata"]["attune.audience"], "c\"a\\rt\n");
    assert_eq!(answer["metadata"]["attune.decision"], "d\"1");
    assert_eq!(answer["metadata"]["attune.program"], "retention");
}

#[test]
fn spells_every_reason_with_one_of_the_protocol() {
    let spelled: Vec<_> = Reason::ALL
        .map(|reason| format!("{reason} {}", reason.ofrep()))
        .into();
    assert_eq!(
        spelled,
        [
            "NO_CONSENT STATIC",
            "NO_UNIT STATIC",
            "NOT_ELIGIBLE STATIC",
            "SUSPENDED STATIC",
            "CAPPED STATIC",
            "STOPPED STATIC",
            "QUIET_HOURS STATIC",
            "HELD_OUT SPLIT",
            "NOT_ENROLLED SPLIT",
            "EXPERIMENT SPLIT",
            "TARGETED TARGETING_MATCH",
        ]
    );
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), json!(reason.as_str()));
    }
    assert!(
        Reason::ALL.is_sorted(),
        "the order decides what a touchpoint without a winner reports"
    );
}

#[test]
fn spells_failures_with_their_status() {
    let engine = shop().engine();
    let from = |body: &str| {
        let failure = Failure::from_context(
            Some("home"),
            &Context::decode_request(&engine, body.as_bytes()).unwrap_err(),
        );
        (failure.status(), serde_json::to_string(&failure).unwrap())
    };
    assert_eq!(
        from("{"),
        (400, r#"{"key":"home","errorCode":"PARSE_ERROR","errorDetails":"the body is not JSON: EOF while parsing an object at line 1 column 1"}"#.into())
    );
    assert_eq!(
        from("{}"),
        (400, r#"{"key":"home","errorCode":"INVALID_CONTEXT","errorDetails":"`context` must be an object; send {\"context\": {\"targetingKey\": \"...\"}}"}"#.into())
    );
    assert_eq!(
        from(r#"{"context": {"targetingKey": 5}}"#),
        (400, r#"{"key":"home","errorCode":"INVALID_CONTEXT","errorDetails":"`context.targetingKey` must be a string of whole characters; send the unit's id in quotes"}"#.into())
    );
    let unknown = UnknownTouchpoint {
        touchpoint: "hime".into(),
        channel: "web".into(),
        known: vec!["home".into()],
    };
    let failure = Failure::from_touchpoint(&unknown);
    assert_eq!(
        (failure.status(), serde_json::to_string(&failure).unwrap()),
        (404, r#"{"key":"hime","errorCode":"FLAG_NOT_FOUND","errorDetails":"touchpoint `hime` is not declared by channel `web`; it declares `home`"}"#.into())
    );
}

#[test]
fn leaves_the_key_out_of_a_failed_bulk_request() {
    let failure = Failure::from_context(None, &ContextError::NoContext);
    assert_eq!(serde_json::to_value(&failure).unwrap().get("key"), None);
}

#[test]
fn writes_strings_as_the_serializer_does() {
    for text in [
        "",
        "plain",
        "a\"b",
        "back\\slash",
        "line\nbreak",
        "Schön ✓",
        "\u{1}",
        "\u{7f}",
        "eight by",
        "eight \"y",
        "é sixteen or mor\u{1f}",
        "ends in a slash\\",
    ] {
        let mut written = Vec::new();
        let mut members = Members {
            out: &mut written,
            is_plain: false,
        };
        members.name(b"{\"name\":\"", Some(text));
        written.push(b'}');
        let expected = serde_json::to_vec(&json!({"name": text})).unwrap();
        assert_eq!(written, expected, "{text:?}");
    }
}
