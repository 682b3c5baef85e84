//! Random contexts, as slots for us and as variables for the interpreter.

use std::collections::HashMap;
use std::sync::Arc;

use attune_core::value::{AttributeType, Value};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::{ATTRIBUTES, DYNAMIC, Slots, now};

/// What the interpreter needs that is slow to make.
pub(crate) struct Oracle {
    env: Arc<cel::Env>,
    instants: HashMap<Timestamp, cel::Value>,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        let instant = |at: Timestamp| {
            let program = cel::Program::compile(&format!("timestamp('{at}')")).unwrap();
            (at, program.execute(&cel::Context::default()).unwrap())
        };
        let instants = INSTANTS
            .iter()
            .map(|at| instant(at.parse().unwrap()))
            .chain([instant(now())]);
        Self {
            env: Arc::new(cel::Env::stdlib()),
            instants: instants.collect(),
        }
    }

    fn value(&self, value: &Value<'_>) -> cel::Value {
        match value {
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Double(value) => (*value).into(),
            Value::String(value) => value.to_string().into(),
            Value::Timestamp(value) => self.instants[value].clone(),
            Value::List(values) => values
                .iter()
                .map(|value| self.value(value))
                .collect::<Vec<_>>()
                .into(),
            Value::Duration(_) => unreachable!("no attribute is a duration"),
        }
    }

    /// Nested objects, every root bound: `has(a.b)` is an error where `a` is not.
    pub(crate) fn context(&self, slots: &Slots) -> cel::Context<'static, 'static> {
        let mut roots: HashMap<&str, HashMap<String, cel::Value>> = HashMap::new();
        let mut address: HashMap<String, cel::Value> = HashMap::new();
        let names = ATTRIBUTES.iter().map(|(name, _)| *name).chain(DYNAMIC);
        for (name, slot) in names.zip(slots) {
            let (root, field) = name.split_once('.').unwrap();
            let fields = roots.entry(root).or_default();
            let Some(value) = slot else { continue };
            match field.split_once('.') {
                Some((_, inner)) => address.insert(inner.to_owned(), self.value(value)),
                None => fields.insert(field.to_owned(), self.value(value)),
            };
        }
        roots
            .entry("user")
            .or_default()
            .insert("address".to_owned(), address.into());
        let mut context = cel::Context::with_env(Arc::clone(&self.env));
        for (root, fields) in roots {
            context.add_variable_from_value(root, fields);
        }
        context.add_variable_from_value("now", self.instants[&now()].clone());
        context
    }
}

const INSTANTS: [&str; 5] = [
    "2026-12-01T00:00:00Z",
    "2026-10-25T00:59:59.5Z",
    "1969-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00Z",
    "2100-02-28T23:59:59Z",
];

fn strings() -> impl Strategy<Value = Value<'static>> + Clone {
    prop::sample::select(vec![
        "",
        "gold",
        "none",
        "go",
        "café ☕",
        "7",
        "-1.5",
        "x".repeat(300).leak(),
    ])
    .prop_map(|text: &str| Value::String(text.into()))
}

fn doubles() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.5,
            7.0,
            199.99,
            200.0,
            9_007_199_254_740_992.0,
            1e300,
            -2e18
        ])
        .prop_map(Value::Double),
        any::<f64>().prop_map(Value::Double),
    ]
}

fn ints() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![3 => (-4_i64..10).prop_map(Value::Int), 1 => any::<i64>().prop_map(Value::Int)]
}

fn value_of(ty: AttributeType) -> BoxedStrategy<Value<'static>> {
    match ty {
        AttributeType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        AttributeType::Int => ints().boxed(),
        AttributeType::Double => doubles().boxed(),
        AttributeType::String => strings().boxed(),
        AttributeType::Timestamp => prop::sample::select(INSTANTS.to_vec())
            .prop_map(|at| Value::Timestamp(at.parse().unwrap()))
            .boxed(),
        AttributeType::StringList => prop::collection::vec(strings(), 0..6)
            .prop_map(Value::List)
            .boxed(),
    }
}

/// Values for every slot, each missing at times.
pub(crate) fn slots() -> impl Strategy<Value = Slots> {
    let declared = ATTRIBUTES.map(|(_, ty)| value_of(ty));
    let dynamic = DYNAMIC.map(|_| {
        Union::new(
            [
                AttributeType::Bool,
                AttributeType::Int,
                AttributeType::Double,
                AttributeType::String,
            ]
            .map(value_of),
        )
        .boxed()
    });
    declared
        .into_iter()
        .chain(dynamic)
        .map(|value| prop::option::weighted(0.75, value))
        .collect::<Vec<_>>()
}
