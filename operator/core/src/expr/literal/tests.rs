use jiff::SignedDuration;

use super::{parse_duration, parse_timestamp};

#[test]
fn reads_durations_as_go_does() {
    let table = [
        ("72h", 72 * 3_600_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1h1m1s1ms1us1ns", 3_661_001_001_001),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("-1.5h", -5_400_000_000_000),
        ("+1m", 60_000_000_000),
        ("1.9ns", 1),
        ("2\u{b5}s", 2_000),
        ("0", 0),
        ("-0", 0),
        ("9223372036854775807ns", i64::MAX),
        ("-9223372036854775808ns", i64::MIN),
        ("0.000000000000000000000001h", 0),
    ];
    for (text, nanos) in table {
        assert_eq!(
            parse_duration(text),
            Some(SignedDuration::from_nanos(nanos)),
            "{text}"
        );
    }
}

#[test]
fn refuses_what_is_no_duration() {
    let texts = [
        "",
        "-",
        "1",
        "h",
        ".h",
        "1h ",
        " 1h",
        "1h and more",
        "1d",
        "1h-1m",
        "--1h",
        "PT1H",
        "1e3s",
        "1h2",
        "9223372036854775808ns",
        "2562048h",
        "1.0000000000000000000000000000001s",
        "9999999999999999999999999999h",
        "\u{661}h",
    ];
    for text in texts {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[test]
fn reads_rfc_3339_and_nothing_else() {
    let instants = [
        ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("2026-12-01T01:30:00+01:30", "2026-12-01T00:00:00Z"),
        (
            "2026-11-30T19:00:00.000000001-05:00",
            "2026-12-01T00:00:00.000000001Z",
        ),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ];
    for (text, utc) in instants {
        assert_eq!(
            parse_timestamp(text).map(|at| at.to_string()).as_deref(),
            Some(utc),
            "{text}"
        );
    }
    let others = [
        "",
        "2026-12-01",
        "2026-12-01T00:00Z",
        "2026-12-01 00:00:00Z",
        "2026-12-01t00:00:00z",
        "2026-12-01T00:00:00",
        "2026-12-01T00:00:00+01",
        "2026-12-01T00:00:00.Z",
        "2026-12-01T00:00:00.0000000001Z",
        "2026-12-01T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-12-31T23:59:60Z",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+01:00",
        "2026-12-01T00:00:00Z[Europe/Berlin]",
        "\u{664}026-12-01T00:00:00Z",
        "9999-12-31T00:00:00Z",
    ];
    for text in others {
        assert_eq!(parse_timestamp(text), None, "{text}");
    }
}
