use serde_json::{Value as Json, json};

use super::SlotState::{Absent, OutsideValues, Present, Withheld, WrongType};
use super::*;
use crate::strategy::*;
use crate::value::AttributeType;

mod consent;
mod mend;
mod requests;

/// One attribute of each type, and of each number of segments.
fn typed() -> Plan {
    empty()
        .attribute("bool", AttributeType::Bool, "service")
        .attribute("user.int", AttributeType::Int, "service")
        .attribute("user.double", AttributeType::Double, "service")
        .attribute("user.string", AttributeType::String, "service")
        .attribute("user.seen", AttributeType::Timestamp, "service")
        .attribute("user.tags", AttributeType::StringList, "service")
        .attribute("a.b.c", AttributeType::Int, "service")
}

fn text(value: &str) -> Value<'static> {
    Value::String(value.to_owned().into())
}

/// What became of an attribute in a context given as JSON text.
fn read(strategy: &Plan, name: &str, json: &str) -> (Option<Value<'static>>, SlotState) {
    let engine = strategy.engine();
    let context = Context::decode(&engine, json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    let (index, (_, state)) = context
        .observed(&engine)
        .enumerate()
        .find(|(_, (own, _))| *own == name)
        .unwrap();
    (context.slots[index].as_ref().map(owned), state)
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::String(text) => Value::String(text.clone().into_owned().into()),
        Value::List(items) => Value::List(items.iter().map(owned).collect()),
        Value::Bool(bool) => Value::Bool(*bool),
        Value::Int(int) => Value::Int(*int),
        Value::Double(double) => Value::Double(*double),
        Value::Timestamp(instant) => Value::Timestamp(*instant),
        Value::Duration(duration) => Value::Duration(*duration),
    }
}

#[track_caller]
fn reads(name: &str, json: &str, value: Value<'static>) {
    assert_eq!(read(&typed(), name, json), (Some(value), Present), "{json}");
}

#[track_caller]
fn is(name: &str, json: &str, state: SlotState) {
    assert_eq!(read(&typed(), name, json), (None, state), "{json}");
}

#[test]
fn reads_each_type() {
    reads("bool", r#"{"bool": true}"#, Value::Bool(true));
    reads("user.int", r#"{"user.int": -3}"#, Value::Int(-3));
    reads("user.int", r#"{"user.int": 3.0}"#, Value::Int(3));
    reads(
        "user.int",
        r#"{"user.int": 9223372036854775807}"#,
        Value::Int(i64::MAX),
    );
    reads("user.int", r#"{"user.int": 1e3}"#, Value::Int(1000));
    reads("user.double", r#"{"user.double": 3}"#, Value::Double(3.0));
    reads(
        "user.double",
        r#"{"user.double": 18446744073709551615}"#,
        Value::Double(18_446_744_073_709_551_615.0),
    );
    reads("user.double", r#"{"user.double": 0.1}"#, Value::Double(0.1));
    reads("user.string", r#"{"user.string": ""}"#, text(""));
    reads(
        "user.seen",
        r#"{"user.seen": "2026-12-01T01:00:00.5+01:00"}"#,
        Value::Timestamp(instant("2026-12-01T00:00:00.5Z")),
    );
    reads("user.tags", r#"{"user.tags": []}"#, Value::List(vec![]));
    reads(
        "user.tags",
        r#"{"user.tags": ["a", "b"]}"#,
        Value::List(vec![text("a"), text("b")]),
    );
}

#[test]
fn drops_a_wrong_type() {
    for (name, value) in [
        ("bool", r#""true""#),
        ("bool", "1"),
        ("user.int", "3.5"),
        ("user.int", "9223372036854775808"),
        ("user.int", "1e300"),
        ("user.int", r#""3""#),
        ("user.double", r#""3""#),
        ("user.string", "3"),
        ("user.string", "{}"),
        ("user.string", r#"["a"]"#),
        ("user.seen", "1764547200"),
        ("user.seen", r#""yesterday""#),
        ("user.seen", r#""2026-12-01""#),
        ("user.seen", r#""2026-12-01T00:00:00""#),
        ("user.seen", r#""2026-12-01T00:00:00Z[UTC]""#),
        ("user.seen", r#""20261201T000000Z""#),
        ("user.tags", r#""a""#),
        ("user.tags", r#"["a", 1]"#),
        ("user.tags", r#"["a", null]"#),
        ("user.tags", r#"["a", ["b"]]"#),
        ("user.tags", "{}"),
    ] {
        is(name, &format!(r#"{{"{name}": {value}}}"#), WrongType);
    }
}

#[test]
fn takes_null_as_absent() {
    is("user.int", r#"{"user.int": null}"#, Absent);
    is("user.int", r#"{"user": null}"#, Absent);
    reads(
        "user.int",
        r#"{"user": {"int": null}, "user.int": 1}"#,
        Value::Int(1),
    );
    reads(
        "user.int",
        r#"{"user.int": 1, "user": {"int": null}}"#,
        Value::Int(1),
    );
}

#[test]
fn prefers_the_more_nested_spelling_in_any_order() {
    // From the most to the least nested; each holds its own rank.
    let spellings = [
        r#""a": {"b": {"c": 0}}"#,
        r#""a": {"b.c": 1}"#,
        r#""a.b": {"c": 2}"#,
        r#""a.b.c": 3"#,
    ];
    for (nested, winner) in spellings.iter().zip(0..) {
        reads("a.b.c", &format!("{{{nested}}}"), Value::Int(winner));
        for flat in spellings.iter().skip(usize::try_from(winner).unwrap() + 1) {
            reads("a.b.c", &format!("{{{nested}, {flat}}}"), Value::Int(winner));
            reads("a.b.c", &format!("{{{flat}, {nested}}}"), Value::Int(winner));
        }
    }
    is("user.int", r#"{"user": {"int": "x"}, "user.int": 1}"#, WrongType);
}

#[test]
fn takes_the_last_of_repeated_keys() {
    reads("user.int", r#"{"user.int": 1, "user.int": 2}"#, Value::Int(2));
    reads(
        "user.int",
        r#"{"user": {"int": 1}, "user": {"int": 2}}"#,
        Value::Int(2),
    );
    is("user.int", r#"{"user.int": 1, "user.int": "x"}"#, WrongType);
}

#[test]
fn unescapes_keys_and_values() {
    reads(
        "user.string",
        r#"{"\u0075ser": {"str\u0069ng": "gr\u00fc\u00df \ud83d\ude00 \"\\\n"}}"#,
        text("grüß 😀 \"\\\n"),
    );
    reads(
        "user.tags",
        r#"{"user.tags": ["\u0061", "b"]}"#,
        Value::List(vec![text("a"), text("b")]),
    );
}

#[test]
fn ignores_what_nothing_reads() {
    for json in [
        r#"{"other": {"deep": [1, {"x": null}]}, "user.int": 1}"#,
        r#"{"user": {"other": 1, "int.more": 2, "int": 1}}"#,
        r#"{"user.int.more": 5, "user.": 2, ".user": 3, "": 4, ".": 5, "user": {"": 6, "int": 1}}"#,
    ] {
        reads("user.int", json, Value::Int(1));
    }
}

#[test]
fn survives_any_depth() {
    for depth in [100, 1_000, 100_000] {
        for (open, close) in [("[", "]"), (r#"{"x":"#, "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            reads(
                "user.int",
                &format!(r#"{{"other": {deep}, "user": {{"int": 1}}}}"#),
                Value::Int(1),
            );
            is(
                "user.tags",
                &format!(r#"{{"user": {{"tags": {deep}}}}}"#),
                WrongType,
            );
            let user = format!(r#"{{"consent": {deep}, "locale": {deep}, "user.int": 1}}"#);
            reads("user.int", &user, Value::Int(1));
        }
    }
}

#[test]
fn drops_lists_and_strings_over_the_limit() {
    let list = |items: usize| format!(r#"{{"user.tags": [{}]}}"#, vec![r#""x""#; items].join(","));
    assert_eq!(read(&typed(), "user.tags", &list(256)).1, Present);
    is("user.tags", &list(257), WrongType);
    let string = |bytes: usize| format!(r#"{{"user.string": "{}"}}"#, "x".repeat(bytes));
    assert_eq!(read(&typed(), "user.string", &string(4096)).1, Present);
    is("user.string", &string(4097), WrongType);
    is(
        "user.tags",
        &format!(r#"{{"user.tags": ["{}"]}}"#, "x".repeat(4097)),
        WrongType,
    );
}

#[test]
fn keeps_and_counts_values_that_the_contract_does_not_list() {
    let strategy = empty()
        .attribute_with("tier", AttributeType::String, "service", |tier| {
            tier.values = vec!["gold".into()];
        })
        .attribute_with("tags", AttributeType::StringList, "service", |tags| {
            tags.values = vec!["a".into()];
        });
    assert_eq!(
        read(&strategy, "tier", r#"{"tier": "gold"}"#),
        (Some(text("gold")), Present)
    );
    assert_eq!(
        read(&strategy, "tier", r#"{"tier": "iron"}"#),
        (Some(text("iron")), OutsideValues)
    );
    assert_eq!(read(&strategy, "tags", r#"{"tags": ["a"]}"#).1, Present);
    let (kept, state) = read(&strategy, "tags", r#"{"tags": ["a", "b"]}"#);
    assert_eq!(
        (kept, state),
        (Some(Value::List(vec![text("a"), text("b")])), OutsideValues)
    );
}

#[test]
fn ignores_attributes_that_clients_may_not_supply() {
    let allow = |list: Option<&[&str]>| {
        typed().settings(|settings| {
            settings.client_attributes = list.map(|list| list.iter().map(ToString::to_string).collect());
        })
    };
    let json = r#"{"user": {"int": 1}, "targetingKey": "u1"}"#;
    for (list, state) in [
        (None, Present),
        (Some(["user.*"].as_slice()), Present),
        (Some(["user.int"].as_slice()), Present),
        (Some(["user.double", "a.*"].as_slice()), Absent),
        (Some(["use.*", "user", "user.in"].as_slice()), Absent),
        (Some([].as_slice()), Absent),
    ] {
        assert_eq!(read(&allow(list), "user.int", json).1, state, "{list:?}");
    }
    let deep = r#"{"a.b.c": 1}"#;
    assert_eq!(read(&allow(Some(&["a.*"])), "a.b.c", deep).1, Present);
    assert_eq!(read(&allow(Some(&["a.b.*"])), "a.b.c", deep).1, Present);
    let engine = allow(Some(&[])).engine();
    let context = Context::decode(&engine, json.as_bytes()).unwrap();
    assert_eq!(
        context.unit(),
        Some(("u1", UnitSource::Unit)),
        "who is asking is no attribute"
    );
}

fn unit(identity: fn(&mut crate::bundle::Identity), context: &Json) -> Option<String> {
    let engine = empty()
        .settings(|settings| identity(&mut settings.identity))
        .engine();
    let json = context.to_string();
    let context = Context::decode(&engine, json.as_bytes()).unwrap();
    context.unit().map(|(unit, _)| unit.to_owned())
}

#[test]
fn finds_the_unit_where_the_channel_says() {
    let by_default = |context: Json| unit(|_| {}, &context);
    assert_eq!(by_default(json!({"targetingKey": "u1"})).as_deref(), Some("u1"));
    assert_eq!(
        by_default(json!({"targetingKey": "u1", "device.id": "d1"})).as_deref(),
        Some("d1")
    );
    assert_eq!(by_default(json!({"device": {"id": "d1"}})).as_deref(), Some("d1"));
    assert_eq!(
        by_default(json!({"targetingKey": "u1", "device": {"id": 5}})).as_deref(),
        Some("u1")
    );
    assert_eq!(by_default(json!({"targetingKey": ""})), None);
    let by_id = |context: Json| unit(|identity| identity.unit = "user.id".into(), &context);
    assert_eq!(
        by_id(json!({"targetingKey": "u1", "user": {"id": "i1"}})).as_deref(),
        Some("i1")
    );
    assert_eq!(by_id(json!({"targetingKey": "u1"})), None);
    assert_eq!(
        by_id(json!({"user": {"id": "nested"}, "user.id": "flat"})).as_deref(),
        Some("nested")
    );
}

#[test]
fn refuses_a_targeting_key_that_is_no_string() {
    let engine = empty().engine();
    let error = |json: &str| Context::decode(&engine, json.as_bytes()).unwrap_err();
    for key in ["5", "true", "{}", r#"{"a": 1}"#, "[]", r#"["u1"]"#] {
        assert_eq!(
            error(&format!(r#"{{"targetingKey": {key}}}"#)),
            ContextError::TargetingKey,
            "{key}"
        );
    }
    for json in ["{}", r#"{"targetingKey": null}"#, r#"{"targetingKey": ""}"#] {
        assert_eq!(
            Context::decode(&engine, json.as_bytes()).unwrap().unit(),
            None,
            "{json}"
        );
    }
}
