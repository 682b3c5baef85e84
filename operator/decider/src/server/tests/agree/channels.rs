//! What happens on one Channel and counts on another.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{connected, is_shown, rules};
use crate::clock::Clock;
use crate::decider::Decider;
use crate::fixture::{Redis, Secret, builder, bundle_with, evaluate, now, post, reason, rule};
use crate::link::Credentials;
use crate::relay::Relay;
use crate::shared::Shared;

/// The decider of another Channel of the namespace, which has a collector behind it.
async fn on(channel: &str, secret: &Secret, collector: &str) -> Decider {
    let shared = Shared::open(&secret.path(), "shop", Clock::pinned(now()));
    let relay = Relay::new(&collector.parse().unwrap(), &Credentials::default()).unwrap();
    let decider = builder().shared(Some(shared.into())).relay(relay).build();
    let bundle = bundle_with(|bundle| {
        rules(bundle);
        bundle["channel"] = json!(channel);
        bundle["bindings"]["hero"]["caps"][0]["per"] = json!("Program");
    });
    decider.adopt_bundle(bundle).unwrap();
    connected(&decider).await;
    decider
}

/// Two Channels of a namespace, and the memory that they share.
struct Channels {
    web: Decider,
    mail: Decider,
    _redis: Redis,
    _secret: Secret,
}

async fn web_and_mail() -> Channels {
    let (redis, collector) = (Redis::start(&[]), collector().await);
    let secret = Secret::new(&redis.url());
    Channels {
        web: on("web", &secret, &collector).await,
        mail: on("mail", &secret, &collector).await,
        _redis: redis,
        _secret: secret,
    }
}

/// A collector that takes everything.
async fn collector() -> String {
    let app = axum::Router::new().route("/v1/events", axum::routing::post(async || StatusCode::ACCEPTED));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn say(decider: &Decider, event: &Value) {
    let answer = post(decider, "/v1/events", event.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
}

fn event(kind: &str, id: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "type": format!("dev.attune.{kind}.v1"), "id": id, "source": "/shop",
        "time": now().to_string(), "data": data
    })
}

#[tokio::test]
async fn an_outcome_on_one_channel_silences_the_others_as_soon_as_it_is_acknowledged() {
    let shop = web_and_mail().await;
    assert_eq!(
        reason(&evaluate(&shop.mail, "letter", "user-1").await),
        "TARGETED"
    );
    say(
        &shop.web,
        &event("outcome", "1", &json!({"unit": "user-1", "event": "purchase"})),
    )
    .await;
    assert_eq!(reason(&evaluate(&shop.mail, "letter", "user-1").await), "STOPPED");
    assert_eq!(
        reason(&evaluate(&shop.mail, "letter", "user-2").await),
        "TARGETED"
    );
}

#[tokio::test]
async fn shows_of_a_program_count_on_all_channels_also_where_nothing_asks() {
    let shop = web_and_mail().await;
    // On this Channel the program has no cap of its own.
    let free = bundle_with(|bundle| {
        rules(bundle);
        bundle["bindings"]["hero"]["caps"] = json!([]);
    });
    shop.web.adopt_bundle(free).unwrap();
    for _ in 0..3 {
        assert!(is_shown(&shop.web, "user-1").await);
    }
    assert!(
        shop.web
            .shared()
            .unwrap()
            .settle(std::time::Duration::from_secs(20))
            .await
    );
    assert!(!is_shown(&shop.mail, "user-1").await);
    assert!(is_shown(&shop.web, "user-1").await);
}

#[tokio::test]
async fn a_rule_asks_what_other_channels_showed() {
    let shop = web_and_mail().await;
    let asking = |source: &str| {
        bundle_with(|bundle| {
            rules(bundle);
            bundle["channel"] = json!("mail");
            bundle["bindings"]["letter"]["candidates"][0]["when"] = rule(source);
        })
    };
    let tired = r#"history.shown("Program/loyalty", duration("1h")) >= 2"#;
    let seen_on_web = r#"now - history.lastShown("Channel/web") < duration("1h")"#;
    for (nth, source) in [tired, seen_on_web].into_iter().enumerate() {
        shop.mail.adopt_bundle(asking(source)).unwrap();
        let unit = format!("user-{nth}");
        assert_eq!(
            reason(&evaluate(&shop.mail, "letter", &unit).await),
            "NOT_ELIGIBLE"
        );
        for _ in 0..2 {
            assert!(is_shown(&shop.web, &unit).await);
        }
        assert_eq!(
            reason(&evaluate(&shop.mail, "letter", &unit).await),
            "TARGETED",
            "{source}"
        );
        assert_eq!(
            reason(&evaluate(&shop.mail, "letter", "nobody").await),
            "NOT_ELIGIBLE"
        );
    }
}

#[tokio::test]
async fn a_rendered_exposure_counts_once_whoever_hears_of_it() {
    let (redis, collector) = (Redis::start(&[]), collector().await);
    let secret = Secret::new(&redis.url());
    let (one, other) = (
        on("web", &secret, &collector).await,
        on("web", &secret, &collector).await,
    );
    let capped = |max: u32| {
        bundle_with(|bundle| {
            rules(bundle);
            bundle["bindings"]["letter"]["caps"] =
                json!([{"per": "Unit", "max": max, "windowSeconds": 3600}]);
        })
    };
    for decider in [&one, &other] {
        decider.adopt_bundle(capped(2)).unwrap();
    }
    let shown = |id: &str| {
        let data = json!({"unit": "user-1", "channel": "web", "touchpoint": "letter", "binding": "letter"});
        event("exposure", id, &data)
    };
    // The client was not answered in time, and asks somebody else.
    say(&one, &shown("1")).await;
    say(&other, &shown("1")).await;
    assert_eq!(reason(&evaluate(&one, "letter", "user-1").await), "TARGETED");
    say(&other, &shown("2")).await;
    assert_eq!(reason(&evaluate(&one, "letter", "user-1").await), "CAPPED");
}

#[tokio::test]
async fn namespaces_know_nothing_of_each_other() {
    let redis = Redis::start(&[]);
    let secret = Secret::new(&redis.url());
    let mut deciders = Vec::new();
    for namespace in ["shop", "other"] {
        let shared = Shared::open(&secret.path(), namespace, Clock::pinned(now()));
        let decider = builder().shared(Some(shared.into())).build();
        let bundle = bundle_with(|bundle| {
            rules(bundle);
            bundle["namespace"] = json!(namespace);
        });
        decider.adopt_bundle(bundle).unwrap();
        connected(&decider).await;
        deciders.push(decider);
    }
    for _ in 0..3 {
        assert!(is_shown(&deciders[0], "user-1").await);
    }
    assert!(!is_shown(&deciders[0], "user-1").await);
    assert!(is_shown(&deciders[1], "user-1").await);
}
