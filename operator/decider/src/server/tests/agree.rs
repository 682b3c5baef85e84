//! Deciders that share a memory, on a real Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::decider::Decider;
use crate::fixture::{Redis, Secret, builder, bundle_with, erase, evaluate, get, now, post, reason};
use crate::shared::Shared;

mod channels;
mod faults;
mod layout;

/// What may be changed of the shop's bundle.
type Change = fn(&mut Value);

/// At `hero` three shows a unit and hour; at `letter` nothing for an hour after a purchase; `bare` asks for nothing.
fn rules(bundle: &mut Value) {
    bundle["experiments"] = json!({});
    bundle["programs"]["loyalty"]["holdouts"] = json!([]);
    bundle["bindings"]["hero"]["caps"] = json!([{"per": "Unit", "max": 3, "windowSeconds": 3600}]);
    bundle["bindings"]["letter"]["stopOn"] = json!([{"event": "purchase", "windowSeconds": 3600}]);
    // Long enough for a machine that does much else; the tests of faults say shorter ones.
    bundle["settings"]["state"] =
        json!({"onFailure": "Open", "timeoutMillis": 10_000, "windowSeconds": 3600});
}

/// A decider of its own, as in a pod of its own.
fn decider_with(secret: &Secret, change: Change) -> Decider {
    let shared = Arc::new(Shared::open(&secret.path(), "shop", Clock::pinned(now())));
    let decider = builder().shared(Some(shared)).build();
    let bundle = bundle_with(|bundle| {
        rules(bundle);
        change(bundle);
    });
    decider.adopt_bundle(bundle).unwrap();
    decider
}

/// The same once it is connected.
async fn connected_with(secret: &Secret, change: Change) -> Decider {
    let decider = decider_with(secret, change);
    connected(&decider).await;
    decider
}

async fn connected(decider: &Decider) {
    until("connected", || decider.shared().unwrap().is_connected()).await;
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "not {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks for `hero`; whether it was shown.
async fn is_shown(decider: &Decider, unit: &str) -> bool {
    let answer = evaluate(decider, "hero", unit).await;
    match reason(&answer) {
        "TARGETED" => true,
        "CAPPED" => false,
        other => panic!("{other}"),
    }
}

/// A sample of the decider's metrics, 0 where there is none.
async fn metric(decider: &Decider, name: &str) -> f64 {
    let text = get(decider, "/metrics").await.text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn holds_a_cap_exactly_over_deciders_that_ask_at_once() {
    let redis = Redis::start(&[]);
    let secret = Secret::new(&redis.url());
    let mut deciders = Vec::new();
    for _ in 0..4 {
        let change = |bundle: &mut Value| bundle["bindings"]["hero"]["caps"][0]["max"] = json!(10);
        deciders.push(connected_with(&secret, change).await);
    }
    let shown = Arc::new(AtomicU32::new(0));
    let mut asking = tokio::task::JoinSet::new();
    for place in 0..64 {
        let decider = deciders[place % deciders.len()].clone();
        let shown = Arc::clone(&shown);
        asking.spawn(async move {
            if is_shown(&decider, "user-1").await {
                shown.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while let Some(done) = asking.join_next().await {
        done.unwrap();
    }
    // All asked at once, and none of them knew of the others: not one show more than the cap, and not one less.
    assert_eq!(shown.load(Ordering::SeqCst), 10);
    let mut conflicts = 0.0;
    for decider in &deciders {
        conflicts += metric(decider, "attune_decider_state_conflicts_total").await;
        assert!(!is_shown(decider, "user-1").await, "each knows of all");
        assert!(is_shown(decider, "user-2").await, "and of nobody else");
    }
    assert!(conflicts > 0.0, "some came before others");
}

#[tokio::test]
async fn asks_only_where_a_rule_would_ask() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), |_| {}).await;
    let reads = async || {
        metric(
            &decider,
            "attune_decider_state_requests_total{operation=\"read\"}",
        )
        .await
    };
    evaluate(&decider, "bare", "user-1").await;
    let nobody = json!({"context": {}}).to_string();
    post(&decider, "/ofrep/v1/evaluate/flags/hero", nobody).await;
    post(&decider, "/ofrep/v1/evaluate/flags/hero", "{").await;
    assert!((reads().await - 0.0).abs() < 0.5);
    evaluate(&decider, "letter", "user-1").await;
    assert!((reads().await - 1.0).abs() < 0.5);
    // A page is one question, whatever is on it.
    let page = json!({"touchpoints": ["hero", "letter", "bare"], "context": {"targetingKey": "user-1"}});
    assert_eq!(
        post(&decider, "/v1/decide", page.to_string()).await.status,
        StatusCode::OK
    );
    assert!((reads().await - 2.0).abs() < 0.5);
    let charges = metric(
        &decider,
        "attune_decider_state_requests_total{operation=\"charge\"}",
    )
    .await;
    assert!((charges - 1.0).abs() < 0.5, "{charges}");
}

#[tokio::test]
async fn decides_pages_lists_and_explanations_by_what_others_showed() {
    let redis = Redis::start(&[]);
    let secret = Secret::new(&redis.url());
    let (one, other) = (
        connected_with(&secret, |_| {}).await,
        connected_with(&secret, |_| {}).await,
    );
    let body = json!({"touchpoints": ["hero"], "touchpoint": "hero", "context": {"targetingKey": "user-1"}});
    let body = body.to_string();
    let explained = post(&other, "/v1/explain", body.clone()).await.json();
    assert_eq!(
        (reason(&explained["decision"]), &explained["history"]),
        ("TARGETED", &json!("Shared"))
    );
    for _ in 0..3 {
        let page = post(&one, "/v1/decide", body.clone()).await.json();
        assert_eq!(reason(&page["decisions"][0]), "TARGETED", "{page}");
        assert!(page["decisions"][0]["metadata"]["attune.decision"].is_string());
    }
    let page = post(&other, "/v1/decide", body.clone()).await.json();
    assert_eq!(reason(&page["decisions"][0]), "CAPPED", "{page}");
    let explained = post(&other, "/v1/explain", body.clone()).await.json();
    assert_eq!(reason(&explained["decision"]), "CAPPED");
    // What stands at a place goes by what those before it show, whatever its own rules ask for.
    let place = json!({"touchpoint": "bare", "after": ["hero"], "context": {"targetingKey": "user-1"}});
    let explained = post(&other, "/v1/explain", place.to_string()).await.json();
    assert_eq!(
        (&explained["history"], &explained["before"][0]["reason"]),
        (&json!("Shared"), &json!("CAPPED"))
    );
    for _ in 0..2 {
        let list = post(&other, "/ofrep/v1/evaluate/flags", body.clone())
            .await
            .json();
        let hero = list["flags"]
            .as_array()
            .unwrap()
            .iter()
            .find(|flag| flag["key"] == "hero");
        assert_eq!(reason(hero.unwrap()), "CAPPED", "{list}");
    }
    // A list shows nothing, so that it charges nothing.
    let another = json!({"context": {"targetingKey": "user-2"}}).to_string();
    for _ in 0..5 {
        post(&other, "/ofrep/v1/evaluate/flags", another.clone()).await;
    }
    assert!(is_shown(&one, "user-2").await);
}

#[tokio::test]
async fn forgets_a_unit_for_everybody() {
    let redis = Redis::start(&[]);
    let secret = Secret::new(&redis.url());
    let (one, other) = (
        connected_with(&secret, |_| {}).await,
        connected_with(&secret, |_| {}).await,
    );
    for _ in 0..3 {
        assert!(is_shown(&one, "user-1").await);
    }
    assert!(!is_shown(&other, "user-1").await);
    // Also what is only on its way there: shows at a place whose own rules ask for nothing.
    evaluate(&one, "bare", "user-1").await;
    let erased = erase(&other, "/v1/units/user-1").await;
    assert_eq!(
        (erased.status, &erased.json()["remembered"]),
        (StatusCode::OK, &json!(true))
    );
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut redis.client().await)
        .await
        .unwrap();
    assert_eq!(keys, Vec::<String>::new());
    assert!(
        is_shown(&one, "user-1").await,
        "the memory that is shared goes before one's own"
    );
}

#[tokio::test]
async fn keeps_nothing_that_can_be_read_and_nothing_for_longer_than_rules_look_back() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), |_| {}).await;
    assert!(is_shown(&decider, "jane@shop.example").await);
    let mut client = redis.client().await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut client)
        .await
        .unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(
        keys[0].starts_with("attune:1:shop:{") && keys[0].ends_with("}:shows"),
        "{keys:?}"
    );
    let kept: i64 = redis::cmd("PTTL")
        .arg(&keys[0])
        .query_async(&mut client)
        .await
        .unwrap();
    assert!((3_500_000..=3_660_000).contains(&kept), "{kept}");
    let entries: Vec<Vec<u8>> = redis::cmd("LRANGE")
        .arg(&keys[0])
        .arg(0)
        .arg(-1)
        .query_async(&mut client)
        .await
        .unwrap();
    let all = [keys.concat().into_bytes(), entries.concat()].concat();
    for name in ["jane", "example", "hero", "loyalty", "web"] {
        assert!(
            !all.windows(name.len()).any(|part| part == name.as_bytes()),
            "{name}"
        );
    }
}

/// The rights that docs/operations.md lists, read from there.
#[tokio::test]
async fn needs_the_rights_that_the_documentation_lists_and_no_others() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.split_once("A user needs `"));
    let rights = line.unwrap().1.split('`').next().unwrap().to_owned();
    let redis = Redis::start(&[]);
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER")
        .arg("attune")
        .arg("on")
        .arg(">pass")
        .arg("~attune:1:shop:*");
    let () = user
        .arg(rights.split(' ').collect::<Vec<_>>())
        .query_async(&mut redis.client().await)
        .await
        .unwrap();
    let secret = Secret::new(&format!("redis://attune:pass@127.0.0.1:{}/1", redis.port));
    let decider = connected_with(&secret, |bundle| {
        bundle["settings"]["state"]["onFailure"] = json!("Closed");
    })
    .await;
    assert!(is_shown(&decider, "user-1").await);
    decider.shared().unwrap().note("user-1", "purchase", now(), "1");
    assert!(decider.shared().unwrap().settle(Duration::from_secs(20)).await);
    assert_eq!(reason(&evaluate(&decider, "letter", "user-1").await), "STOPPED");
    assert_eq!(erase(&decider, "/v1/units/user-1").await.status, StatusCode::OK);
    let refused = metric(
        &decider,
        "attune_decider_state_failures_total{reason=\"refused\"}",
    )
    .await;
    assert!(refused.abs() < 0.5, "{refused}");
}
