//! What is decided while the memory is away, slow or wrong, and how long that takes.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Change, connected, connected_with, decider_with, is_shown, metric, until};
use crate::decider::Decider;
use crate::fixture::{Authority, Detour, Redis, Secret, erase, evaluate, get, post, reason, rule};

/// What a decision may take beside the limit, on a machine that does much else.
const SLACK: Duration = Duration::from_secs(1);

/// Longer than anybody would set it, for the same reason.
const LIMIT: Duration = Duration::from_millis(500);

/// Goes by its own memory after half a second.
fn open(bundle: &mut Value) {
    bundle["settings"]["state"]["timeoutMillis"] = json!(500);
}

/// Shows nothing that has a cap after half a second.
fn closed(bundle: &mut Value) {
    open(bundle);
    bundle["settings"]["state"]["onFailure"] = json!("Closed");
}

/// Both ways, and whether the decider's own memory decides meanwhile.
const WAYS: [(Change, bool); 2] = [(open, true), (closed, false)];

/// One request, timed.
async fn timed(decider: &Decider, unit: &str) -> (bool, Duration) {
    let began = Instant::now();
    let shown = is_shown(decider, unit).await;
    (shown, began.elapsed())
}

/// Decides as the Channel says while there is no memory, and is as ready as ever.
async fn check_without(decider: &Decider, unit: &str, is_open: bool) {
    let mut shown = 0;
    for _ in 0..5 {
        let (is_shown, took) = timed(decider, unit).await;
        assert!(took < LIMIT + SLACK, "{took:?}");
        shown += u32::from(is_shown);
    }
    assert_eq!(
        shown,
        if is_open { 3 } else { 0 },
        "its own memory holds the cap, or none"
    );
    assert_eq!(get(decider, "/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn decides_while_nobody_is_there_and_agrees_once_somebody_is() {
    for (change, is_open) in WAYS {
        let mut redis = Redis::start(&[]);
        let secret = Secret::new(&redis.url());
        redis.stop();
        let decider = decider_with(&secret, change);
        check_without(&decider, "user-1", is_open).await;
        redis.come_back();
        connected(&decider).await;
        assert!(is_shown(&decider, "user-2").await);
    }
}

#[tokio::test]
async fn goes_on_when_it_dies_and_brings_it_up_to_date_when_it_is_back() {
    for (change, is_open) in WAYS {
        let mut redis = Redis::start(&[]);
        let secret = Secret::new(&redis.url());
        let decider = connected_with(&secret, change).await;
        assert!(is_shown(&decider, "user-2").await);
        redis.stop();
        until("given up", || !decider.shared().unwrap().is_connected()).await;
        check_without(&decider, "user-1", is_open).await;
        assert!(
            metric(
                &decider,
                "attune_decider_state_failures_total{reason=\"disconnected\"}"
            )
            .await
                >= 5.0
        );
        redis.come_back();
        connected(&decider).await;
        assert!(decider.shared().unwrap().settle(Duration::from_secs(20)).await);
        // It has lost what it knew, and hears what was shown while it was away.
        let other = connected_with(&secret, change).await;
        assert_eq!(
            is_shown(&other, "user-1").await,
            !is_open,
            "three were shown, or none"
        );
        for _ in 0..3 {
            assert!(
                is_shown(&other, "user-2").await,
                "what Redis has lost is lost for all"
            );
        }
        assert!(
            !is_shown(&decider, "user-2").await,
            "also for the one that knows better: all decide alike"
        );
    }
}

#[tokio::test]
async fn one_that_takes_requests_and_answers_none_costs_three_of_them_their_time_and_no_more() {
    for (change, is_open) in WAYS {
        let redis = Redis::start(&[]);
        let decider = connected_with(&Secret::new(&redis.url()), change).await;
        assert!(is_shown(&decider, "user-2").await);
        redis.hang();
        check_without(&decider, "user-1", is_open).await;
        until("given up", || !decider.shared().unwrap().is_connected()).await;
        let waited = "attune_decider_state_failures_total{reason=\"timeout\"}";
        let before = metric(&decider, waited).await;
        assert!((3.0..=4.0).contains(&before), "{before}");
        let began = Instant::now();
        for number in 0..200 {
            is_shown(&decider, &format!("user-{number}")).await;
        }
        assert!(
            began.elapsed() < LIMIT * 20,
            "nobody waits any more: {:?}",
            began.elapsed()
        );
        assert!((metric(&decider, waited).await - before).abs() < 0.5);
        redis.go_on();
        connected(&decider).await;
        assert!(is_shown(&decider, "user-1000").await);
    }
}

#[tokio::test]
async fn one_that_is_too_slow_is_not_asked_until_it_is_faster() {
    let redis = Redis::start(&[]);
    let detour = Detour::to(redis.port).await;
    let decider = connected_with(&Secret::new(&detour.url()), closed).await;
    detour.delay(900);
    check_without(&decider, "user-1", false).await;
    until("given up", || !decider.shared().unwrap().is_connected()).await;
    // Every new connection shows that it is no better.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!decider.shared().unwrap().is_connected());
    detour.delay(0);
    connected(&decider).await;
    assert!(is_shown(&decider, "user-3").await);
}

#[tokio::test]
async fn a_wrong_password_is_no_answer_and_a_new_one_takes_effect_without_a_restart() {
    let redis = Redis::start(&["--requirepass", "right"]);
    let secret = Secret::empty();
    let decider = decider_with(&secret, closed);
    check_without(&decider, "user-1", false).await;
    let place = |password: &str| format!("redis://:{password}@127.0.0.1:{}/3\n", redis.port);
    secret.put("url", &place("wrong"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!decider.shared().unwrap().is_connected());
    check_without(&decider, "user-1", false).await;
    secret.put("url", &place("right"));
    connected(&decider).await;
    assert!(is_shown(&decider, "user-1").await);
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_treated_as_away() {
    let redis = Redis::start(&[]);
    let secret = Secret::new(&redis.url());
    let (open, closed) = (
        connected_with(&secret, open).await,
        connected_with(&secret, closed).await,
    );
    let mut client = redis.client().await;
    let full = |bytes: &'static str| {
        redis::cmd("CONFIG")
            .arg("SET")
            .arg("maxmemory")
            .arg(bytes)
            .clone()
    };
    let () = full("1").query_async(&mut client).await.unwrap();
    let shown = [is_shown(&open, "user-1").await, is_shown(&closed, "user-1").await];
    assert_eq!(shown, [true, false]);
    // What waits meanwhile is tried as often as it takes.
    let shared = open.shared().unwrap();
    for number in 0..3 {
        shared.note("user-3", "purchase", crate::fixture::now(), &number.to_string());
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let written = "attune_decider_state_requests_total{operation=\"write\"}";
    assert!(metric(&open, written).await > 6.0);
    assert!(metric(&open, "attune_decider_state_waiting").await > 3.5);
    let () = full("0").query_async(&mut client).await.unwrap();
    for decider in [&open, &closed] {
        connected(decider).await;
    }
    assert!(shared.settle(Duration::from_secs(20)).await);
    assert!(metric(&open, "attune_decider_state_lost_total").await < 0.5);
    let body = json!({"context": {"targetingKey": "user-3", "consent": ["marketing"]}}).to_string();
    let letter = post(&closed, "/ofrep/v1/evaluate/flags/letter", body).await;
    assert_eq!(
        reason(&letter.json()),
        "STOPPED",
        "what was acknowledged is there"
    );
    assert!(is_shown(&closed, "user-2").await);
}

#[tokio::test]
async fn gives_up_what_the_server_refuses_while_it_takes_others() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), open).await;
    let shared = decider.shared().unwrap();
    shared.note("user-1", "purchase", crate::fixture::now(), "1");
    assert!(shared.settle(Duration::from_secs(20)).await);
    let mut client = redis.client().await;
    let keys = redis::cmd("KEYS").arg("*").clone();
    let keys: Vec<String> = keys.query_async(&mut client).await.unwrap();
    // Somebody else writes to where this unit's outcomes are.
    let spoil = redis::cmd("SET").arg(&keys[0]).arg("mine").clone();
    let () = spoil.query_async(&mut client).await.unwrap();
    shared.note("user-1", "purchase", crate::fixture::now(), "2");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let lost = "attune_decider_state_lost_total";
    assert!(
        metric(&decider, lost).await < 0.5,
        "alone it may be the server's trouble"
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    for number in 3.. {
        shared.note("user-2", "purchase", crate::fixture::now(), &number.to_string());
        tokio::time::sleep(Duration::from_millis(20)).await;
        if metric(&decider, lost).await > 0.5 {
            break;
        }
        assert!(Instant::now() < deadline, "it is never given up");
    }
    assert!(shared.settle(Duration::from_secs(20)).await);
    assert!((metric(&decider, lost).await - 1.0).abs() < 0.5);
}

#[tokio::test]
async fn a_server_that_forgot_the_script_gets_it_again() {
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), closed).await;
    let mut client = redis.client().await;
    let () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut client)
        .await
        .unwrap();
    assert!(is_shown(&decider, "user-1").await);
    let () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut client)
        .await
        .unwrap();
    decider
        .shared()
        .unwrap()
        .note("user-1", "purchase", crate::fixture::now(), "1");
    assert!(decider.shared().unwrap().settle(Duration::from_secs(20)).await);
    let body = json!({"context": {"targetingKey": "user-1", "consent": ["marketing"]}}).to_string();
    let letter = post(&decider, "/ofrep/v1/evaluate/flags/letter", body)
        .await
        .json();
    assert_eq!(reason(&letter), "STOPPED");
}

#[tokio::test]
async fn says_that_a_unit_is_not_forgotten_everywhere_while_it_is_away() {
    let mut redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), open).await;
    assert!(is_shown(&decider, "user-1").await);
    redis.stop();
    until("given up", || !decider.shared().unwrap().is_connected()).await;
    assert!(is_shown(&decider, "user-1").await);
    let erased = erase(&decider, "/v1/units/user-1").await;
    assert_eq!(erased.status, StatusCode::SERVICE_UNAVAILABLE);
    let detail = erased.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("not everywhere") && detail.contains("shared memory"),
        "{detail}"
    );
    redis.come_back();
    connected(&decider).await;
    assert_eq!(erase(&decider, "/v1/units/user-1").await.status, StatusCode::OK);
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut redis.client().await)
        .await
        .unwrap();
    assert_eq!(keys, Vec::<String>::new(), "also what only waited to be written");
}

#[tokio::test]
async fn rules_about_history_match_nobody_while_nothing_is_known() {
    let change = |bundle: &mut Value| {
        closed(bundle);
        bundle["bindings"]["hero"]["caps"] = json!([]);
        // What somebody did not do is not known either.
        let rule = rule(r#"!(history.count("purchase", duration("1h")) > 0)"#);
        bundle["bindings"]["hero"]["candidates"][0]["when"] = rule;
    };
    let redis = Redis::start(&[]);
    let decider = connected_with(&Secret::new(&redis.url()), change).await;
    assert_eq!(reason(&evaluate(&decider, "hero", "user-1").await), "TARGETED");
    redis.hang();
    assert_eq!(
        reason(&evaluate(&decider, "hero", "user-1").await),
        "NOT_ELIGIBLE"
    );
    // What asks for nothing is shown as ever.
    assert_eq!(
        evaluate(&decider, "bare", "user-1").await["metadata"]["attune.reason"],
        "NOT_ELIGIBLE"
    );
}

#[tokio::test]
async fn speaks_tls_to_whom_the_secret_trusts_and_to_nobody_else() {
    let authority = Authority::new("state");
    let files = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.pair();
    let path = |name: &str, content: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) = (path("tls.crt", &certificate), path("tls.key", &key));
    let redis = Redis::start(&[
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://127.0.0.1:{}", redis.port);
    let secret = Secret::new(&url);
    let decider = decider_with(&secret, closed);
    for wrong in [None, Some(Authority::new("somebody else").pem())] {
        if let Some(pem) = wrong {
            secret.put("ca.crt", &pem);
        }
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(!decider.shared().unwrap().is_connected());
    }
    secret.put("ca.crt", &authority.pem());
    connected(&decider).await;
    assert!(is_shown(&decider, "user-1").await);
}
