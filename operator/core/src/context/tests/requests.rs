//! Whole requests, and the reader without a parser beside the parser.

use super::*;

/// What is read of a request in one way: whether it has a context, and which.
type Reading<'a> = Option<(bool, Context<'a>)>;

#[test]
fn tells_what_is_no_json_from_what_is_no_context() {
    let engine = empty().engine();
    let error = |body: &[u8]| Context::decode_request(&engine, body).unwrap_err();
    let broken: [&[u8]; 7] = [
        b"",
        b"{",
        b"nonsense",
        br#"{"context": {}} trailing"#,
        br#"{"context": {"targetingKey": "u1}}"#,
        b"{\"context\": {\"targetingKey\": \"\xff\"}}",
        br#"{"context": {}, }"#,
    ];
    for body in broken {
        assert!(
            matches!(error(body), ContextError::NotJson(_)),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    for body in [
        "{}",
        "null",
        "[]",
        "5",
        r#""x""#,
        r#"[{"context": {}}]"#,
        r#"{"context": null}"#,
        r#"{"context": [{}]}"#,
    ] {
        assert_eq!(error(body.as_bytes()), ContextError::NoContext, "{body}");
    }
}

#[test]
fn reads_the_context_of_a_request_and_skips_the_rest_of_it() {
    let engine = typed().engine();
    let unit = |body: &str| {
        let context = Context::decode_request(&engine, body.as_bytes()).unwrap();
        context.unit().map(|(unit, _)| unit.to_owned())
    };
    assert_eq!(
        unit(r#"{"x": [1], "context": {"targetingKey": "u1"}, "y": {}}"#).as_deref(),
        Some("u1")
    );
    assert_eq!(
        unit(r#"{"context": {"targetingKey": "u1"}, "context": {}}"#),
        None,
        "the last one counts alone"
    );
}

/// What is read of a request without the parser, and with it.
fn read_twice<'a>(engine: &Engine, json: &'a [u8]) -> (Reading<'a>, Reading<'a>) {
    let read = |is_quick: bool| {
        let mut context = Context::within(engine, &mut Scratch::default());
        let seed = visit::RequestSeed {
            engine,
            context: &mut context,
        };
        let found = if is_quick {
            visit::quickly(json, seed)
        } else {
            visit::slowly(json, seed).ok()
        };
        found.map(|found| (found, context))
    };
    (read(true), read(false))
}

#[test]
fn reads_quickly_what_the_parser_reads_and_alike() {
    let usual = r#"{"x": [1, {"y": null}], "context" : {"targetingKey": "u1", "bool": true, "consent": {"a": "Implied"},
        "user": {"int": -12, "double": 230.5, "string": "Grün", "tags": ["a", "b"]}, "a.b": {"c": 0}, "more": false}}"#;
    let engine = typed().engine();
    let mut quick = 0;
    let mut check = |json: &[u8]| {
        let (quickly, slowly) = read_twice(&engine, json);
        if let Some(quickly) = quickly {
            quick += 1;
            let text = String::from_utf8_lossy(json);
            assert_eq!(format!("{:?}", Some(quickly)), format!("{slowly:?}"), "{text}");
        }
    };
    check(usual.as_bytes());
    for place in 0..usual.len() {
        check(&usual.as_bytes()[..place]);
        let mut changed = usual.as_bytes().to_vec();
        changed.remove(place);
        check(&changed);
        for byte in *b"{}[],:\"\\ \n\t\x00\x1f\x7f\xff0129.-+eEtfnu/" {
            changed = usual.as_bytes().to_vec();
            changed[place] = byte;
            check(&changed);
            changed.insert(place, byte);
            check(&changed);
        }
    }
    assert!(quick > 1_000, "the usual is read quickly: {quick}");
}

#[test]
fn reads_numbers_quickly_that_the_parser_reads_and_alike() {
    let engine = typed().engine();
    let many = "9".repeat(400);
    for (number, is_quick) in [
        ("0", true),
        ("-1", true),
        ("9223372036854775807", true),
        ("0.1", true),
        ("-0.0", true),
        ("123456789.123456789123456789", true),
        ("9223372036854775808", false),
        ("-0", false),
        ("1e3", false),
        ("1.5E-3", false),
        ("00", false),
        ("01.5", false),
        ("-", false),
        ("1.", false),
        (".5", false),
        ("1.2.3", false),
        ("1-2", false),
        (&format!("{many}.0"), false),
    ] {
        let json = format!(r#"{{"context": {{"user": {{"double": {number}, "int": {number}}}}}}}"#);
        let (quickly, slowly) = read_twice(&engine, json.as_bytes());
        assert_eq!(quickly.is_some(), is_quick, "{number}");
        if is_quick {
            assert_eq!(format!("{quickly:?}"), format!("{slowly:?}"), "{number}");
        }
    }
}
