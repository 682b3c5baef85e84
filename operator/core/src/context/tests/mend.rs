//! Halves of surrogate pairs and numbers out of range, which are JSON and no values.

use super::*;

/// Values that are no values, whatever a contract declares.
const NOTHINGS: [&str; 10] = [
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""before \uD83D""#,
    r#""\ud83d\u0041""#,
    r#""\ud83d\ud83d\ude00""#,
    r#""\ud83d\\ude00""#,
    "1e309",
    "-1e309",
    "1.5E+400",
    r#"{"x": "\udfff"}"#,
];

fn nothings() -> impl Iterator<Item = String> {
    let digits = "9".repeat(400);
    let long = [digits.clone(), format!("-{digits}.5")];
    NOTHINGS.into_iter().map(str::to_owned).chain(long)
}

#[test]
fn takes_half_a_pair_and_a_number_out_of_range_for_a_wrong_type() {
    for value in nothings() {
        for name in [
            "bool",
            "user.int",
            "user.double",
            "user.string",
            "user.seen",
            "user.tags",
        ] {
            is(name, &format!(r#"{{"{name}": {value}}}"#), WrongType);
            let nested = name.replace('.', r#"": {""#);
            let closing = "}".repeat(name.matches('.').count());
            is(name, &format!(r#"{{"{nested}": {value}{closing}}}"#), WrongType);
        }
        is(
            "user.tags",
            &format!(r#"{{"user": {{"tags": ["a", {value}]}}}}"#),
            WrongType,
        );
        is("user.tags", &format!(r#"{{"user.tags": [{value}]}}"#), WrongType);
        is("user.tags", &format!(r#"{{"user": {value}}}"#), Absent);
    }
}

#[test]
fn reads_everything_beside_half_a_pair_and_a_number_out_of_range() {
    for value in nothings() {
        for json in [
            format!(
                r#"{{"other": {value}, "user": {{"string": "\u00fc", "more": {value}}}, "bool": {value}}}"#
            ),
            format!(r#"{{"user.string": {value}, "user": {{"string": "ü"}}}}"#),
            format!(
                r#"{{"user": {value}, "user.string" : "\u00fc", "last": [[{value}], {{"a": {value}}}]}}"#
            ),
        ] {
            reads("user.string", &json, text("ü"));
        }
    }
    reads(
        "user.double",
        r#"{"bool": "\udead", "user.double": 1.7976931348623157e308}"#,
        Value::Double(f64::MAX),
    );
    reads(
        "user.double",
        r#"{"bool": "\udead", "user.double": 1e-400}"#,
        Value::Double(0.0),
    );
    reads(
        "user.string",
        r#"{"bool": 1e309, "user.string": "1e309 \"\\"}"#,
        text("1e309 \"\\"),
    );
}

#[test]
fn takes_a_key_with_half_a_pair_for_one_that_nothing_reads() {
    for key in [
        r"\ud83d",
        r"user.string\ude00",
        r"\\\uDFFF",
        r"\ud83d\ude00\ud83d",
    ] {
        for json in [
            format!(r#"{{"{key}": 1, "user": {{"{key}" : {{"string": 2}}, "string": "x"}}}}"#),
            format!(r#"{{"bool": {{"{key}": [{{"{key}": 0}}]}}, "user.string": "x"}}"#),
            format!(r#"{{"consent": {{"{key}": "Explicit"}}, "user.string": "x"}}"#),
        ] {
            reads("user.string", &json, text("x"));
        }
    }
}

#[test]
fn names_nobody_by_half_a_pair() {
    let engine = empty().engine();
    for value in nothings() {
        let json = format!(r#"{{"targetingKey": {value}}}"#);
        let error = Context::decode(&engine, json.as_bytes()).unwrap_err();
        assert_eq!(error, ContextError::TargetingKey, "{json}");
        let json = format!(
            r#"{{"targetingKey": "u1", "device": {{"id": {value}}}, "locale": {value}, "timeZone": {value}}}"#
        );
        let context = Context::decode(&engine, json.as_bytes()).unwrap();
        assert_eq!(context.unit(), Some(("u1", UnitSource::Unit)), "{json}");
        assert_eq!((context.locale(), context.time_zone()), (None, None), "{json}");
        for json in [format!(r#"{{"context": {value}}}"#), value.clone()] {
            let found = Context::decode_request(&engine, json.as_bytes()).map(drop);
            let is_object = value.starts_with('{') && json != value;
            let expected = if is_object {
                Ok(())
            } else {
                Err(ContextError::NoContext)
            };
            assert_eq!(found, expected, "{json}");
        }
    }
}

#[test]
fn grants_nothing_by_half_a_pair() {
    let engine = empty().attribute("a.ads", AttributeType::Int, "ads").engine();
    let ads = engine.purposes.iter().position(|known| known == "ads").unwrap();
    for value in nothings() {
        for consent in [
            value.clone(),
            format!(r#"["ads", {value}]"#),
            format!(r#"{{"ads": {value}}}"#),
            format!(r#"{{"ads": "Explicit", "ads": {value}}}"#),
        ] {
            let json = format!(r#"{{"consent": {consent}}}"#);
            let context = Context::decode(&engine, json.as_bytes()).unwrap();
            assert_eq!(context.grant(ads), None, "{json}");
        }
        let json = format!(r#"{{"consent": {{"other": {value}, "ads": "Implied"}}}}"#);
        let context = Context::decode(&engine, json.as_bytes()).unwrap();
        assert_eq!(context.grant(ads), Some(Grant::Implied), "{json}");
    }
}

/// The column that the complaint about a text that is no JSON ends with.
fn column(engine: &Engine, json: &str) -> i64 {
    let error = Context::decode(engine, json.as_bytes()).unwrap_err();
    let ContextError::NotJson(words) = error else {
        panic!("{json}: {error}")
    };
    words.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn says_of_what_is_no_json_beside_half_a_pair_where_it_is() {
    let engine = typed().engine();
    for rest in [
        "nonsense}",
        r#""user.string": "open}"#,
        r#""user.string": "\x"}"#,
        r#""user.string" 1}"#,
        r#""user.string": "\ud83"}"#,
        r#""user.int": 1-2}"#,
        r#""user.int": 01}"#,
        r#""user.int": 1e}"#,
        "",
    ] {
        let halved = column(&engine, &format!(r#"{{"bool": "\ud83d", {rest}"#));
        let whole = column(&engine, &format!(r#"{{"bool": "\u0041", {rest}"#));
        assert!((halved - whole).abs() <= 1, "{rest}: {halved} instead of {whole}");
    }
    let no_utf8 = b"{\"bool\": \"\\ud83d\", \"user.string\": \"\xff\"}";
    let error = Context::decode(&engine, no_utf8).unwrap_err();
    assert!(matches!(error, ContextError::NotJson(_)));
}

/// Every value of the usual request in turn, and every key: what is no value reads as a list of a number does, and such a key
/// as one that nobody declares.
#[test]
fn reads_a_request_with_half_a_pair_anywhere_as_with_a_wrong_type_there() {
    let pieces: [(&str, &str); 12] = [
        ("{\"x\": [", "1"),
        (", {\"y\": ", "null"),
        ("}], \"context\" : {\"targetingKey\": \"u1\", \"bool\": ", "true"),
        (", \"consent\": {\"a\": ", "\"Implied\""),
        (", ", "\"b\""),
        (": ", "\"Denied\""),
        ("}, \"user\": {\"int\": ", "-12"),
        (", \"double\": ", "230.5"),
        (", ", "\"string\""),
        (": \"Gr\\u00fcn\", \"tags\": [\"a\", ", "\"b\""),
        ("]}, \"a.b\": ", "{\"c\": 0}"),
        (", \"more\": ", "false"),
    ];
    let engine = typed().engine();
    let write = |place: usize, instead: &str| {
        let piece = |(nth, (before, value)): (usize, &(&str, &str))| {
            format!("{before}{}", if nth == place { instead } else { value })
        };
        pieces.iter().enumerate().map(piece).collect::<String>() + "}}"
    };
    let shown = |json: &str| {
        let context = Context::decode_request(&engine, json.as_bytes())
            .unwrap_or_else(|error| panic!("{json}: {error}"));
        format!("{context:?}")
    };
    for place in 0..pieces.len() {
        let is_key = matches!(place, 4 | 8);
        let (halves, plainly): (&[&str], _) = if is_key {
            (&[r#""\ud83d""#, r#""b\ude00""#], r#""\ufffd""#)
        } else {
            (&[r#""\ud83d""#, "1e309", r#""\\\"\udc00""#], "[0]")
        };
        for half in halves {
            let (read, plain) = (shown(&write(place, half)), shown(&write(place, plainly)));
            let of_grants = |text: &str| text.replace("b\u{fffd}", "\u{fffd}");
            assert_eq!(of_grants(&read), of_grants(&plain), "{half} at {place}");
        }
    }
}

/// Whatever a text is made of: the parser's word counts where it takes it, and what it refuses for another reason stays refused.
#[test]
fn mends_what_the_parser_refuses_and_nothing_else() {
    let engine = typed().engine();
    let pieces = [
        r"\ud83d", r"\ude00", r"\u0041", r"\uD8", r"\\", r#"\""#, r"\x", "a", "é", "\u{1}", "\"", "1e309",
        "-", "0", ".5",
    ];
    let mut numbers = 0x6174_7475_6e65_u64;
    let mut mended = 0;
    for _ in 0..20_000 {
        let mut string = String::new();
        for _ in 0..6 {
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            string.push_str(pieces[usize::try_from(numbers >> 33).unwrap() % pieces.len()]);
        }
        for value in [format!("\"{string}\""), string] {
            let json = format!(r#"{{"user.string": {value}, "bool": true}}"#);
            let plainly: Result<serde_json::Value, _> = serde_json::from_str(&json);
            let by_grammar = serde_json::from_str::<serde::de::IgnoredAny>(&json);
            match Context::decode(&engine, json.as_bytes()) {
                Ok(context) => {
                    assert!(by_grammar.is_ok(), "{json}");
                    let state = context
                        .observed(&engine)
                        .find(|(name, _)| *name == "user.string")
                        .unwrap()
                        .1;
                    assert!(plainly.is_ok() || state == WrongType, "{json}");
                    mended += usize::from(plainly.is_err());
                }
                Err(error) => {
                    assert!(by_grammar.is_err() && plainly.is_err(), "{json}: {error}");
                    assert!(matches!(error, ContextError::NotJson(_)), "{json}");
                }
            }
        }
    }
    assert!(mended > 500, "{mended}");
}
