//! Our evaluator against the interpreter of the `cel` crate: random well-typed expressions over random contexts, with
//! any attribute missing. They must agree on the value, or on there being an error.
//!
//! Where we differ on purpose is at the end, each with its test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test may panic"
)]

#[path = "expr_oracle/contexts.rs"]
mod contexts;
#[path = "expr_oracle/macros.rs"]
mod macros;
#[path = "expr_oracle/sources.rs"]
mod sources;

use std::collections::HashMap;

use attune_core::expr::{Attribute, Expect, ExprErrorKind, Expression, Schema, compile};
use attune_core::value::{AttributeType, SlotId, Value};
use contexts::{Oracle, slots};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Expressions; each is evaluated over [`CONTEXTS`] contexts.
const EXPRESSIONS: u32 = 2_500;
const CONTEXTS: usize = 10;

const ATTRIBUTES: [(&str, AttributeType); 8] = [
    ("user.tier", AttributeType::String),
    ("user.address.country", AttributeType::String),
    ("user.spend90d", AttributeType::Double),
    ("user.lastSeen", AttributeType::Timestamp),
    ("user.interests", AttributeType::StringList),
    ("session.cartValue", AttributeType::Double),
    ("session.itemCount", AttributeType::Int),
    ("session.returning", AttributeType::Bool),
];
const DYNAMIC: [&str; 2] = ["properties.a", "properties.b"];

/// One value for each of [`ATTRIBUTES`], then of [`DYNAMIC`].
type Slots = Vec<Option<Value<'static>>>;

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn schema() -> Schema {
    let mut schema = Schema::new();
    for (name, ty) in ATTRIBUTES {
        schema.declare(Attribute {
            name: name.into(),
            ty,
            values: vec![],
        });
    }
    schema.declare_dynamic("properties");
    schema
}

fn slot_of(name: &str) -> Option<SlotId> {
    let names = ATTRIBUTES.iter().map(|(name, _)| *name).chain(DYNAMIC);
    names
        .zip(0..)
        .find(|(own, _)| *own == name)
        .map(|(_, id)| SlotId(id))
}

/// What either evaluator gave, in a form that both can be brought to. A NaN equals itself here.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Bool(bool),
    Int(i64),
    Double(u64),
    String(String),
    /// Seconds and nanoseconds since 1970.
    Timestamp(i64, i32),
    /// Nanoseconds.
    Duration(i128),
    Error,
}

fn double(double: f64) -> Outcome {
    Outcome::Double(if double.is_nan() {
        f64::NAN.to_bits()
    } else {
        double.to_bits()
    })
}

fn ours(expression: &Expression, slots: &Slots) -> Outcome {
    fn outcome(value: &Value<'_>) -> Outcome {
        match value {
            Value::Bool(value) => Outcome::Bool(*value),
            Value::Int(value) => Outcome::Int(*value),
            Value::Double(value) => double(*value),
            Value::String(value) => Outcome::String(value.to_string()),
            Value::Timestamp(value) => {
                let nanos = value.as_nanosecond();
                let second = nanos.div_euclid(1_000_000_000);
                Outcome::Timestamp(
                    second.try_into().unwrap(),
                    nanos.rem_euclid(1_000_000_000).try_into().unwrap(),
                )
            }
            Value::Duration(value) => Outcome::Duration(value.as_nanos()),
            Value::List(_) => panic!("no field takes a list"),
        }
    }
    let program = expression.link(slot_of).unwrap();
    let value = program.eval(slots, now());
    // Both ways of evaluating are one semantics.
    match (&value, program.matches(slots, now())) {
        (Ok(Value::Bool(value)), matches) => assert_eq!(matches, Ok(*value)),
        (Ok(_), matches) => assert!(matches.is_err()),
        (Err(error), matches) => assert_eq!(matches, Err(*error)),
    }
    value.map_or(Outcome::Error, |value| outcome(&value))
}

fn theirs(oracle: &Oracle, program: &cel::Program, slots: &Slots) -> Outcome {
    fn outcome(value: &cel::Value) -> Outcome {
        match value {
            cel::Value::Bool(value) => Outcome::Bool(*value),
            cel::Value::Int(value) => Outcome::Int(*value),
            cel::Value::Float(value) => double(*value),
            cel::Value::String(value) => Outcome::String(value.to_string()),
            cel::Value::Timestamp(value) => Outcome::Timestamp(
                value.timestamp(),
                value.timestamp_subsec_nanos().try_into().unwrap(),
            ),
            cel::Value::Duration(value) => Outcome::Duration(value.num_nanoseconds().unwrap().into()),
            other => panic!("no expression of ours gives {other:?}"),
        }
    }
    program
        .execute(&oracle.context(slots))
        .map_or(Outcome::Error, |value| outcome(&value))
}

#[test]
fn agrees_with_the_cel_interpreter() {
    let oracle = Oracle::new();
    let schema = schema();
    let config = Config {
        cases: EXPRESSIONS,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let compared = std::cell::Cell::new(0_usize);
    let errors = std::cell::Cell::new(0_usize);
    let cases = (sources::expression(), prop::collection::vec(slots(), CONTEXTS));
    let result = runner.run(&cases, |(source, contexts)| {
        let expression = match [Expect::Bool, Expect::Number].map(|expect| compile(&source, &schema, expect))
        {
            [Ok(expression), _] | [_, Ok(expression)] => expression,
            [Err(errors), _] if errors[0].kind == ExprErrorKind::TooCostly => return Ok(()),
            [Err(errors), _] => {
                return Err(TestCaseError::fail(format!(
                    "{source} does not compile: {errors:?}"
                )));
            }
        };
        let json = serde_json::to_string(&expression).unwrap();
        let expression = serde_json::from_str(&json).unwrap();
        let program = cel::Program::compile(&source).unwrap();
        for slots in &contexts {
            let (ours, theirs) = (ours(&expression, slots), theirs(&oracle, &program, slots));
            prop_assert_eq!(&ours, &theirs, "{} over {:?}", source, slots);
            compared.set(compared.get() + 1);
            errors.set(errors.get() + usize::from(ours == Outcome::Error));
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        compared.get() >= 20_000,
        "compared only {} evaluations",
        compared.get()
    );
    let share = errors.get() * 100 / compared.get();
    assert!(
        (10..90).contains(&share),
        "{share} % of the evaluations failed: the contexts are too dull"
    );
}

/// Both evaluators over contexts without any attribute; an expression that we refuse gives its mistake.
fn both(source: &str) -> (Result<Outcome, ExprErrorKind>, Outcome) {
    let nothing = vec![None; ATTRIBUTES.len() + DYNAMIC.len()];
    let own = compile(source, &schema(), Expect::Bool).map_err(|errors| errors[0].kind);
    let program = cel::Program::compile(source).unwrap();
    (
        own.map(|expression| ours(&expression, &nothing)),
        theirs(&Oracle::new(), &program, &nothing),
    )
}

#[test]
fn differs_in_reading_fields_in_utc_whatever_offset_a_literal_was_written_with() {
    // The specification and cel-go: UTC unless a zone is given.
    let (ours, theirs) = both(r#"timestamp("2026-01-01T01:00:00+02:00").getHours() == 23"#);
    assert_eq!((ours, theirs), (Ok(Outcome::Bool(true)), Outcome::Bool(false)));
}

#[test]
fn differs_in_refusing_what_follows_a_duration() {
    let (ours, theirs) = both(r#"duration("1h and a bit") == duration("1h")"#);
    assert_eq!(
        (ours, theirs),
        (Err(ExprErrorKind::InvalidLiteral), Outcome::Bool(true))
    );
}

#[test]
fn differs_in_reading_durations_exactly() {
    let (ours, theirs) = both(r#"duration("9007199254740993ns") == duration("9007199254740992ns")"#);
    assert_eq!((ours, theirs), (Ok(Outcome::Bool(false)), Outcome::Bool(true)));
}

#[test]
fn differs_in_ending_time_some_hours_before_the_year_10000() {
    let (ours, theirs) = both(r#"now < timestamp("9999-12-31T00:00:00Z")"#);
    assert_eq!(
        (ours, theirs),
        (Err(ExprErrorKind::InvalidLiteral), Outcome::Bool(true))
    );
}

#[test]
fn differs_in_knowing_daylight_saving_of_any_year() {
    let (ours, theirs) = both(r#"timestamp("2126-07-01T12:00:00Z").getHours("Europe/Berlin") == 14"#);
    assert_eq!((ours, theirs), (Ok(Outcome::Bool(true)), Outcome::Bool(false)));
}

#[test]
fn differs_in_not_spelling_doubles() {
    // cel-go spells 1e21, this interpreter 1000000000000000000000.
    let (ours, theirs) = both(r#"string(1e21) == "1e+21""#);
    assert_eq!(
        (ours, theirs),
        (Err(ExprErrorKind::TypeMismatch), Outcome::Bool(false))
    );
}

#[test]
fn differs_in_refusing_mixed_types_before_they_are_evaluated() {
    let (ours, theirs) = both(r#"1 == "1""#);
    assert_eq!(
        (ours, theirs),
        (Err(ExprErrorKind::TypeMismatch), Outcome::Bool(false))
    );
}

#[test]
fn differs_in_has_where_the_object_itself_is_absent() {
    let expression = compile("has(user.address.country)", &schema(), Expect::Bool).unwrap();
    let program = cel::Program::compile("has(user.address.country)").unwrap();
    let mut context = cel::Context::default();
    context.add_variable_from_value("user", HashMap::<String, cel::Value>::new());
    assert!(program.execute(&context).is_err());
    assert_eq!(ours(&expression, &vec![None; 10]), Outcome::Bool(false));
}
