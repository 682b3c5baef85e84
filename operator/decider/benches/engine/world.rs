//! A Channel as large as wanted, with everything on: audiences, splits, a holdout, caps, consent.

use attune_core::bundle::Bundle;
use attune_core::expr::{self, Expect, Schema};
use attune_core::value::AttributeType;
use serde_json::{Value, json};

/// What the audiences of a world look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// What somebody is, then how much; the last of every three is one that the request is in.
    Mixed,
    /// What somebody is: `user.segment == "s17" && session.cartValue >= 20.0`.
    Segments,
    /// How much alone: `user.spend90d >= 17.0 && session.cartValue >= 20.0`; nothing tells in advance who matches.
    Ranges,
}

/// A request of 200 bytes, as an app's backend sends it.
pub(crate) fn request(unit: usize) -> String {
    json!({"context": {
        "targetingKey": format!("user-{unit:06}"),
        "user": {"tier": "gold", "segment": "s1", "spend90d": 230.5},
        "session": {"cartValue": 80.5, "itemCount": 3, "returning": true},
        "consent": ["personalization"], "locale": "en"
    }})
    .to_string()
}

/// So many touchpoints with three targeting rules and a split each.
pub(crate) fn channel(touchpoints: usize) -> Bundle {
    build(touchpoints, touchpoints * 3, 3, Rules::Mixed)
}

/// So many audiences, dealt out to so many touchpoints.
pub(crate) fn build(touchpoints: usize, audiences: usize, per_touchpoint: usize, rules: Rules) -> Bundle {
    let mut bundle = json!({
        "formatVersion": 1, "namespace": "shop", "channel": "web",
        "settings": {
            "identity": {"unit": "targetingKey", "consent": "consent", "locale": "locale"},
            "locales": ["en", "de"], "metadata": "Full",
            "caps": [{"per": "Unit", "max": 1000, "windowSeconds": 3600}]
        },
        "attributes": attributes(),
        "audiences": {}, "modules": {}, "experiments": {}, "touchpoints": {}, "bindings": {},
        "programs": {"retention": {"purpose": "personalization", "holdouts": ["always"]}},
        "holdouts": {"always": {"salt": "shop/always:holdout", "shareBp": 500}},
    });
    for audience in 0..audiences {
        bundle["audiences"][format!("a{audience}@0")] = json!({
            "name": format!("a{audience}"), "match": rule(&source(rules, audience))
        });
    }
    for touchpoint in 0..touchpoints {
        let name = format!("place-{touchpoint}");
        let module = format!("hero-{touchpoint}@0");
        let first = touchpoint * per_touchpoint;
        let candidates: Vec<Value> = (first..first + per_touchpoint)
            .map(|audience| json!({"module": module, "audiences": [format!("a{}@0", audience % audiences.max(1))]}))
            .collect();
        bundle["modules"][&module] = words(touchpoint);
        bundle["touchpoints"][&name] = json!({"baseline": module});
        bundle["bindings"][&name] = json!({
            "touchpoint": name, "program": "retention", "priority": 100, "rolloutBp": 10000,
            "exposure": "OnDecision", "candidates": candidates,
            "caps": [{"per": "Unit", "max": 500, "windowSeconds": 3600}]
        });
        bundle["experiments"][format!("split-{touchpoint}")] = json!({
            "mode": {"type": "split"}, "salt": format!("shop/split-{touchpoint}"), "phase": 1,
            "bindings": [name], "trafficBp": 10000,
            "arms": [
                {"name": "control", "weight": 1, "control": true, "effect": {"type": "Baseline"}},
                {"name": "treatment", "weight": 1, "effect": {"type": "Personalize"}}
            ]
        });
    }
    serde_json::from_value(bundle).expect("a bundle")
}

fn words(touchpoint: usize) -> Value {
    let headline = format!("Early access for place {touchpoint}");
    json!({
        "name": format!("hero-{touchpoint}"), "baseline": "everyone",
        "core": {"legal": "Offers while stocks last."},
        "variants": [
            {"name": "everyone", "content": {"headline": "Welcome", "cta": "Shop now"}},
            {"name": "special", "content": {"headline": headline, "cta": "See it first"}}
        ]
    })
}

fn source(rules: Rules, audience: usize) -> String {
    match (rules, audience % 3) {
        (Rules::Mixed, 2) => r#"user.tier in ["gold", "platinum"] && user.spend90d > 200.0"#.to_owned(),
        (Rules::Mixed | Rules::Segments, _) => format!(
            r#"user.segment == "s{}" && session.cartValue >= 20.0"#,
            audience + 2
        ),
        (Rules::Ranges, _) => format!(
            "user.spend90d >= {}00000.5 && session.itemCount > 0",
            audience + 1
        ),
    }
}

fn attributes() -> Value {
    let mut attributes = json!({});
    for (name, ty) in TYPES {
        attributes[name] = json!({"type": ty.as_str(), "purpose": "service"});
    }
    attributes
}

const TYPES: [(&str, AttributeType); 6] = [
    ("user.tier", AttributeType::String),
    ("user.segment", AttributeType::String),
    ("user.spend90d", AttributeType::Double),
    ("session.cartValue", AttributeType::Double),
    ("session.itemCount", AttributeType::Int),
    ("session.returning", AttributeType::Bool),
];

fn rule(source: &str) -> Value {
    let mut schema = Schema::new();
    for (name, ty) in TYPES {
        schema.declare(expr::Attribute {
            name: name.to_owned(),
            ty,
            values: vec![],
        });
    }
    let expression = expr::compile(source, &schema, Expect::Bool).expect(source);
    json!({"source": source, "expression": expression})
}
