//! What a context grants.

use super::*;

/// How the purposes `ads` and `mail` are granted.
fn grants(consent: &str) -> (Option<Grant>, Option<Grant>) {
    let engine = empty()
        .attribute("a.ads", AttributeType::Int, "ads")
        .attribute("a.mail", AttributeType::Int, "mail")
        .engine();
    let context = Context::decode(&engine, consent.as_bytes()).unwrap();
    let of =
        |purpose: &str| context.grant(engine.purposes.iter().position(|known| known == purpose).unwrap());
    assert!(of(SERVICE).is_some(), "always granted");
    (of("ads"), of("mail"))
}

#[test]
fn reads_consent_in_its_two_shapes_only() {
    use Grant::{Explicit, Implied};

    for (consent, expected) in [
        (r#"["ads"]"#, (Some(Explicit), None)),
        (r#"["mail", "ads", "other"]"#, (Some(Explicit), Some(Explicit))),
        (
            r#"{"ads": "Explicit", "mail": "Implied"}"#,
            (Some(Explicit), Some(Implied)),
        ),
        (r#"{"ads": "Denied", "mail": "explicit"}"#, (None, None)),
        (r#"{"ads": true, "mail": ["Explicit"]}"#, (None, None)),
        (r#"{"ads": "Explicit", "ads": "Denied"}"#, (None, None)),
        (r#"{"service": "Denied"}"#, (None, None)),
        (r#"["ads", 5]"#, (None, None)),
        (r#""ads""#, (None, None)),
        ("true", (None, None)),
        ("null", (None, None)),
        ("[]", (None, None)),
    ] {
        assert_eq!(
            grants(&format!(r#"{{"consent": {consent}}}"#)),
            expected,
            "{consent}"
        );
    }
    assert_eq!(grants("{}"), (None, None));
}

#[test]
fn prefers_nested_consent_to_flat_in_any_order() {
    let engine = |consent: &str| {
        let strategy = empty().attribute("x", AttributeType::Int, "ads");
        let engine = strategy
            .settings(|settings| settings.identity.consent = Some("user.consent".into()))
            .engine();
        read_grant(&engine, consent)
    };
    assert_eq!(
        engine(r#"{"user": {"consent": []}, "user.consent": ["ads"]}"#),
        None
    );
    assert_eq!(
        engine(r#"{"user.consent": ["ads"], "user": {"consent": {"ads": "Denied"}}}"#),
        None
    );
    assert_eq!(
        engine(r#"{"user.consent": ["ads"], "user": {"consent": null}}"#),
        Some(Grant::Explicit)
    );
    assert_eq!(
        engine(r#"{"user": {"consent": {"ads": "Implied"}}, "user.consent": []}"#),
        Some(Grant::Implied)
    );
}

fn read_grant(engine: &Engine, json: &str) -> Option<Grant> {
    Context::decode(engine, json.as_bytes()).unwrap().grant(1)
}

#[test]
fn grants_nothing_where_the_channel_names_no_consent() {
    let strategy = empty().attribute("x", AttributeType::Int, "ads");
    let engine = strategy
        .settings(|settings| settings.identity.consent = None)
        .engine();
    assert_eq!(read_grant(&engine, r#"{"consent": ["ads"]}"#), None);
}

#[test]
fn withholds_what_is_not_granted() {
    let strategy = |sensitive| {
        empty().attribute_with("x", AttributeType::Int, "ads", |attribute| {
            attribute.sensitive = sensitive;
        })
    };
    for (sensitive, consent, state) in [
        (false, "Explicit", Present),
        (false, "Implied", Present),
        (false, "Denied", Withheld),
        (true, "Explicit", Present),
        (true, "Implied", Withheld),
    ] {
        let json = json!({"x": 1, "consent": {"ads": consent}}).to_string();
        assert_eq!(read(&strategy(sensitive), "x", &json).1, state, "{consent}");
        let later = format!(r#"{{"consent": {{"ads": "{consent}"}}, "x": 1}}"#);
        assert_eq!(
            read(&strategy(sensitive), "x", &later).1,
            state,
            "{consent}, in the other order"
        );
    }
    assert_eq!(read(&strategy(false), "x", "{}").1, Absent);
}

#[test]
fn reads_an_attribute_inside_of_consent() {
    let strategy = empty().attribute("consent.ads", AttributeType::String, "service");
    let json = r#"{"consent": {"ads": "Implied"}}"#;
    assert_eq!(
        read(&strategy, "consent.ads", json),
        (Some(text("Implied")), Present)
    );
}
