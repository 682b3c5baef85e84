use super::*;
use crate::expr::{Attribute, Expect, Schema, compile};
use crate::value::AttributeType;

fn expression(source: &str) -> Expression {
    let mut schema = Schema::new();
    schema.declare(Attribute {
        name: "value".into(),
        ty: AttributeType::Double,
        values: Vec::new(),
    });
    schema.declare_dynamic("properties");
    compile(source, &schema, Expect::Bool).unwrap()
}

#[test]
fn gives_what_a_database_can_state_too() {
    let source = r#"value > 0 && (properties.kind in ["a", "b"] || !has(properties.gift)) && 3.5 >= properties.weight
        && properties.sku.startsWith("x-") && "sale" in properties.tags && properties.paid && properties.step != -2"#;
    let found = expression(source);
    let (kind, weight) = ("properties.kind", "properties.weight");
    assert_eq!(
        found.condition().unwrap(),
        Condition::And(vec![
            Condition::Order("value", Side::Above, Literal::Number(0.0)),
            Condition::Or(vec![
                Condition::OneOf(kind, vec![Literal::Text("a"), Literal::Text("b")]),
                Condition::Not(Box::new(Condition::Has("properties.gift"))),
            ]),
            Condition::Order(weight, Side::UpTo, Literal::Number(3.5)),
            Condition::Text("properties.sku", Piece::Start, "x-"),
            Condition::Lists("properties.tags", "sale"),
            Condition::Is("properties.paid"),
            Condition::Not(Box::new(Condition::Equals(
                "properties.step",
                Literal::Number(-2.0)
            ))),
        ])
    );
}

#[test]
fn names_what_a_database_cannot_state() {
    for (source, what) in [
        ("value * 2.0 > 3.0", "arithmetic"),
        ("properties.sku.matches('a+')", "`matches`"),
        ("size(properties.tags) > 1", "`size`"),
        ("properties.tags.exists(t, t == 'x')", "a macro"),
        ("properties.a == properties.b", "a comparison"),
        ("value > 1.0 ? true : false", "a ternary"),
        (
            "properties.a > 1 || now > timestamp('2026-01-01T00:00:00Z')",
            "an instant",
        ),
    ] {
        let message = expression(source).condition().unwrap_err().to_string();
        assert!(message.starts_with(what), "{source}: {message}");
    }
}

#[test]
fn refuses_what_compile_did_not_build() {
    for json in [
        r"[]",
        r#"["not"]"#,
        r#"[{"and": 3}]"#,
        r#"[{"bool": true}, {"bool": true}]"#,
    ] {
        let found: Expression = serde_json::from_str(json).unwrap();
        assert_eq!(found.condition(), Err(INCOMPLETE), "{json}");
    }
    let deep = format!("[{}{}]", r#"{"bool": true}"#, r#", "not""#.repeat(100));
    let found: Expression = serde_json::from_str(&deep).unwrap();
    assert!(found.condition().is_err());
}
