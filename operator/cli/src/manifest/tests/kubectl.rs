//! What `sigs.k8s.io/yaml` v1.6.0 makes of the same text: the right-hand sides are its output.

use serde_json::{Value as Json, json};

use super::json;

#[test]
fn reads_plain_scalars_as_kubectl_does() {
    let table: &[(&str, Json)] = &[
        ("y", json!(true)),
        ("Yes", json!(true)),
        ("on", json!(true)),
        ("TRUE", json!(true)),
        ("n", json!(false)),
        ("NO", json!(false)),
        ("off", json!(false)),
        ("False", json!(false)),
        ("yEs", json!("yEs")),
        ("oN", json!("oN")),
        ("tRUE", json!("tRUE")),
        ("", Json::Null),
        ("~", Json::Null),
        ("Null", Json::Null),
        ("nULL", json!("nULL")),
        ("012", json!(10)),
        ("-012", json!(-10)),
        ("+012", json!(10)),
        ("08", json!(8)),
        ("089", json!(89)),
        ("0o14", json!(12)),
        ("0O14", json!(12)),
        ("0x1F", json!(31)),
        ("-0x1F", json!(-31)),
        ("0X1f", json!(31)),
        ("0xg", json!("0xg")),
        ("0x", json!("0x")),
        ("0b101", json!(5)),
        ("-0b101", json!(-5)),
        ("0b-101", json!(-5)),
        ("0b2", json!("0b2")),
        ("0_1", json!(1)),
        ("0x_1F", json!(31)),
        ("1_000", json!(1000)),
        ("1__2", json!(12)),
        ("_1", json!("_1")),
        ("1_0.5", json!(10.5)),
        (".5", json!(0.5)),
        ("-.5", json!(-0.5)),
        (".5_0", json!(0.5)),
        (".5_", json!(".5_")),
        ("5.", json!(5)),
        (".", json!(".")),
        ("1.0", json!(1)),
        ("1e3", json!(1000)),
        ("1E-7", json!(1e-7)),
        ("1e", json!("1e")),
        ("1e999", json!("1e999")),
        ("1e21", json!(1e21)),
        ("0x1p4", json!("0x1p4")),
        ("1.2.3", json!("1.2.3")),
        ("190:20:30", json!("190:20:30")),
        ("2026-01-01", json!("2026-01-01")),
        ("2026-12-14T21:59:43Z", json!("2026-12-14T21:59:43Z")),
        ("9223372036854775807", json!(9_223_372_036_854_775_807_i64)),
        ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
        ("-9223372036854775808", json!(-9_223_372_036_854_775_808_i64)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616_f64)),
        ("0x1FFFFFFFFFFFFFFFF", json!("0x1FFFFFFFFFFFFFFFF")),
        (".Inf1", json!(".Inf1")),
        ("=", json!("=")),
        ("-", json!([null])),
        ("--", json!("--")),
        ("'no'", json!("no")),
        ("\"012\"", json!("012")),
        ("!!str no", json!("no")),
        ("! no", json!("no")),
        ("!custom 12", json!("12")),
        ("!!int \"0x1F\"", json!(31)),
        ("!!float 12", json!(12)),
    ];
    for (text, expected) in table {
        let newline = if *text == "-" { "\n" } else { " " };
        assert_eq!(
            json(&format!("a:{newline}{text}\n")),
            Ok(json!({"a": expected})),
            "{text}"
        );
    }
}

#[test]
fn makes_strings_of_keys_as_kubectl_does() {
    let table = [
        ("no: 1", json!({"false": 1})),
        ("012: 1", json!({"10": 1})),
        ("1.1: 1", json!({"1.1": 1})),
        ("1e6: 1", json!({"1e+06": 1})),
        ("1234567.5: 1", json!({"1.2345675e+06": 1})),
        ("0.00001: 1", json!({"1e-05": 1})),
        ("100000.5: 1", json!({"100000.5": 1})),
        ("2026-01-01: 1", json!({"2026-01-01": 1})),
        ("'no': 1", json!({"no": 1})),
        ("? a\n: 1", json!({"a": 1})),
    ];
    for (text, expected) in table {
        assert_eq!(json(text), Ok(expected), "{text}");
    }
}

#[test]
fn writes_out_merges_in_the_order_of_kubectl() {
    let table = [
        ("{b: 1, <<: {b: 2}}", json!({"b": 2})),
        ("{<<: {b: 2}, b: 1}", json!({"b": 1})),
        ("<<: [{a: 1}, {a: 2, b: 2}]", json!({"a": 1, "b": 2})),
        (
            "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2",
            json!({"a": {"k": 1}, "b": {"k": 1, "l": 2}}),
        ),
        ("'<<': 1", json!({"<<": 1})),
        ("a: <<", json!({"a": "<<"})),
        ("!!str <<: 1", json!({"<<": 1})),
    ];
    for (text, expected) in table {
        assert_eq!(json(text), Ok(expected), "{text}");
    }
}

#[test]
fn reads_blocks_flows_and_quotes() {
    let table = [
        (
            "a: |\n  x\n\n  y\nb: >-\n  x\n  y\n\n  z\n",
            json!({"a": "x\n\ny\n", "b": "x y\nz"}),
        ),
        ("a: {x:1}\n", json!({"a": {"x:1": null}})),
        ("a: [x: 1]\n", json!({"a": [{"x": 1}]})),
        (
            "a: 'it''s'\nb: \"\\x41\\u00e9\\n\"\n",
            json!({"a": "it's", "b": "Aé\n"}),
        ),
        ("a:\n- b\n", json!({"a": ["b"]})),
        ("a: b ?c\n", json!({"a": "b ?c"})),
        ("a: b\n \t\n", json!({"a": "b"})),
    ];
    for (text, expected) in table {
        assert_eq!(json(text), Ok(expected), "{text}");
    }
}

#[test]
fn reads_json_as_json() {
    // A YAML parser refuses the escapes of characters above U+FFFF, which many JSON writers produce.
    assert_eq!(
        json(r#"{"a": "\ud83d\ude00", "b": [1, -0.5e1, true, null]}"#),
        Ok(json!({"a": "😀", "b": [1, -5, true, null]}))
    );
    assert_eq!(json("{\n\t\"a\":\t1\n}"), Ok(json!({"a": 1})));
    assert_eq!(
        json("{a: 1}"),
        Ok(json!({"a": 1})),
        "what is not JSON is read as YAML"
    );
}
