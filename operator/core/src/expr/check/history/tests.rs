use crate::expr::ExprErrorKind::{
    InvalidLiteral, TypeMismatch, UnknownAttribute, UnknownFunction, Unsupported,
};
use crate::expr::tests::{now, schema};
use crate::expr::{EvalError, Expect, ExprError, Expression, Schema, compile};
use crate::history::ShownKind;

fn compiled(source: &str) -> Result<Expression, Vec<ExprError>> {
    compile(source, &Schema::new(), Expect::Bool)
}

#[test]
fn asks_for_outcomes_and_shows_by_their_names() {
    // Nothing is remembered: a count of none, and an instant that there is not.
    for (source, expected) in [
        (r#"history.count("purchase", duration("720h")) > 2"#, Ok(false)),
        (r#"history.count("a", duration("1s")) + 1 == 1"#, Ok(true)),
        (
            r#"now - history.last("purchase") < duration("24h")"#,
            Err(EvalError::Never),
        ),
        (
            r#"history.shown("Program/loyalty", duration("168h")) > 2"#,
            Ok(false),
        ),
        (
            r#"history.shown("Channel/web", duration("1s")) + 1 == 1"#,
            Ok(true),
        ),
        (
            r#"now - history.lastShown("ContentModule/hero") < duration("24h")"#,
            Err(EvalError::Never),
        ),
        (
            r#"history.lastShown("ChannelBinding/hero-home") == now"#,
            Err(EvalError::Never),
        ),
    ] {
        let expression = compiled(source).unwrap_or_else(|errors| panic!("{source}: {errors:?}"));
        let json = serde_json::to_string(&expression).unwrap();
        assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
        assert!(expression.attributes().is_empty() && expression.history().is_some());
        let program = expression.link(|_| None).unwrap();
        assert_eq!(program.matches(&[], now()), expected, "{source}");
    }
}

#[test]
fn refuses_other_names_and_questions() {
    for (source, kind) in [
        (r#"history.count("purchase") > 2"#, TypeMismatch),
        (r#"history.count("purchase", "720h") > 2"#, InvalidLiteral),
        (
            r#"history.count("purchase", duration("-1h")) > 2"#,
            InvalidLiteral,
        ),
        (
            r#"history.count("purchase", duration("20000h")) > 2"#,
            InvalidLiteral,
        ),
        (r#"history.count("", duration("1h")) > 2"#, InvalidLiteral),
        (r#"history.sum("purchase", duration("1h")) > 2"#, UnknownFunction),
        ("history.last(history) == now", InvalidLiteral),
        (r#"history.last("purchase") > 2"#, TypeMismatch),
        ("history.purchase > 2", UnknownAttribute),
        (r#"history.shown("loyalty", duration("1h")) > 2"#, InvalidLiteral),
        (
            r#"history.shown("program/loyalty", duration("1h")) > 2"#,
            InvalidLiteral,
        ),
        (
            r#"history.shown("Audience/loyal", duration("1h")) > 2"#,
            InvalidLiteral,
        ),
        (r#"history.shown("Program/", duration("1h")) > 2"#, InvalidLiteral),
        (
            r#"history.shown("Program/Loyalty", duration("1h")) > 2"#,
            InvalidLiteral,
        ),
        (
            r#"history.shown("Program/a/b", duration("1h")) > 2"#,
            InvalidLiteral,
        ),
        (r#"history.shown("Program/loyalty") > 2"#, TypeMismatch),
        (
            r#"history.shown("Program/loyalty", duration("20000h")) > 2"#,
            InvalidLiteral,
        ),
        (
            r#"history.lastShown("Program/loyalty", duration("1h")) == now"#,
            TypeMismatch,
        ),
        (r#"history.lastShown("Program/loyalty") > 2"#, TypeMismatch),
        (
            r#"history.lastShown("Program/" + "loyalty") == now"#,
            InvalidLiteral,
        ),
    ] {
        let errors = compiled(source).expect_err(source);
        assert_eq!(errors.first().map(|error| error.kind), Some(kind), "{source}");
    }
    let told = compiled(r#"history.showm("Program/a", duration("1h")) > 2"#).unwrap_err();
    assert_eq!(told[0].suggestion.as_deref(), Some("shown"));
}

#[test]
fn events_have_none() {
    let of_an_event = compile(
        r#"history.count("purchase", duration("1h")) > 2"#,
        &schema(),
        Expect::Bool,
    );
    assert_eq!(of_an_event.unwrap_err()[0].kind, Unsupported);
}

#[test]
fn says_what_is_asked_after_having_been_shown() {
    let source =
        r#"history.shown("Program/loyalty", duration("1h")) > 2 && history.lastShown("Channel/web") == now"#;
    let expression = compiled(source).unwrap();
    let asked: Vec<_> = expression.shown().collect();
    assert_eq!(
        asked,
        [(ShownKind::Program, "loyalty"), (ShownKind::Channel, "web")]
    );
}
