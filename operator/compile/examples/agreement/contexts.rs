//! Contexts made by chance: what is expected, what is not, and nothing.

use attune_core::bundle::{Attribute, Bundle};
use attune_core::value::AttributeType;
use fastrand::Rng;
use serde_json::{Map, Value as Json, json};

/// A context for the rules of a bundle. What is named with dots is nested, as evaluators read it.
pub(crate) fn random(rng: &mut Rng, bundle: &Bundle) -> Json {
    let mut context = Map::new();
    let texts: Vec<&str> = texts(bundle).collect();
    for (name, attribute) in &bundle.attributes {
        if rng.u8(0..5) > 0 {
            let value = value(rng, attribute, &texts);
            put(&mut context, name, value);
        }
    }
    let identity = &bundle.settings.identity;
    if rng.u8(0..20) > 0 {
        let key = if rng.u8(0..30) == 0 {
            String::new()
        } else {
            unit(rng)
        };
        context.insert("targetingKey".into(), json!(key));
    }
    if identity.unit != "targetingKey" && rng.u8(0..6) > 0 {
        let unit = if rng.u8(0..8) == 0 {
            anything(rng)
        } else {
            json!(unit(rng))
        };
        put(&mut context, &identity.unit, unit);
    }
    if let Some(path) = identity.fallback.as_ref().filter(|_| rng.bool()) {
        let unit = if rng.u8(0..6) == 0 {
            anything(rng)
        } else {
            json!(unit(rng))
        };
        put(&mut context, path, unit);
    }
    if let Some(path) = identity.consent.as_ref().filter(|_| rng.u8(0..12) > 0) {
        let consent = consent(rng, bundle);
        put(&mut context, path, consent);
    }
    if let Some(path) = identity.locale.as_ref().filter(|_| rng.u8(0..4) > 0) {
        let locale = locale(rng);
        put(&mut context, path, locale);
    }
    Json::Object(context)
}

/// Texts that the rules compare with.
fn texts(bundle: &Bundle) -> impl Iterator<Item = &str> {
    let candidates = bundle.bindings.values().flat_map(|binding| &binding.candidates);
    let own = candidates.filter_map(|candidate| candidate.when.as_ref());
    let audiences = bundle.audiences.values().map(|audience| &audience.rule);
    own.chain(audiences).flat_map(|rule| rule.expression.texts())
}

fn put(context: &mut Map<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None => {
            context.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = context.entry(first).or_insert_with(|| json!({}));
            if let Json::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Of ASCII: the evaluator for JavaScript hashes other letters as nobody else does.
fn unit(rng: &mut Rng) -> String {
    match rng.u8(0..8) {
        0 => format!("unit {}", rng.u32(0..5000)),
        1 => rng.u32(..).to_string(),
        _ => format!("u{}", rng.u64(..)),
    }
}

fn value(rng: &mut Rng, attribute: &Attribute, texts: &[&str]) -> Json {
    if rng.u8(0..6) == 0 {
        return anything(rng);
    }
    let text = |rng: &mut Rng| match rng.u8(0..4) {
        0 => json!(["", "g", "gold-x", "pro", "früh", "18", "true"][rng.usize(0..7)]),
        1 if !attribute.values.is_empty() => json!(attribute.values[rng.usize(0..attribute.values.len())]),
        _ if !texts.is_empty() => json!(texts[rng.usize(0..texts.len())]),
        _ => json!("gold"),
    };
    match attribute.ty {
        AttributeType::Bool => json!(rng.bool()),
        AttributeType::Int => [
            json!(rng.i64(-5..60)),
            json!(18),
            json!(18.0),
            json!(17.5),
            json!(0),
        ][rng.usize(0..5)]
        .clone(),
        AttributeType::Double => [
            json!(rng.f64() * 400.0),
            json!(18),
            json!(99.99),
            json!(1e21),
            json!(-1.5),
        ][rng.usize(0..5)]
        .clone(),
        AttributeType::String => text(rng),
        AttributeType::Timestamp => json!("2026-11-01T00:00:00Z"),
        AttributeType::StringList => Json::Array((0..rng.usize(0..4)).map(|_| text(rng)).collect()),
    }
}

/// A value of any type.
fn anything(rng: &mut Rng) -> Json {
    let all = [
        Json::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(1.0),
        json!(-7),
        json!(1e300),
        json!(""),
        json!("gold"),
        json!("5"),
        json!("-"),
        json!([]),
        json!([5]),
        json!([null, 5]),
        json!(["gold"]),
        json!(["gold", 5]),
        json!(["gold", null]),
        json!([["gold"]]),
        json!([true]),
        json!(["7"]),
        json!({}),
        json!({"a": 1}),
        json!({"0": 1}),
    ];
    all[rng.usize(0..all.len())].clone()
}

fn consent(rng: &mut Rng, bundle: &Bundle) -> Json {
    let purposes: Vec<&str> = bundle
        .programs
        .values()
        .map(|program| program.purpose.as_str())
        .chain(
            bundle
                .attributes
                .values()
                .map(|attribute| attribute.purpose.as_str()),
        )
        .collect();
    let some: Vec<&str> = purposes.into_iter().filter(|_| rng.u8(0..5) > 0).collect();
    match rng.u8(0..10) {
        0 => anything(rng),
        1 => some
            .first()
            .map_or(json!("personalization"), |first| json!(first)),
        2 => {
            let mut mixed: Vec<Json> = some.iter().map(|purpose| json!(purpose)).collect();
            mixed.push(json!(4));
            json!(mixed)
        }
        3..=5 => json!(some),
        _ => {
            let grants = ["Explicit", "Implied", "Explicit", "Denied", "explicit"];
            let entries = some
                .iter()
                .map(|purpose| ((*purpose).to_owned(), json!(grants[rng.usize(0..grants.len())])));
            Json::Object(entries.collect())
        }
    }
}

fn locale(rng: &mut Rng) -> Json {
    let asked = [
        "de",
        "DE",
        "de-AT",
        "fr",
        "fr-CH",
        "fr-CA",
        "De-at",
        "de-CH",
        "de-",
        "deu",
        "d",
        "",
        "en-GB",
        "en",
        "fr",
        "zh-Hant-TW",
        "ZH-hant",
        "zh",
        "zh-Hans",
        "de-x-foo",
        "de-AT-1996",
        "dé",
        "-de",
        "ſe",
    ];
    if rng.u8(0..12) == 0 {
        anything(rng)
    } else {
        json!(asked[rng.usize(0..asked.len())])
    }
}
