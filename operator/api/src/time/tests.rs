use schemars::SchemaGenerator;
use serde_json::json;

use super::*;

fn matches<T: JsonSchema>(text: &str) -> bool {
    let schema = T::json_schema(&mut SchemaGenerator::default()).to_value();
    let pattern = regex::Regex::new(schema["pattern"].as_str().unwrap()).unwrap();
    let longest = usize::try_from(schema["maxLength"].as_u64().unwrap()).unwrap();
    text.len() <= longest && pattern.is_match(text)
}

#[test]
fn reads_spans_in_hours_minutes_and_seconds() {
    for (text, seconds) in [
        ("72h", 259_200),
        ("30m", 1800),
        ("45s", 45),
        ("1h30m", 5400),
        ("1h0m5s", 3605),
        ("2m3s", 123),
    ] {
        assert_eq!(text.parse::<Span>().unwrap().seconds(), seconds, "{text}");
    }
    assert_eq!(
        "999999h9999999m999999999s".parse::<Span>().unwrap().seconds(),
        5_199_996_339
    );
}

#[test]
fn reads_the_spans_that_the_schema_admits_and_no_other() {
    let samples = [
        "72h",
        "1h30m",
        "1h30s",
        "30m1h",
        "1h1h",
        "",
        "h",
        "0h",
        "0s",
        "0h1m",
        "01h",
        "1d",
        "7d",
        "1.5h",
        "-1h",
        "+1h",
        "1h ",
        " 1h",
        "1H",
        "1000000h",
        "999999h",
        "1ms",
        "1h00m",
        "10",
        "1h2",
        "999999999s",
        "1000000000s",
        "1h\n",
    ];
    for text in samples {
        assert_eq!(text.parse::<Span>().is_ok(), matches::<Span>(text), "`{text}`");
    }
}

#[test]
fn reads_the_instants_that_the_schema_admits_and_no_other() {
    let samples = [
        "2026-12-01T00:00:00Z",
        "2026-12-01T00:00:00.123456789Z",
        "2026-12-01T00:00:00.1234567891Z",
        "2026-12-01T00:00:00.Z",
        "2026-12-01T01:00:00+01:00",
        "2026-12-01T00:00:00-08:00",
        "2026-12-01T00:00:00",
        "2026-12-01 00:00:00Z",
        "2026-12-01t00:00:00z",
        "2026-12-01T00:00Z",
        "2026-12-01T23:59:60Z",
        "20261201T000000Z",
        "2026-12-01T00:00:00+01:00[Europe/Berlin]",
        "2026-12-01",
        "",
    ];
    for text in samples {
        assert_eq!(
            text.parse::<Instant>().is_ok(),
            matches::<Instant>(text),
            "`{text}`"
        );
    }
    // The pattern cannot know the calendar; the format does.
    assert!("2026-02-30T00:00:00Z".parse::<Instant>().is_err());
    assert!("2026-12-01T24:00:00Z".parse::<Instant>().is_err());
}

#[test]
fn writes_instants_and_spans_back_as_they_were() {
    let given = json!(["2026-12-01T01:00:00.500+01:00", "2026-12-01T00:00:00Z"]);
    let instants: Vec<Instant> = serde_json::from_value(given.clone()).unwrap();
    assert_eq!(serde_json::to_value(&instants).unwrap(), given);
    let given = json!(["1h0m0s", "3600s"]);
    let spans: Vec<Span> = serde_json::from_value(given.clone()).unwrap();
    assert_eq!(serde_json::to_value(&spans).unwrap(), given);
    assert_eq!(spans[0].seconds(), spans[1].seconds());
}

#[test]
fn compares_instants_across_zones_by_their_timestamp() {
    let berlin: Instant = "2026-12-01T01:00:00+01:00".parse().unwrap();
    let utc: Instant = "2026-12-01T00:00:00Z".parse().unwrap();
    assert_eq!(berlin.timestamp(), utc.timestamp());
}

#[test]
fn lets_a_day_be_over_at_the_next_midnight_in_utc() {
    let day: Day = "2027-02-28".parse().unwrap();
    assert_eq!(day.start().to_string(), "2027-02-28T00:00:00Z");
    assert_eq!(day.end().to_string(), "2027-03-01T00:00:00Z");
    let last: Day = "9999-12-31".parse().unwrap();
    assert!(last.end() >= last.start());
}

#[test]
fn refuses_days_that_do_not_exist_or_are_written_otherwise() {
    for text in [
        "2027-02-29",
        "2027-2-28",
        "20270228",
        "2027-02-28T00:00:00Z",
        "28.02.2027",
        "",
    ] {
        assert!(text.parse::<Day>().is_err(), "`{text}`");
    }
}

#[test]
fn reads_times_of_day() {
    let evening: TimeOfDay = "21:05".parse().unwrap();
    assert_eq!((evening.minutes(), evening.to_string().as_str()), (1265, "21:05"));
    for text in ["24:00", "12:60", "1:00", "0100", "01:00:00", "ab:cd", ""] {
        assert!(text.parse::<TimeOfDay>().is_err(), "`{text}`");
        assert!(!matches::<TimeOfDay>(text), "`{text}`");
    }
}
