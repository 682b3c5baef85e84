//! A small shop's bundle and deciders over it, for the tests of this crate.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use attune_core::bucket::{BASIS_POINTS, Salt};
use attune_core::bundle::Bundle;
use attune_core::expr::{Expect, Schema, compile};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::clock::Clock;
use crate::decider::{Builder, Decider};
use crate::server::router;

mod authority;
mod mount;
mod redis;

pub(crate) use authority::Authority;
pub(crate) use mount::Mount;
pub(crate) use redis::{Detour, Redis, Secret};

pub(crate) const NOW: &str = "2026-12-01T00:00:00Z";

/// The instant that tests are pinned to.
pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A clock that tests move by hand.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(now().as_second())))
    }

    pub(crate) fn clock(&self) -> Clock {
        let seconds = self.0.clone();
        Clock::from_fn(move || Timestamp::from_second(seconds.load(Ordering::SeqCst)).unwrap())
    }

    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// Touchpoint `hero` (held out by `always`, split by `hero-test`, counts with the decision), `letter` (counts when
/// rendered) and `bare` (nothing there).
pub(crate) fn bundle_json() -> Value {
    json!({
        "formatVersion": 1,
        "namespace": "shop",
        "channel": "web",
        "settings": {
            "identity": {"unit": "targetingKey", "consent": "consent", "locale": "locale"},
            "locales": ["en", "de"],
            "metadata": "Full"
        },
        "attributes": {},
        "audiences": {},
        "modules": {
            "plain@0": {
                "name": "plain", "baseline": "default",
                "variants": [{"name": "default", "content": {"title": "Welcome"}}]
            },
            "hero@0": {
                "name": "hero", "core": {"legal": "T&C"}, "baseline": "everyone",
                "variants": [
                    {"name": "everyone", "content": {"title": "Good \"to\" see you }}"}},
                    {"name": "german", "locales": ["de"], "content": {"title": "Schön, Sie zu sehen"}}
                ]
            },
            "news@0": {
                "name": "news", "baseline": "all",
                "variants": [{"name": "all", "content": {"title": "News"}}]
            }
        },
        "programs": {
            "loyalty": {"purpose": "service", "holdouts": ["always"]},
            "letters": {"purpose": "marketing"}
        },
        "holdouts": {"always": {"salt": "shop/always:holdout", "shareBp": 500}},
        "experiments": {
            "hero-test": {
                "mode": {"type": "split"}, "salt": "shop/hero-test", "phase": 2, "bindings": ["hero"],
                "trafficBp": 8000,
                "arms": [
                    {"name": "control", "weight": 1, "control": true, "effect": {"type": "Baseline"}},
                    {"name": "treatment", "weight": 1, "effect": {"type": "Personalize"}}
                ]
            }
        },
        "touchpoints": {
            "hero": {"baseline": "plain@0"}, "letter": {"baseline": "plain@0"}, "bare": {}
        },
        "bindings": {
            "hero": {
                "touchpoint": "hero", "program": "loyalty", "priority": 10, "rolloutBp": 10000,
                "exposure": "OnDecision", "candidates": [{"module": "hero@0"}]
            },
            "letter": {
                "touchpoint": "letter", "program": "letters", "priority": 10, "rolloutBp": 10000,
                "exposure": "OnRender", "candidates": [{"module": "news@0"}]
            }
        }
    })
}

/// The shop's bundle, changed.
pub(crate) fn bundle_with(change: impl FnOnce(&mut Value)) -> Bundle {
    let mut json = bundle_json();
    change(&mut json);
    serde_json::from_value(json).unwrap()
}

/// A rule as bundles hold it, which reads no attribute.
pub(crate) fn rule(source: &str) -> Value {
    let expression = compile(source, &Schema::new(), Expect::Bool).unwrap();
    json!({"source": source, "expression": expression})
}

/// A builder at the pinned instant.
pub(crate) fn builder() -> Builder {
    Decider::builder().clock(Clock::pinned(now()))
}

/// A decider over the shop's bundle at the pinned instant.
pub(crate) fn decider() -> Decider {
    let decider = builder().build();
    decider.adopt_bundle(bundle_with(|_| {})).unwrap();
    decider
}

/// A unit by where the formulas put it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    HeldOut,
    OutsideTraffic,
    Control,
    Treatment,
}

/// The n-th unit of a place, computed from the published formulas and not by deciding.
pub(crate) fn unit_in(place: Place, nth: usize) -> String {
    let bucket = |salt: &str, unit: &str, total| Salt::new(salt).bucket(unit, total);
    let place_of = |unit: &str| {
        if bucket("shop/always:holdout", unit, BASIS_POINTS) < 500 {
            Place::HeldOut
        } else if bucket("shop/hero-test:traffic", unit, BASIS_POINTS) >= 8000 {
            Place::OutsideTraffic
        } else if bucket("shop/hero-test", unit, 2) == 0 {
            Place::Control
        } else {
            Place::Treatment
        }
    };
    (0..)
        .map(|number| format!("user-{number}"))
        .filter(|unit| place_of(unit) == place)
        .nth(nth)
        .unwrap()
}

/// What a request was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.to_vec(),
        }
    }
}

/// Sends one request through the decider's routes.
pub(crate) async fn send(decider: &Decider, request: Request<Body>) -> Answer {
    Answer::of(router(decider.clone()).oneshot(request).await.unwrap()).await
}

/// Posts a body to a path.
pub(crate) async fn post(decider: &Decider, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    send(decider, request).await
}

/// Gets a path.
pub(crate) async fn get(decider: &Decider, path: &str) -> Answer {
    send(decider, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Deletes what a path names.
pub(crate) async fn erase(decider: &Decider, path: &str) -> Answer {
    send(decider, Request::delete(path).body(Body::empty()).unwrap()).await
}

/// Asks for one touchpoint for a unit that consents to marketing.
pub(crate) async fn evaluate(decider: &Decider, touchpoint: &str, unit: &str) -> Value {
    let body = json!({"context": {"targetingKey": unit, "consent": ["marketing"]}}).to_string();
    let answer = post(decider, &format!("/ofrep/v1/evaluate/flags/{touchpoint}"), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// The `attune.reason` of an answer.
pub(crate) fn reason(answer: &Value) -> &str {
    answer["metadata"]["attune.reason"].as_str().unwrap()
}
