//! What a process says of those who ask it: nothing.

use super::*;

/// Part of every value that must not be told.
const SECRET: &str = "zzsecret";

/// The Channel with rules about who somebody is, so that attributes are read.
fn personal() -> Vec<u8> {
    let mut bundle: Value = serde_json::from_slice(&bundle()).unwrap();
    bundle["settings"]["identity"]["fallback"] = json!("device.id");
    bundle["settings"]["identity"]["locale"] = json!("locale");
    bundle["attributes"] = json!({
        "user.email": {"type": "String", "purpose": "service", "values": ["nobody@example.org"]},
        "user.age": {"type": "Int", "purpose": "service"}
    });
    let bundle: Bundle = serde_json::from_value(bundle).unwrap();
    bundle.canonical().unwrap()
}

/// Where most requests go.
const HERO: &str = "/ofrep/v1/evaluate/flags/hero";

/// A request: method, path, content type and body.
type Asked = (&'static str, &'static str, &'static str, String);

fn post(path: &'static str, body: String) -> Asked {
    ("POST", path, "application/json", body)
}

/// A body with a context that is nobody's business, and what goes beside it.
fn whole(more: &Value) -> String {
    let mut body = json!({"context": {
        "targetingKey": "zzsecret-unit", "device": {"id": "zzsecret-device"}, "locale": "zzsecret-locale",
        "user": {"email": "zzsecret@example.org", "age": "zzsecret-age"}, "unread": {"zzsecret-key": "zzsecret-unread"}
    }});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body.to_string()
}

/// Larger than a body may be.
fn oversized() -> String {
    format!("{{\"context\": {{\"x\": \"{}\"}}}}", "zzsecret".repeat(20_000))
}

/// Decisions of all kinds, asked for well and badly.
fn decisions() -> Vec<Asked> {
    let (plain, broken) = (whole(&json!({})), whole(&json!({})).replace('}', ""));
    let halved = plain.replace("zzsecret@", "zzsecret\\ud83d@");
    let of_hero = [
        plain.clone(),
        halved,
        broken,
        r#"{"context": {"targetingKey": "zzsecret", zzsecret}}"#.to_owned(),
        r#"{"context": "zzsecret"}"#.to_owned(),
        r#"{"context": {"targetingKey": ["zzsecret"]}}"#.to_owned(),
        oversized(),
    ];
    let mut asked: Vec<_> = of_hero.into_iter().map(|body| post(HERO, body)).collect();
    for path in [
        "/ofrep/v1/evaluate/flags",
        "/ofrep/v1/evaluate/flags/zzsecret-touchpoint",
        "/ofrep/v1/evaluate/flags/zzsecret/zzsecret?zzsecret=zzsecret",
        "/zzsecret-path?zzsecret=zzsecret",
    ] {
        asked.push(post(path, plain.clone()));
    }
    for page in [
        json!({"touchpoints": ["hero"]}),
        json!({"touchpoints": ["hero", "zzsecret-touchpoint"]}),
        json!({"touchpoints": ["hero"], "diversity": {"label": "zzsecret-label"}}),
        json!({"touchpoints": "zzsecret"}),
    ] {
        asked.push(post("/v1/decide", whole(&page)));
    }
    for question in [
        json!({"touchpoint": "hero"}),
        json!({"touchpoint": "zzsecret-touchpoint"}),
    ] {
        asked.push(post("/v1/explain", whole(&question)));
    }
    asked.push(post("/v1/explain", "[\"zzsecret\"".to_owned()));
    asked
}

/// Events of all kinds, and what else names a unit.
fn events_and_units() -> Vec<Asked> {
    let event = |kind: &str, data: Value| {
        json!({
            "specversion": "1.0", "id": "zzsecret-event", "source": "zzsecret-source", "type": kind,
            "time": "2026-12-01T00:00:00Z", "data": data
        })
    };
    let of_unit = |more: Value| {
        let mut data = json!({"unit": "zzsecret-unit", "event": "purchase"});
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        event("dev.attune.outcome.v1", data)
    };
    let alias = event(
        "dev.attune.alias.v1",
        json!({"unit": "zzsecret-unit", "alias": "zzsecret-alias"}),
    );
    let outcome = of_unit(json!({}));
    let single = [
        outcome.to_string(),
        of_unit(json!({"unit": ["zzsecret-unit"]})).to_string(),
        of_unit(json!({"namespace": "zzsecret-namespace"})).to_string(),
        "zzsecret".to_owned(),
        oversized(),
    ];
    let of_kind = |kind, body| ("POST", "/v1/events", kind, body);
    let mut asked: Vec<_> = single
        .into_iter()
        .map(|body| of_kind("application/cloudevents+json", body))
        .collect();
    let batch = json!([outcome, alias]).to_string();
    asked.push(of_kind("application/cloudevents-batch+json", batch));
    asked.push(of_kind("application/zzsecret", outcome.to_string()));
    for (method, path) in [
        ("GET", "/v1/membership?unit=zzsecret-unit"),
        ("PUT", "/v1/membership?unit=zzsecret-unit"),
        ("DELETE", "/v1/units/zzsecret-unit"),
        ("DELETE", "/v1/units/zzsecret%00unit"),
    ] {
        asked.push((method, path, "text/plain", String::new()));
    }
    asked
}

/// Sends all of them, and what no client library would; gives how many were answered with each status.
async fn send_all(process: &Process) -> std::collections::BTreeMap<u16, u32> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let client = client();
    let mut statuses = std::collections::BTreeMap::new();
    for (method, path, kind, body) in [decisions(), events_and_units()].concat() {
        let request = client
            .request(method.parse().unwrap(), format!("{}{path}", process.url))
            .header("content-type", kind)
            .header("authorization", "Bearer zzsecret-key")
            .header("last-event-id", "zzsecret-id")
            .body(body);
        if let Ok(answer) = request.send().await {
            *statuses.entry(answer.status().as_u16()).or_default() += 1;
        }
    }
    let address = process.url.strip_prefix("http://").unwrap();
    let long = "zzsecret".repeat(4_000);
    for raw in [
        "GET /zzsecret HTTP/9.9\r\nx-zzsecret: zzsecret\r\n\r\n".to_owned(),
        "zzsecret zzsecret\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nx-zzsecret: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nx-zzsecret: {long}\r\n\r\n"),
        "POST /v1/decide HTTP/1.1\r\ncontent-length: 100\r\n\r\n{\"zzsecret\"".to_owned(),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(raw.as_bytes()).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    statuses
}

/// Nothing of it is in the log or in the metrics.
async fn says_nothing(process: &Process) {
    let metrics = process.metrics().await;
    assert!(metrics.contains("attune_decider_refused_requests_total"));
    let told: Vec<_> = metrics.lines().filter(|line| is_told(line)).collect();
    assert!(told.is_empty(), "{told:#?}");
    let told: Vec<_> = process
        .logged("")
        .into_iter()
        .filter(|line| is_told(line))
        .collect();
    assert!(told.is_empty(), "{told:#?}");
}

fn is_told(line: &str) -> bool {
    line.to_lowercase().contains(SECRET)
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_nobody_in_log_or_metrics_what_it_was_asked() {
    for form in [&[][..], &["--log-json"]] {
        let data = tempfile::tempdir().unwrap();
        let (peers, events) = peers_with(personal()).await;
        let variables = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "1")];
        let process = Process::start_with([&peers, &peers], data.path(), form, &variables);
        process.ready().await;
        let statuses = send_all(&process).await;
        for status in [200, 202, 400, 403, 404, 405, 413, 415] {
            assert!(
                statuses.contains_key(&status),
                "{status} is not among {statuses:?}"
            );
        }
        let exposure = events.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(
            is_told(&exposure.to_string()),
            "the collector alone is told: {exposure}"
        );
        assert!(
            !process.logged("TRACE").is_empty() || !process.logged("DEBUG").is_empty(),
            "the log is verbose"
        );
        says_nothing(&process).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_nobody_what_did_not_reach_the_collector() {
    let data = tempfile::tempdir().unwrap();
    let (peers, _events) = peers_with(personal()).await;
    let variables = [("RUST_LOG", "trace")];
    let process = Process::start_with([&peers, NOBODY], data.path(), &[], &variables);
    process.ready().await;
    let statuses = send_all(&process).await;
    assert!(
        statuses.contains_key(&503) && statuses.contains_key(&502),
        "{statuses:?}"
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while process.logged("exposures wait for the collector").is_empty() {
        assert!(Instant::now() < deadline, "{:?}", process.logged("WARN"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    says_nothing(&process).await;
    process.signal();
    let log = Arc::clone(&process.log);
    tokio::task::spawn_blocking(|| process.terminate()).await.unwrap();
    let log = log.lock().unwrap();
    assert!(log.iter().any(|line| line.contains("draining")));
    assert!(!log.iter().any(|line| is_told(line)));
}
