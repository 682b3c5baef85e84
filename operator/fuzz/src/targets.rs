//! What is fuzzed: every reader of what others wrote. A target panics where something does not hold.

use std::sync::OnceLock;

use attune_core::context::{Context, ContextError, Scratch, Shape};
use attune_core::decide::{Request, decide};
use attune_core::engine::Engine;
use attune_core::event::{Event, parse_batch};
use attune_core::expr::{self, Attribute, Expect, Expression, Schema};
use attune_core::history::NoHistory;
use attune_core::ofrep::Success;
use attune_core::trace::Trace;
use attune_core::value::{AttributeType, SlotId, Value};
use jiff::Timestamp;
use serde_json::value::RawValue;

/// Longest input that is looked at, in bytes.
pub(crate) const MAX_INPUT: usize = 64 * 1024;

/// The bundle that contexts are read for.
const BUNDLE: &[u8] = include_bytes!("../corpus/bundle/shop.json");

fn now() -> Timestamp {
    Timestamp::from_second(1_796_083_200).expect("2026-12-01")
}

/// A request's body: whatever it holds, it is refused or every touchpoint decided, traced as untraced, and the memory of
/// one request holds nothing of another. What is JSON by its grammar is never refused as none.
pub(crate) fn context(data: &[u8]) {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::parse(BUNDLE).expect("the seed is a bundle"));
    if (Shape {
        depth: 32,
        keys: 1024,
    })
    .check(data)
    .is_err()
    {
        return;
    }
    let mut scratch = Scratch::default();
    let full = br#"{"context": {"targetingKey": "before", "user": {"tier": "gold"}, "consent": ["personalization"]}}"#;
    let before = Context::decode_request_in(engine, full, &mut scratch).expect("a context");
    before.release(&mut scratch);
    let context = match Context::decode_request(engine, data) {
        Ok(context) => context,
        Err(error) => {
            let is_json = serde_json::from_slice::<&RawValue>(data).is_ok();
            assert!(!is_json || !matches!(error, ContextError::NotJson(_)), "{error}");
            return;
        }
    };
    let again = Context::decode_request_in(engine, data, &mut scratch).expect("as the first time");
    answer_all(engine, &context, &again);
}

fn answer_all(engine: &Engine, context: &Context<'_>, again: &Context<'_>) {
    for touchpoint in engine.touchpoints() {
        let ask = |context, trace: &mut Trace| {
            let request = Request {
                touchpoint,
                context,
                history: &NoHistory,
                now: now(),
            };
            decide(engine, request, trace).expect("a touchpoint of the bundle")
        };
        let decision = ask(context, &mut Trace::off());
        assert_eq!(
            decision,
            ask(context, &mut Trace::on()),
            "tracing changed the decision"
        );
        assert_eq!(
            decision,
            ask(again, &mut Trace::off()),
            "a request before changed the decision"
        );
        let success = Success::new(&decision, engine.metadata(), Some("d"));
        let mut written = Vec::new();
        success.write(&mut written);
        assert_eq!(written, serde_json::to_vec(&success).expect("JSON"));
    }
}

/// A bundle: refused, or it decides.
pub(crate) fn bundle(data: &[u8]) {
    let Ok(engine) = Engine::parse(data) else {
        return;
    };
    let body =
        br#"{"context": {"targetingKey": "u1", "user": {"tier": "gold"}, "consent": ["personalization"]}}"#;
    let context = Context::decode_request(&engine, body).expect("a context");
    answer_all(&engine, &context, &context);
}

/// An expression's text: refused, or its lowered form survives the bundle and evaluates.
pub(crate) fn expression(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    let types = [
        ("user.tier", AttributeType::String),
        ("user.spend", AttributeType::Double),
        ("user.seen", AttributeType::Timestamp),
        ("user.tags", AttributeType::StringList),
        ("session.items", AttributeType::Int),
        ("session.new", AttributeType::Bool),
    ];
    let mut schema = Schema::new();
    for (name, ty) in types {
        schema.declare(Attribute {
            name: name.to_owned(),
            ty,
            values: vec![],
        });
    }
    for expect in [Expect::Bool, Expect::Number] {
        let Ok(expression) = expr::compile(source, &schema, expect) else {
            continue;
        };
        let json = serde_json::to_vec(&expression).expect("JSON");
        let read: Expression = serde_json::from_slice(&json).expect("what was written");
        assert_eq!(read, expression);
        let slot_of = |name: &str| {
            let place = types.iter().position(|(known, _)| *known == name)?;
            u16::try_from(place).ok().map(SlotId)
        };
        let program = read.link(slot_of).expect("every attribute has a slot");
        let nothing = vec![None; types.len()];
        let full = [
            Value::String("gold".into()),
            Value::Double(12.5),
            Value::Timestamp(now()),
            Value::List(vec![Value::String("a".into()), Value::String("b".into())]),
            Value::Int(3),
            Value::Bool(true),
        ];
        for slots in [nothing, full.map(Some).to_vec()] {
            let _ = program.eval(&slots, now());
            let _ = program.matches(&slots, now());
        }
    }
}

/// An event or a batch: refused, or what is passed on is read as the same.
pub(crate) fn event(data: &[u8]) {
    if let Ok(event) = Event::from_json(data) {
        let json = serde_json::to_vec(&event).expect("JSON");
        assert_eq!(Event::from_json(&json).expect("what was written"), event);
    }
    if let Ok(events) = parse_batch(data) {
        let json = serde_json::to_vec(&events).expect("JSON");
        assert_eq!(parse_batch(&json).expect("what was written"), events);
    }
}
