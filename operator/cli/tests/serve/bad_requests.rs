//! Every bad request is a 4xx with a code and a message, and harms nobody.

use reqwest::Method;
use serde_json::Value;

use crate::process::{BATCH, EVENT, Folder, HOME_HERO, json_of};

const JSON: &str = "application/json";
const BULK: &str = "/ofrep/v1/evaluate/flags";
const GOOD: &str = r#"{"context": {"targetingKey": "u1"}}"#;
const GOOD_EVENT: &str = r#"{"specversion": "1.0", "type": "dev.attune.outcome.v1", "id": "1", "source": "/t", "time": "2026-11-30T00:00:00Z", "data": {"unit": "u", "event": "x"}}"#;

/// What is sent: method, path, content type, body.
type Sent<'a> = (Method, &'a str, &'a str, Vec<u8>);

fn post<'a>(path: &'a str, content_type: &'a str, body: impl Into<Vec<u8>>) -> Sent<'a> {
    (Method::POST, path, content_type, body.into())
}

fn event(from: &str, to: &str) -> String {
    assert!(GOOD_EVENT.contains(from), "the event says `{from}`");
    GOOD_EVENT.replace(from, to)
}

/// Bodies that are no question, with the code.
const NO_QUESTIONS: [(&[u8], &str); 25] = [
    (b"", "PARSE_ERROR"),
    (b"{", "PARSE_ERROR"),
    (b"not json", "PARSE_ERROR"),
    (b"\xff\xfe{}", "PARSE_ERROR"),
    (br#"{"context": {}} trailing"#, "PARSE_ERROR"),
    (br#"{"context": {"a": 1,}}"#, "PARSE_ERROR"),
    (br#"{"context": {"a": 01}}"#, "PARSE_ERROR"),
    (br#"{"context": {"a": NaN}}"#, "PARSE_ERROR"),
    (br#"{"context": {"targetingKey": "\ud800"}}"#, "INVALID_CONTEXT"),
    (b"{\"context\": {\"targetingKey\": \"\xff\"}}", "PARSE_ERROR"),
    (br#"{"context": {"targetingKey": 1e309}}"#, "INVALID_CONTEXT"),
    (b"{}", "INVALID_CONTEXT"),
    (b"null", "INVALID_CONTEXT"),
    (b"[]", "INVALID_CONTEXT"),
    (b"5", "INVALID_CONTEXT"),
    (br#""text""#, "INVALID_CONTEXT"),
    (br#"{"context": null}"#, "INVALID_CONTEXT"),
    (br#"{"context": []}"#, "INVALID_CONTEXT"),
    (br#"{"context": "u1"}"#, "INVALID_CONTEXT"),
    (br#"{"Context": {}}"#, "INVALID_CONTEXT"),
    (br#"{"context": {"targetingKey": 5}}"#, "INVALID_CONTEXT"),
    (br#"{"context": {"targetingKey": ["u1"]}}"#, "INVALID_CONTEXT"),
    (br#"{"context": {"targetingKey": {}}}"#, "INVALID_CONTEXT"),
    (br#"{"context": {"targetingKey": true}}"#, "INVALID_CONTEXT"),
    (br#"{"context": {"targetingKey": 1.5}}"#, "INVALID_CONTEXT"),
];

/// Requests to the decision endpoints, with status and code.
fn decisions() -> Vec<(Sent<'static>, u16, &'static str)> {
    let deep = format!(r#"{{"context": {{"a": {}}}}}"#, "[".repeat(1_000));
    let large = format!(r#"{{"context": {{"targetingKey": "{}"}}}}"#, "u".repeat(70_000));
    let nothing = [
        "/ofrep/v1/evaluate/flags/nothing",
        "/ofrep/v1/evaluate/flags/HOME-HERO",
        "/ofrep/v1/evaluate/flags/%ff",
        "/ofrep/v1/evaluate/flags/%00",
        "/channels/shop/web/ofrep/v1/evaluate/flags/nothing",
        "/channels/shop/nothing/ofrep/v1/evaluate/flags/home-hero",
        "/channels/nowhere/web/ofrep/v1/evaluate/flags",
        "/channels/%ff/web/ofrep/v1/evaluate/flags",
    ];
    let methods = [
        (Method::GET, HOME_HERO),
        (Method::PUT, BULK),
        (Method::DELETE, "/channels/shop/web/ofrep/v1/evaluate/flags"),
    ];
    let of_one = NO_QUESTIONS.map(|(body, code)| (post(HOME_HERO, JSON, body), 400, code));
    let of_all = NO_QUESTIONS.map(|(body, code)| (post(BULK, JSON, body), 400, code));
    let nothing = nothing.map(|path| (post(path, JSON, GOOD), 404, "FLAG_NOT_FOUND"));
    let methods = methods.map(|(method, path)| ((method, path, JSON, GOOD.into()), 405, "GENERAL"));
    let sizes = [
        (post(HOME_HERO, JSON, deep), 400, "INVALID_CONTEXT"),
        (post(HOME_HERO, JSON, large), 413, "GENERAL"),
    ];
    of_one
        .into_iter()
        .chain(of_all)
        .chain(nothing)
        .chain(methods)
        .chain(sizes)
        .collect()
}

/// Requests to everything else, with status.
fn others() -> Vec<(Sent<'static>, u16)> {
    let events = |content_type, body: String| (post("/v1/events", content_type, body), 400);
    vec![
        events(EVENT, String::new()),
        events(EVENT, "{".to_owned()),
        events(EVENT, "[]".to_owned()),
        events(BATCH, "{}".to_owned()),
        events(BATCH, "[1]".to_owned()),
        events(EVENT, event(r#""1.0""#, r#""0.3""#)),
        events(EVENT, event("dev.attune.outcome.v1", "dev.attune.outcome.v9")),
        events(EVENT, event(r#""id": "1""#, r#""id": """#)),
        events(EVENT, event("2026-11-30T00:00:00Z", "yesterday")),
        events(EVENT, event("2026-11-30T00:00:00Z", "2026-12-02T00:00:00Z")),
        events(EVENT, event(r#""unit": "u""#, r#""unit": """#)),
        events(
            EVENT,
            event(r#""event": "x""#, r#""event": "x", "value": "much""#),
        ),
        events(
            EVENT,
            event(r#""event": "x""#, r#""event": "x", "colour": "red""#),
        ),
        (post("/v1/events", "text/plain", GOOD_EVENT), 415),
        (
            post(
                "/v1/events",
                "application/cloudevents+json; charset=latin1",
                GOOD_EVENT,
            ),
            415,
        ),
        ((Method::GET, "/v1/events", JSON, Vec::new()), 405),
        (post("/status", JSON, "{}"), 405),
        (post("/healthz", JSON, "{}"), 405),
        (post("/v1/answers", JSON, "{}"), 422),
        (post("/v1/answers", JSON, "{"), 400),
        (post("/v1/answers", "text/plain", "{}"), 415),
        (post("/v1/answers?at=never", JSON, "{}"), 400),
        (post("/v1/explain", JSON, "{"), 400),
        (
            post("/v1/explain", JSON, r#"{"touchpoint": 5, "context": {}}"#),
            400,
        ),
        (
            post("/v1/explain", JSON, r#"{"touchpoint": "nothing", "context": {}}"#),
            404,
        ),
        ((Method::GET, "/v1/membership", JSON, Vec::new()), 400),
        ((Method::GET, "/v1/membership?unit=", JSON, Vec::new()), 400),
        ((Method::GET, "/nowhere", JSON, Vec::new()), 404),
        ((Method::GET, "/channels/shop", JSON, Vec::new()), 404),
        ((Method::GET, "/channels/shop/web/nowhere", JSON, Vec::new()), 404),
        (
            (Method::GET, "/channels/shop/nothing/healthz", JSON, Vec::new()),
            404,
        ),
    ]
}

#[tokio::test]
async fn is_a_4xx_with_ofreps_code_and_a_message() {
    let folder = Folder::example();
    let server = folder.serve();
    for ((method, path, content_type, body), status, code) in decisions() {
        let shown = format!(
            "{method} {path} {}",
            String::from_utf8_lossy(body.get(..60).unwrap_or(&body))
        );
        let request = server.client.request(method, format!("{}{path}", server.url));
        let response = request
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), status, "{shown}");
        assert_eq!(response.headers()["content-type"], JSON, "{shown}");
        // Who is not read to the end must not send its next request on the same connection.
        let closes = response
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close");
        assert_eq!(closes, status == 413, "{shown}");
        let failure = json_of(response).await;
        assert_eq!(failure["errorCode"], code, "{shown}: {failure}");
        let details = failure["errorDetails"].as_str().unwrap_or_default();
        assert!(details.len() > 20, "{shown}: {failure}");
        let of_one = !path.ends_with("/flags") && status != 405;
        assert_eq!(
            failure.get("key").is_some_and(Value::is_string),
            of_one,
            "{shown}: {failure}"
        );
    }
    assert!(server.is_healthy().await);
}

#[tokio::test]
async fn is_a_4xx_with_a_problem_elsewhere() {
    let folder = Folder::example();
    let server = folder.serve();
    for ((method, path, content_type, body), status) in others() {
        let shown = format!("{method} {path} {}", String::from_utf8_lossy(&body));
        let request = server.client.request(method, format!("{}{path}", server.url));
        let response = request
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), status, "{shown}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{shown}"
        );
        assert_eq!(response.headers().contains_key("allow"), status == 405, "{shown}");
        let problem = json_of(response).await;
        assert_eq!(problem["status"], status, "{shown}: {problem}");
        assert!(problem["title"].is_string(), "{shown}: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
            "{shown}: {problem}"
        );
    }
    assert!(server.is_healthy().await);
    assert_eq!(server.status().await["events"]["stored"], 0);
}

#[tokio::test]
async fn odd_but_good_requests_are_answered() {
    let folder = Folder::example();
    let server = folder.serve();
    let odd = [
        r#"{"context": {}}"#.to_owned(),
        r#"{"context": {"targetingKey": ""}}"#.to_owned(),
        r#"{"context": {"targetingKey": null}}"#.to_owned(),
        r#"{"context": {"user": 5, "session": [], "consent": {"a": {"b": 1}}}, "more": [{}]}"#.to_owned(),
        format!(r#"{{"context": {{"targetingKey": "{}"}}}}"#, "ü".repeat(5_000)),
        r#"{"context": {"session": {"cartValue": 1e308, "itemCount": -9223372036854775809}}}"#.to_owned(),
        format!(r#"{{"context": {{{}"a": 1}}}}"#, r#""k": "v", "#.repeat(1_000)),
    ];
    for body in odd {
        let shown: String = body.chars().take(80).collect();
        let response = server.post(HOME_HERO, JSON, body).await;
        let status = response.status();
        let answer = json_of(response).await;
        assert_eq!(
            (status.as_u16(), &answer["variant"]),
            (200, &Value::from("hero/everyone")),
            "{shown}: {answer}"
        );
    }
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded"] {
        let response = server.post(HOME_HERO, content_type, GOOD).await;
        assert_eq!(
            response.status(),
            200,
            "`{content_type}`: curl sends what it likes"
        );
    }
}
