use super::*;
use crate::expr::condition::{Condition, Literal};
use crate::expr::{Attribute, Expect, Schema, compile};
use crate::value::AttributeType;

fn expression(source: &str) -> Expression {
    let mut schema = Schema::new();
    for (name, ty) in [
        ("user.age", AttributeType::Int),
        ("user.seen", AttributeType::Timestamp),
        ("user.paying", AttributeType::Bool),
    ] {
        schema.declare(Attribute {
            name: name.into(),
            ty,
            values: Vec::new(),
        });
    }
    compile(source, &schema, Expect::Bool).unwrap()
}

#[test]
fn keeps_terms_without_a_translation_apart() {
    let found = expression(r#"user.age > 17 && !(now - user.seen > duration("72h") || user.paying)"#);
    assert_eq!(
        found.clause(),
        Clause::All(vec![
            Clause::Term(Condition::Order("user.age", Side::Above, Literal::Number(17.0))),
            Clause::Not(Box::new(Clause::Any(vec![
                Clause::Opaque("an instant or a duration"),
                Clause::Term(Condition::Is("user.paying")),
            ]))),
        ])
    );
}

#[test]
fn names_history_as_what_has_no_translation() {
    for source in [
        r#"history.count("purchase", duration("1h")) > 0"#,
        r#"history.shown("Program/loyalty", duration("1h")) > 0"#,
    ] {
        let found = expression(source);
        assert_eq!(found.clause(), Clause::Opaque("what `history` knows"), "{source}");
    }
}

#[test]
fn reads_where_now_lies() {
    let at = "2026-12-24T00:00:00Z".parse().unwrap();
    for (source, side) in [
        (r#"now >= timestamp("2026-12-24T00:00:00Z")"#, Side::From),
        (r#"timestamp("2026-12-24T00:00:00Z") > now"#, Side::Below),
    ] {
        assert_eq!(expression(source).clause(), Clause::Now(side, at), "{source}");
    }
    assert_eq!(
        expression(r#"now == timestamp("2026-12-24T00:00:00Z")"#).clause(),
        Clause::Opaque("whether two instants are the same")
    );
}

#[test]
fn takes_a_ternary_apart() {
    assert!(matches!(
        expression("user.paying ? user.age > 3 : user.age > 5").clause(),
        Clause::If(parts) if parts.iter().all(|part| matches!(part, Clause::Term(_)))
    ));
}

#[test]
fn tells_the_number_of_a_literal() {
    let number = |source| compile(source, &Schema::new(), Expect::Number).unwrap().number();
    assert_eq!(number("3"), Some(3.0));
    assert_eq!(number("-2.5"), Some(-2.5));
    assert_eq!(number("3 + 4"), None);
}
