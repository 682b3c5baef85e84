//! Asks the stock evaluator of flagd for Rust, and compares it with what our engine answered.
//!
//! It is the engine of the `open-feature-flagd` provider, which exports no way to evaluate a document without a server or a
//! file to watch.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use flagd_evaluation_engine::{FlagParser, Operator};
use open_feature::{EvaluationContext, EvaluationContextFieldValue, StructValue, Value};
use serde_json::Value as Json;

fn main() -> anyhow::Result<()> {
    let (mut cases, mut untold, mut instead, mut wrong) = (0, 0, 0, 0);
    let operator = Operator::new();
    for file in std::env::args().skip(1) {
        let document: Json = serde_json::from_slice(&std::fs::read(&file)?)?;
        let flags = FlagParser::parse_string(&document["flags"].to_string())?.flags;
        for case in document["cases"].as_array().context("no cases")? {
            let Some(context) = context(&case["context"]) else {
                untold += 1;
                continue;
            };
            cases += 1;
            let name = case["flag"].as_str().context("no flag")?;
            // A touchpoint that shows nothing to anybody is no flag.
            let Some(flag) = flags.get(name) else {
                wrong += i32::from(!case["answer"].is_null());
                continue;
            };
            let targeted = match &flag.targeting {
                Some(_) => operator.apply(name, &flag.get_targeting(), &context)?,
                None => None,
            };
            let label = targeted.unwrap_or_else(|| flag.default_variant.clone());
            let variant = (!label.is_empty()).then(|| (label.as_str(), flag.variants.get(&label)));
            if agrees(variant, &case["answer"]) {
                continue;
            }
            if case.get("baseline").is_some_and(|baseline| agrees(variant, baseline)) {
                instead += 1;
                continue;
            }
            wrong += 1;
            if wrong <= 5 {
                eprintln!("{file} {case} {variant:?}");
            }
        }
    }
    println!("rust: {cases} answers ({untold} contexts it cannot hold), {instead} of them the baseline for what is refused, {wrong} wrong");
    if wrong > 0 {
        bail!("the evaluator answers otherwise");
    }
    Ok(())
}

/// Whether an evaluation is the answer: the variant under its own label, and the same words.
fn agrees(variant: Option<(&str, Option<&Json>)>, answer: &Json) -> bool {
    match variant {
        None => answer.is_null(),
        Some((label, words)) => {
            let name = label.split(['@', '~']).next();
            name == answer["variant"].as_str() && words == Some(&answer["value"])
        }
    }
}

/// A context of the SDK; `None` where it has no such thing as a value in it: null in a list.
fn context(json: &Json) -> Option<EvaluationContext> {
    let mut context = EvaluationContext::default();
    for (key, value) in json.as_object()? {
        match value {
            Json::Null => {}
            Json::String(text) if key == "targetingKey" => context = context.with_targeting_key(text),
            value => {
                let value: EvaluationContextFieldValue = match self::value(value)? {
                    Value::Struct(fields) => EvaluationContextFieldValue::Struct(Arc::new(fields)),
                    value @ Value::Array(_) => EvaluationContextFieldValue::Struct(Arc::new(value)),
                    Value::Bool(value) => value.into(),
                    Value::Int(value) => value.into(),
                    Value::Float(value) => value.into(),
                    Value::String(value) => value.into(),
                };
                context.add_custom_field(key, value);
            }
        }
    }
    Some(context)
}

fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(value) => Value::String(value.clone()),
        Json::Array(items) => Value::Array(items.iter().map(value).collect::<Option<_>>()?),
        Json::Object(members) => {
            let present = members.iter().filter(|(_, member)| !member.is_null());
            let fields = present.map(|(key, member)| Some((key.clone(), value(member)?)));
            Value::Struct(StructValue {
                fields: fields.collect::<Option<HashMap<_, _>>>()?,
            })
        }
    })
}
