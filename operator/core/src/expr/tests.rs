use jiff::Timestamp;

use super::ExprErrorKind::WrongResult;
use super::{Attribute, EvalError, Expect, Expression, Schema, compile, is_attribute_name};
use crate::value::{AttributeType, SlotId, Value};

const NAMES: [&str; 11] = [
    "user.tier",
    "user.spend90d",
    "user.lastSeen",
    "user.interests",
    "user.address.country",
    "session.itemCount",
    "session.returning",
    "locale",
    "value",
    "properties.currency",
    "session.tags",
];

pub(super) fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

pub(super) fn schema() -> Schema {
    let mut schema = Schema::new();
    let mut declare = |name: &str, ty, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        schema.declare(Attribute {
            name: name.into(),
            ty,
            values,
        });
    };
    declare(
        "user.tier",
        AttributeType::String,
        &["none", "silver", "gold", "platinum"],
    );
    declare("user.spend90d", AttributeType::Double, &[]);
    declare("user.lastSeen", AttributeType::Timestamp, &[]);
    declare(
        "user.interests",
        AttributeType::StringList,
        &["shoes", "bags", "hats"],
    );
    declare("user.address.country", AttributeType::String, &[]);
    declare("session.itemCount", AttributeType::Int, &[]);
    declare("session.returning", AttributeType::Bool, &[]);
    declare("session.tags", AttributeType::StringList, &[]);
    declare("locale", AttributeType::String, &[]);
    declare("value", AttributeType::Double, &[]);
    schema.declare_dynamic("properties");
    schema
}

fn slot_of(name: &str) -> Option<SlotId> {
    NAMES
        .iter()
        .zip(0..)
        .find(|(own, _)| **own == name)
        .map(|(_, id)| SlotId(id))
}

/// A loyal shopper; `session.returning`, `locale` and `session.tags` are missing.
fn shopper() -> Vec<Option<Value<'static>>> {
    let strings = |texts: &[&'static str]| {
        Value::List(texts.iter().map(|text| Value::String((*text).into())).collect())
    };
    vec![
        Some(Value::String("gold".into())),
        Some(Value::Double(250.0)),
        Some(Value::Timestamp("2026-10-01T12:30:00Z".parse().unwrap())),
        Some(strings(&["shoes", "hats"])),
        Some(Value::String("de".to_owned().into())),
        Some(Value::Int(3)),
        None,
        None,
        Some(Value::Double(19.9)),
        Some(Value::String("EUR".into())),
        None,
    ]
}

fn compiled(source: &str) -> Expression {
    compile(source, &schema(), Expect::Bool).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
}

pub(super) fn matches(source: &str) -> Result<bool, EvalError> {
    compiled(source).link(slot_of).unwrap().matches(&shopper(), now())
}

#[test]
fn evaluates_the_conditions_that_strategies_are_made_of() {
    let table = [
        (
            r#"user.tier in ["gold", "platinum"] && user.spend90d > 200.0"#,
            true,
        ),
        (
            r#"has(user.lastSeen) && now - user.lastSeen > duration("720h")"#,
            true,
        ),
        ("user.spend90d >= 250 && session.itemCount < 3.5", true),
        (r#"user.tier == "silver" || user.tier != "gold""#, false),
        (
            r#""shoes" in user.interests && !("bags" in user.interests)"#,
            true,
        ),
        (
            r#"user.interests == ["shoes", "hats"] && size(user.interests) == 2"#,
            true,
        ),
        (
            r#"user.interests.exists(x, x.startsWith("sh")) && user.interests.all(x, x != "bags")"#,
            true,
        ),
        (r#"user.interests.exists_one(x, x == "hats")"#, true),
        (
            r#"user.interests.filter(x, x.endsWith("s")).map(x, size(x)) == [5, 4]"#,
            true,
        ),
        (
            r#"user.interests.map(x, x != "hats", x + "!") == ["shoes!"]"#,
            true,
        ),
        (
            "user.interests.all(x, session.itemCount > 2 && [1, 2].exists(y, y < size(x)))",
            true,
        ),
        (
            r#"user.interests[1] == "hats" && user.address.country.matches("^d.$")"#,
            true,
        ),
        (
            "session.itemCount % 2 == 1 ? user.spend90d / 2.0 > 100.0 : false",
            true,
        ),
        (
            r#"now.getHours("Europe/Berlin") == 1 && now.getHours() == 0 && now.getMonth() == 11"#,
            true,
        ),
        (
            r#"now.getDayOfWeek() == 2 && now.getMinutes("+05:30") == 30"#,
            true,
        ),
        ("(now - user.lastSeen).getHours() == 1451", true),
        (
            r#"value > 0.0 && properties.currency == "EUR" && properties.currency in ["EUR", "CHF"]"#,
            true,
        ),
        ("properties.currency == 5", false),
        ("session.itemCount in [1, 2.5, 3]", true),
        (r#"user.tier in ["none", "silver"] || user.tier in []"#, false),
        (
            r#"string(session.itemCount) + "x" == "3x" && int("7") == 7 && double("1.5") == 1.5"#,
            true,
        ),
        (
            r#"timestamp("2026-12-01T00:00:00Z") == now && duration("1h") + duration("30m") == duration("90m")"#,
            true,
        ),
    ];
    for (source, expected) in table {
        assert_eq!(matches(source), Ok(expected), "{source}");
    }
}

#[test]
fn a_missing_attribute_is_an_error_that_logic_absorbs() {
    let missing = Err(EvalError::Missing(slot_of("session.returning").unwrap()));
    let table = [
        ("session.returning", missing),
        ("!session.returning", missing),
        ("session.returning && true", missing),
        ("true && session.returning", missing),
        ("session.returning && false", Ok(false)),
        ("false && session.returning", Ok(false)),
        ("session.returning || true", Ok(true)),
        ("true || session.returning", Ok(true)),
        ("session.returning || false", missing),
        ("session.returning ? true : true", missing),
        ("true ? true : session.returning", Ok(true)),
        ("has(session.returning)", Ok(false)),
        ("has(session.returning) && session.returning", Ok(false)),
        ("[1, 2].exists(x, x == 2 || session.returning)", Ok(true)),
        ("[1, 2].all(x, x == 2 && session.returning)", Ok(false)),
        ("[1, 2].all(x, x > 0 || session.returning)", Ok(true)),
        ("[1, 2].exists_one(x, x == 1 && session.returning)", missing),
        ("session.returning in [true, false]", missing),
    ];
    for (source, expected) in table {
        assert_eq!(matches(source), expected, "{source}");
    }
    assert_eq!(
        matches("locale in []"),
        Err(EvalError::Missing(slot_of("locale").unwrap()))
    );
}

#[test]
fn the_first_of_several_errors_is_told() {
    let locale = EvalError::Missing(slot_of("locale").unwrap());
    assert_eq!(matches(r#"locale == "de" && session.returning"#), Err(locale));
    assert_eq!(
        matches("1 / 0 == 1 || session.returning"),
        Err(EvalError::DivisionByZero)
    );
}

#[test]
fn tells_arithmetic_that_has_no_result() {
    let table = [
        ("session.itemCount + 9223372036854775807 > 0", EvalError::Overflow),
        ("session.itemCount % 0 == 0", EvalError::DivisionByZero),
        ("0.0 / 0.0 < 1.0", EvalError::Unordered),
        ("int(1e300) == 0", EvalError::Overflow),
        (r#"int("x") == 0"#, EvalError::Conversion),
        ("user.interests[5] == locale", EvalError::OutOfBounds),
        ("user.interests[-1] == locale", EvalError::OutOfBounds),
        ("properties.currency < 5", EvalError::TypeMismatch),
        (
            r#"timestamp("9900-01-01T00:00:00Z") + duration("2562047h") > now"#,
            EvalError::Overflow,
        ),
        (
            r#"timestamp("0100-01-01T00:00:00Z") - duration("2562047h") < now"#,
            EvalError::Overflow,
        ),
        (
            r#"now - timestamp("1500-01-01T00:00:00Z") > duration("1h")"#,
            EvalError::Overflow,
        ),
    ];
    for (source, error) in table {
        assert_eq!(matches(source), Err(error), "{source}");
    }
}

#[test]
fn a_score_is_a_number() {
    let program = compile("user.spend90d * 0.5", &schema(), Expect::Number)
        .unwrap()
        .link(slot_of)
        .unwrap();
    assert_eq!(program.eval(&shopper(), now()), Ok(Value::Double(125.0)));
    let program = compile("size(user.tier)", &schema(), Expect::Number)
        .unwrap()
        .link(slot_of)
        .unwrap();
    assert_eq!(program.eval(&shopper(), now()), Ok(Value::Int(4)));
    assert_eq!(program.matches(&shopper(), now()), Err(EvalError::TypeMismatch));
    for source in ["user.tier", "true", "now", r#"duration("1h")"#, "user.interests"] {
        assert_eq!(
            compile(source, &schema(), Expect::Number).unwrap_err()[0].kind,
            WrongResult,
            "{source}"
        );
    }
    assert_eq!(
        compile("user.spend90d", &schema(), Expect::Bool).unwrap_err()[0].kind,
        WrongResult
    );
}

#[test]
fn the_lowered_form_is_compact_and_reads_back() {
    let expression = compiled(r#"user.tier in ["gold", "platinum"] && user.spend90d > 200.0"#);
    let json = serde_json::to_string(&expression).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"[{"attr":"user.tier"},{"strings":["gold","platinum"]},"in","#,
            r#"{"attr":"user.spend90d"},{"double":"200.0"},{"compare":">"},{"and":2}]"#
        )
    );
    assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
    assert_eq!(expression.attributes(), ["user.spend90d", "user.tier"]);
    assert_eq!(
        compiled("has(properties.a) && now > user.lastSeen").attributes(),
        ["properties.a", "user.lastSeen"]
    );
}

#[test]
fn canonical_json_keeps_every_number() {
    let source = r#"session.itemCount < 9223372036854775807 && value > -0.0 && value < 1e300
        && now - duration("1.000000001s") > timestamp("0001-01-01T00:00:00.000000001Z")"#;
    let expression = compiled(source);
    let json = serde_json_canonicalizer::to_string(&expression).unwrap();
    assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
}

#[test]
fn spaces_comments_and_parentheses_do_not_change_the_form() {
    let plain = compiled(r#"user.tier == "gold" && value > 1.0 && session.itemCount in [1, 2]"#);
    let spaced = compiled(
        "( user.tier  ==  'gold' // the best\n && (value>1.0) ) && session . itemCount in [ 1,\t2, ]",
    );
    assert_eq!(
        serde_json::to_string(&plain).unwrap(),
        serde_json::to_string(&spaced).unwrap()
    );
}

#[test]
fn a_link_without_a_slot_names_the_attribute() {
    let error = compiled("has(user.address.country)").link(|_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no slot for attribute `user.address.country`: add it to the bundle's attributes"
    );
}

#[test]
fn a_slot_that_the_request_does_not_have_is_missing() {
    let program = compiled("session.returning").link(|_| Some(SlotId(700))).unwrap();
    assert_eq!(program.matches(&[], now()), Err(EvalError::Missing(SlotId(700))));
}

#[test]
fn long_lists_of_strings_are_searched_like_short_ones() {
    let skus: Vec<String> = (0..500).map(|sku| format!("'sku-{sku}'")).collect();
    let mut slots = shopper();
    let program = compiled(&format!("user.address.country in [{}]", skus.join(",")))
        .link(slot_of)
        .unwrap();
    for (country, expected) in [
        ("sku-0", true),
        ("sku-499", true),
        ("sku-500", false),
        ("", false),
    ] {
        slots[4] = Some(Value::String(country.into()));
        assert_eq!(program.matches(&slots, now()), Ok(expected), "{country}");
    }
}

#[test]
fn knows_what_expressions_can_spell() {
    for name in ["user.tier", "locale", "a.b.c", "_x.y1", "user.if"] {
        assert!(is_attribute_name(name), "{name}");
    }
    for name in [
        "", "now", "now.x", "a.b.c.d", "a..b", ".a", "a.", "1a", "a-b", "user.in", "if", "true", "a b", "é",
    ] {
        assert!(!is_attribute_name(name), "{name}");
    }
}
