use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
fn envelope(kind: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "type": kind, "id": "e1", "source": "/test", "time": "2026-12-01T00:00:00Z",
        "data": data,
    })
}

fn exposure(data: Value) -> Result<Event, EventError> {
    Event::from_value(envelope(EXPOSURE_TYPE, data))
}

fn outcome(data: Value) -> Result<Event, EventError> {
    Event::from_value(envelope(OUTCOME_TYPE, data))
}

fn with(field: &str, value: Value) -> Value {
    let mut event = envelope(OUTCOME_TYPE, json!({"unit": "u1", "event": "purchase"}));
    event[field] = value;
    event
}

#[test]
fn reads_an_exposure_with_every_field() {
    let event = exposure(json!({
        "namespace": "shop", "unit": "u1", "decision": "d1", "channel": "web", "touchpoint": "hero", "binding": "b",
        "variant": "hero/loyal", "revision": "abc", "experiment": "cart-hero", "phase": 2, "arm": "reminder",
        "holdout": "always-baseline", "held": false,
    }))
    .unwrap();
    assert_eq!(event.namespace.as_deref(), Some("shop"));
    let EventData::Exposure(exposure) = event.data else {
        panic!("an exposure")
    };
    assert_eq!(
        exposure.enrolment,
        Some(Enrolment {
            experiment: "cart-hero".into(),
            phase: 2,
            arm: "reminder".into()
        })
    );
    assert_eq!(
        exposure.holdout,
        Some(HoldoutTest {
            name: "always-baseline".into(),
            held: false
        })
    );
    assert_eq!(exposure.variant.as_deref(), Some("hero/loyal"));
}

#[test]
fn takes_phase_1_when_the_exposure_does_not_say() {
    let event = exposure(json!({"unit": "u1", "experiment": "x", "arm": "a"})).unwrap();
    let EventData::Exposure(exposure) = event.data else {
        panic!("an exposure")
    };
    assert_eq!(exposure.enrolment.unwrap().phase, 1);
}

#[test]
fn reads_an_outcome_with_properties_of_every_type() {
    let event = outcome(json!({
        "unit": "u1", "event": "purchase", "value": 12,
        "properties": {"gift": true, "items": 3, "tax": 1.5, "sku": "a", "tags": ["x", "y"], "none": null},
    }))
    .unwrap();
    let EventData::Outcome(outcome) = event.data else {
        panic!("an outcome")
    };
    assert_eq!(outcome.value, Some(12.0));
    assert_eq!(outcome.properties.len(), 5);
    assert_eq!(outcome.properties["items"], Property::Int(3));
    assert_eq!(
        outcome.properties["tags"],
        Property::List(vec!["x".into(), "y".into()])
    );
}

#[test]
fn keeps_the_instant_of_a_time_with_an_offset() {
    let event = Event::from_value(with("time", json!("2026-12-01T01:00:00.25+01:00"))).unwrap();
    assert_eq!(
        event.time,
        "2026-12-01T00:00:00.25Z".parse::<Timestamp>().unwrap()
    );
}

#[test]
fn ignores_extension_attributes_and_nulls() {
    assert!(Event::from_value(with("traceparent", json!("00-abc"))).is_ok());
    assert!(Event::from_value(with("datacontenttype", Value::Null)).is_ok());
    assert!(outcome(json!({"unit": "u1", "event": "e", "value": null, "whatever": null})).is_ok());
}

#[test]
fn names_the_field_of_every_mistake_in_the_envelope() {
    let long = "x".repeat(MAX_SOURCE_BYTES + 1);
    let cases = [
        ("specversion", json!("0.3")),
        ("specversion", Value::Null),
        ("type", json!("dev.attune.outcome.v2")),
        ("type", json!(7)),
        ("id", json!("")),
        ("id", json!(12)),
        ("id", json!("a\nb")),
        ("id", json!("x".repeat(MAX_ID_BYTES + 1))),
        ("source", json!(long)),
        ("time", Value::Null),
        ("time", json!(1_764_547_200)),
        ("time", json!("yesterday")),
        ("time", json!("2026-12-01")),
        ("time", json!("2026-12-01T00:00:00")),
        ("time", json!("2026-13-01T00:00:00Z")),
        ("time", json!("2026-12-01T00:00:00+01")),
        ("time", json!("2026-12-01T00:00:00+01:00[Europe/Berlin]")),
        ("datacontenttype", json!("text/xml")),
        ("data", Value::Null),
        ("data", json!([1])),
        ("data", json!("{}")),
    ];
    for (field, value) in cases {
        let error = Event::from_value(with(field, value.clone())).unwrap_err();
        assert_eq!(error.field(), field, "{value}: {error}");
    }
}

#[test]
fn names_the_field_of_every_mistake_in_an_outcome() {
    let many: serde_json::Map<String, Value> = (0..=MAX_PROPERTIES)
        .map(|i| (format!("p{i}"), json!(i)))
        .collect();
    let heavy: serde_json::Map<String, Value> = (0..9)
        .map(|i| (format!("p{i}"), json!("x".repeat(MAX_PROPERTY_TEXT_BYTES))))
        .collect();
    let cases = [
        ("data.unit", json!({"event": "e"})),
        (
            "data.unit",
            json!({"unit": "x".repeat(MAX_UNIT_BYTES + 1), "event": "e"}),
        ),
        ("data.unit", json!({"unit": ["u1"], "event": "e"})),
        ("data.event", json!({"unit": "u1"})),
        ("data.event", json!({"unit": "u1", "event": false})),
        ("data.value", json!({"unit": "u1", "event": "e", "value": "12"})),
        ("data.value", json!({"unit": "u1", "event": "e", "value": 1e300})),
        (
            "data.namespace",
            json!({"unit": "u1", "event": "e", "namespace": "x".repeat(64)}),
        ),
        ("data.valeu", json!({"unit": "u1", "event": "e", "valeu": 1})),
        (
            "data.properties",
            json!({"unit": "u1", "event": "e", "properties": [1]}),
        ),
        (
            "data.properties",
            json!({"unit": "u1", "event": "e", "properties": many}),
        ),
        (
            "data.properties",
            json!({"unit": "u1", "event": "e", "properties": heavy}),
        ),
        (
            "data.properties",
            json!({"unit": "u1", "event": "e", "properties": {"": 1}}),
        ),
        (
            "data.properties.a",
            json!({"unit": "u1", "event": "e", "properties": {"a": {"b": 1}}}),
        ),
        (
            "data.properties.a",
            json!({"unit": "u1", "event": "e", "properties": {"a": [1]}}),
        ),
        (
            "data.properties.a",
            json!({"unit": "u1", "event": "e", "properties": {"a": u64::MAX}}),
        ),
        (
            "data.properties.a",
            json!({"unit": "u1", "event": "e", "properties": {"a": vec!["x"; 65]}}),
        ),
    ];
    for (field, data) in cases {
        let error = outcome(data.clone()).unwrap_err();
        assert_eq!(error.field(), field, "{data}: {error}");
    }
}

#[test]
fn names_the_field_of_every_mistake_in_an_exposure() {
    let cases = [
        ("data.unit", json!({})),
        ("data.arm", json!({"unit": "u1", "experiment": "x"})),
        ("data.experiment", json!({"unit": "u1", "arm": "a"})),
        ("data.phase", json!({"unit": "u1", "phase": 2})),
        (
            "data.phase",
            json!({"unit": "u1", "experiment": "x", "arm": "a", "phase": 0}),
        ),
        (
            "data.phase",
            json!({"unit": "u1", "experiment": "x", "arm": "a", "phase": 1.5}),
        ),
        (
            "data.phase",
            json!({"unit": "u1", "experiment": "x", "arm": "a", "phase": 1_u64 << 32}),
        ),
        ("data.holdout", json!({"unit": "u1", "held": true})),
        ("data.held", json!({"unit": "u1", "holdout": "h", "held": "no"})),
        ("data.experiement", json!({"unit": "u1", "experiement": "x"})),
    ];
    for (field, data) in cases {
        let error = exposure(data.clone()).unwrap_err();
        assert_eq!(error.field(), field, "{data}: {error}");
    }
}

#[test]
fn reads_an_alias() {
    let event = Event::from_value(envelope(
        ALIAS_TYPE,
        json!({"namespace": "shop", "unit": "jane", "alias": "device-7"}),
    ))
    .unwrap();
    let alias = Alias {
        unit: "jane".into(),
        alias: "device-7".into(),
    };
    assert_eq!(event.data.unit(), "jane");
    assert_eq!(event.data, EventData::Alias(alias));
}

#[test]
fn names_the_field_of_every_mistake_in_an_alias() {
    let cases = [
        ("data.unit", json!({"alias": "a"})),
        ("data.alias", json!({"unit": "u1"})),
        ("data.alias", json!({"unit": "u1", "alias": ""})),
        (
            "data.alias",
            json!({"unit": "u1", "alias": "x".repeat(MAX_UNIT_BYTES + 1)}),
        ),
        ("data.alias", json!({"unit": "u1", "alias": "u1"})),
        ("data.alais", json!({"unit": "u1", "alias": "a", "alais": "b"})),
    ];
    for (field, data) in cases {
        let error = Event::from_value(envelope(ALIAS_TYPE, data.clone())).unwrap_err();
        assert_eq!(error.field(), field, "{data}: {error}");
    }
}

#[test]
fn refuses_numbers_that_are_none() {
    // JSON has no such numbers; what stands for them elsewhere must not become one.
    for value in ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"] {
        let text = format!(
            r#"{{"specversion": "1.0", "type": "{OUTCOME_TYPE}", "id": "e1", "source": "/t",
            "time": "2026-12-01T00:00:00Z", "data": {{"unit": "u1", "event": "e", "value": {value}}}}}"#
        );
        assert!(Event::from_json(text.as_bytes()).is_err(), "{value}");
    }
    for value in [json!("NaN"), json!("Infinity"), json!(1e19), json!(-1e19)] {
        let error = outcome(json!({"unit": "u1", "event": "e", "value": value})).unwrap_err();
        assert_eq!(error.field(), "data.value", "{error}");
    }
}

#[test]
fn suggests_the_field_that_was_meant() {
    let error = exposure(json!({"unit": "u1", "experiement": "x"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`data.experiement` is unknown; did you mean `data.experiment`?"
    );
}

#[test]
fn says_what_is_wrong_and_what_to_send() {
    let error = outcome(json!({"unit": "u1", "event": "e", "value": "12"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`data.value` is `12`, a string; send a finite number of magnitude 1e18 or less"
    );
    let error = Event::from_json(b"{").unwrap_err();
    assert!(
        error.to_string().starts_with("the event is not JSON: EOF"),
        "{error}"
    );
}

#[test]
fn cuts_huge_values_and_escapes_controls_in_messages() {
    let error =
        Event::from_value(with("id", json!(format!("\u{1b}[31m{}", "x".repeat(10_000))))).unwrap_err();
    let text = error.to_string();
    assert!(text.len() < 300 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn names_every_refused_event_of_a_batch() {
    let good = with("id", json!("good"));
    let batch = json!([good, with("id", Value::Null), with("time", json!("now"))]);
    let Err(BatchError::ReadEvents { refused, total }) = parse_batch(batch.to_string().as_bytes()) else {
        panic!("refused events")
    };
    assert_eq!(total, 3);
    let places: Vec<_> = refused
        .iter()
        .map(|refused| (refused.index, refused.id.as_deref()))
        .collect();
    assert_eq!(places, [(1, None), (2, Some("e1"))]);
    assert_eq!(
        parse_batch(json!([good]).to_string().as_bytes()).unwrap().len(),
        1
    );
    assert_eq!(
        parse_batch(b"{}"),
        Err(BatchError::ReadArray { found: "an object" })
    );
}

#[test]
fn survives_nesting_without_end() {
    let bomb = "[".repeat(100_000);
    assert!(matches!(
        Event::from_json(bomb.as_bytes()),
        Err(EventError::ParseJson { .. })
    ));
    assert!(matches!(
        parse_batch(bomb.as_bytes()),
        Err(BatchError::ParseJson { .. })
    ));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("2026-12-01T00:00:00Z")),
        Just(json!("1.0")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{0,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let enrolment = prop::option::of(("[a-z]{1,9}", 1..i32::MAX, "[a-z]{1,9}")).prop_map(|enrolment| {
        enrolment.map(|(experiment, phase, arm)| Enrolment {
            experiment,
            phase,
            arm,
        })
    });
    let holdout = prop::option::of(("[a-z]{1,9}", any::<bool>()))
        .prop_map(|holdout| holdout.map(|(name, held)| HoldoutTest { name, held }));
    let exposure = (
        r"[a-z@.]{1,20}",
        prop::option::of("[a-z/]{1,9}"),
        enrolment,
        holdout,
    )
        .prop_map(|(unit, variant, enrolment, holdout)| {
            EventData::Exposure(Exposure {
                unit,
                variant,
                enrolment,
                holdout,
                ..Exposure::default()
            })
        });
    let property = prop_oneof![
        any::<bool>().prop_map(Property::Bool),
        (-1_000_000_000_i64..1_000_000_000).prop_map(Property::Int),
        (-1_000_000..1_000_000_i32).prop_map(|eighths| Property::Double(f64::from(2 * eighths + 1) / 8.0)),
        "[^\\p{Cc}]{0,9}".prop_map(Property::Text),
        prop::collection::vec("[a-z]{0,5}", 0..4).prop_map(Property::List),
    ];
    let properties = prop::collection::btree_map("[a-z]{1,9}", property, 0..5);
    let outcome = (
        "[a-z]{1,20}",
        "[a-z]{1,9}",
        prop::option::of(-1e18..1e18_f64),
        properties,
    )
        .prop_map(|(unit, event, value, properties)| {
            EventData::Outcome(Outcome {
                unit,
                event,
                value,
                properties,
            })
        });
    let alias =
        ("[a-z]{1,20}", "[0-9]{1,20}").prop_map(|(unit, alias)| EventData::Alias(Alias { unit, alias }));
    let seconds = 0..4_000_000_000_i64;
    (
        "[a-z0-9-]{1,36}",
        seconds,
        prop::option::of("[a-z]{1,9}"),
        prop_oneof![exposure, outcome, alias],
    )
        .prop_map(|(id, seconds, namespace, data)| Event {
            id,
            source: "/test".to_owned(),
            time: Timestamp::from_second(seconds).unwrap(),
            namespace,
            data,
        })
}

proptest! {
    #[test]
    fn reads_back_what_it_writes(event in any_event()) {
        let json = serde_json::to_vec(&event).unwrap();
        prop_assert_eq!(Event::from_json(&json), Ok(event));
    }

    #[test]
    fn never_panics_on_any_json(value in any_json()) {
        let _ = Event::from_value(value.clone());
        let _ = parse_batch(value.to_string().as_bytes());
    }

    #[test]
    fn never_panics_on_any_field_of_an_event(
        event in any_event(),
        place in 0..25_usize,
        value in any_json(),
    ) {
        const NAMES: [&str; 25] = [
            "specversion", "type", "id", "source", "time", "datacontenttype", "data", "data_base64", "unit", "event",
            "value", "properties", "namespace", "decision", "channel", "touchpoint", "binding", "variant", "revision",
            "experiment", "phase", "arm", "holdout", "held", "alias",
        ];
        let mut json = serde_json::to_value(&event).unwrap();
        let target = if place < 8 { &mut json } else { &mut json["data"] };
        target[NAMES[place]] = value;
        let _ = Event::from_value(json);
    }

    #[test]
    fn never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Event::from_json(&bytes);
        let _ = parse_batch(&bytes);
    }
}
