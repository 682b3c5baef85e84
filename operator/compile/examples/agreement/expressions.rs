//! Conditions made by chance.

use attune_core::bundle::{Attribute, Rule};
use attune_core::expr::{self, Expect, Schema};
use fastrand::Rng;
use std::collections::BTreeMap;

/// A condition over attributes of every type; once in a while one that targeting cannot say.
pub(crate) fn condition(rng: &mut Rng, attributes: &BTreeMap<String, Attribute>) -> Rule {
    loop {
        let source = combined(rng, 3);
        if let Some(rule) = compile(&source, attributes, Expect::Bool) {
            return rule;
        }
    }
}

/// A score, usually a number.
pub(crate) fn score(rng: &mut Rng, attributes: &BTreeMap<String, Attribute>) -> Option<Rule> {
    let source = match rng.u8(0..8) {
        0 => "user.spend".to_owned(),
        1 => format!("-{}.5", rng.u8(0..9)),
        _ => rng.u8(0..4).to_string(),
    };
    compile(&source, attributes, Expect::Number)
}

fn compile(source: &str, attributes: &BTreeMap<String, Attribute>, expect: Expect) -> Option<Rule> {
    let mut schema = Schema::new();
    for (name, attribute) in attributes {
        schema.declare(expr::Attribute {
            name: name.clone(),
            ty: attribute.ty,
            values: attribute.values.clone(),
        });
    }
    let expression = expr::compile(source, &schema, expect).ok()?;
    Some(Rule {
        source: source.to_owned(),
        expression,
    })
}

fn combined(rng: &mut Rng, depth: u8) -> String {
    if depth == 0 || rng.u8(0..3) == 0 {
        return test(rng);
    }
    let part = |rng: &mut Rng| combined(rng, depth - 1);
    match rng.u8(0..8) {
        0..=2 => format!("({} && {})", part(rng), part(rng)),
        3..=4 => format!("({} || {})", part(rng), part(rng)),
        5..=6 => format!("!({})", part(rng)),
        _ => format!("({} ? {} : {})", part(rng), part(rng), part(rng)),
    }
}

fn test(rng: &mut Rng) -> String {
    let mut pick = |of: &[&str]| of[rng.usize(0..of.len())].to_owned();
    let order = pick(&["<", "<=", ">", ">=", "==", "!="]);
    let tier = pick(&["none", "silver", "gold", "platinum"]);
    let tag = pick(&["shoes", "sale", "héllo", "a\\\"b"]);
    let name = pick(&[
        "user.tier",
        "user.age",
        "user.spend",
        "user.tags",
        "user.vip",
        "plan",
        "user.seen",
    ]);
    let whole = pick(&["-3", "0", "1", "18", "40"]);
    let number = pick(&["-1.5", "0.0", "1.0", "18.0", "99.99"]);
    let day = pick(&["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]);
    let question = pick(&["startsWith", "endsWith", "contains"]);
    let piece = pick(&["", "g", "pro", "ü", "-x"]);
    match rng.u8(0..24) {
        0..=2 => format!("user.tier == \"{tier}\""),
        3 => format!("user.tier != \"{tier}\""),
        4..=5 => format!("user.tier in [\"{tier}\", \"gold\"]"),
        6..=8 => format!("user.age {order} {whole}"),
        9..=11 => format!("user.spend {order} {number}"),
        12..=13 => format!("\"{tag}\" in user.tags"),
        14 => "user.vip".to_owned(),
        15 => "user.vip == false".to_owned(),
        16..=17 => format!("has({name})"),
        18..=19 => format!("plan.{question}(\"{piece}\")"),
        20 => format!(
            "now {} timestamp(\"{day}\")",
            if order == "==" || order == "!=" {
                ">"
            } else {
                &order
            }
        ),
        21 => format!("user.age in [{whole}, 18, 7]"),
        22 => format!("health.flag {} true", if order == "!=" { "!=" } else { "==" }),
        _ => ["size(plan) > 2", "plan.matches(\"^a.*z$\")", "user.age + 1 > 18"][rng.usize(0..3)].to_owned(),
    }
}
