//! A gate before an API server of the tests' own, over real TLS.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::verdicts::{Caller, Verdict, Verdicts};
use super::{ApiServer, Gate, Reviewer};
use crate::collector::{Clock, Collector, CollectorOptions};
use crate::fixture::Authority;

const OPERATOR: &str = "system:serviceaccount:attune:attune-operator";

/// How the API server answers, and what it was asked.
#[derive(Default)]
struct Api {
    status: u16,
    /// The reviews' status by token.
    users: Vec<(&'static str, Value)>,
    asked: Vec<Value>,
}

struct Cluster {
    api: Arc<Mutex<Api>>,
    gate: Gate,
    collector: Collector,
    directory: TempDir,
}

fn review(username: &str, audiences: &Value) -> Value {
    json!({"authenticated": true, "user": {"username": username, "groups": []}, "audiences": audiences})
}

/// The API server: knows its callers by token, as the real one.
fn answer(api: &Mutex<Api>, headers: &HeaderMap, question: Value) -> (StatusCode, Json<Value>) {
    let mut api = api.lock().unwrap();
    assert_eq!(headers["authorization"], "Bearer own");
    let token = question["spec"]["token"].as_str().unwrap().to_owned();
    api.asked.push(question);
    let status = StatusCode::from_u16(api.status).unwrap();
    let known = api.users.iter().find(|(known, _)| *known == token);
    let review = known.map_or(
        json!({"authenticated": false, "error": "no such token"}),
        |(_, review)| review.clone(),
    );
    (status, Json(json!({"kind": "TokenReview", "status": review})))
}

impl Cluster {
    fn start() -> Self {
        let ours = json!(["attune.dev"]);
        let api = Arc::new(Mutex::new(Api {
            status: 201,
            users: vec![
                ("shop", review("system:serviceaccount:shop:web", &ours)),
                ("operator", review(OPERATOR, &ours)),
                ("person", review("kubernetes-admin", &ours)),
                (
                    "elsewhere",
                    review("system:serviceaccount:shop:web", &json!(["https://kubernetes"])),
                ),
                ("old", review("system:serviceaccount:shop:web", &Value::Null)),
            ],
            asked: Vec::new(),
        }));
        let authority = Authority::new("cluster");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let shared = Arc::clone(&api);
        let app = Router::new().route(
            "/apis/authentication.k8s.io/v1/tokenreviews",
            post(async move |headers: HeaderMap, Json(question)| answer(&shared, &headers, question)),
        );
        let server = axum_server::from_tcp_rustls(listener, authority.server()).unwrap();
        tokio::spawn(server.serve(app.into_make_service()));

        let directory = tempfile::tempdir().unwrap();
        let (ca_file, token_file) = (directory.path().join("ca.crt"), directory.path().join("token"));
        std::fs::write(&ca_file, authority.pem()).unwrap();
        std::fs::write(&token_file, "own\n").unwrap();
        let server = ApiServer {
            url: url.parse().unwrap(),
            ca_file,
            token_file,
        };
        let clock = Clock::fixed("2026-12-01T00:00:00Z".parse().unwrap());
        let options = CollectorOptions {
            clock,
            ..CollectorOptions::default()
        };
        Self {
            api,
            gate: Gate::new(Reviewer::new(server).unwrap(), Some(OPERATOR.to_owned())),
            collector: Collector::open(&directory.path().join("data"), options).unwrap(),
            directory,
        }
    }

    async fn send(&self, path: &str, authorization: Option<&str>, body: &Value) -> (u16, HeaderMap, Value) {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self
            .gate
            .router(self.collector.clone())
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (parts.status.as_u16(), parts.headers, body)
    }

    async fn report(&self, token: &str, namespace: Option<&str>) -> u16 {
        let bearer = format!("Bearer {token}");
        self.send("/v1/events", Some(&bearer), &outcome(namespace))
            .await
            .0
    }

    fn asked(&self) -> usize {
        self.api.lock().unwrap().asked.len()
    }
}

fn outcome(namespace: Option<&str>) -> Value {
    let mut data = json!({"unit": "u1", "event": "click"});
    if let Some(namespace) = namespace {
        data["namespace"] = json!(namespace);
    }
    json!({
        "specversion": "1.0", "type": "dev.attune.outcome.v1", "id": "1", "source": "/test",
        "time": "2026-11-30T23:00:00Z", "data": data,
    })
}

#[tokio::test]
async fn takes_events_of_the_callers_namespace_only() {
    let cluster = Cluster::start();
    assert_eq!(cluster.report("shop", Some("shop")).await, 200);
    assert_eq!(cluster.report("shop", None).await, 200);
    assert_eq!(cluster.report("shop", Some("bank")).await, 403);
    let question = cluster.api.lock().unwrap().asked.remove(0);
    let expected = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": "shop", "audiences": ["attune.dev"]}
    });
    assert_eq!(question, expected);
    assert_eq!(cluster.asked(), 0, "the verdict was remembered");
    let at = "2026-12-02T00:00:00Z".parse().unwrap();
    let snapshot = cluster.collector.store().snapshot().unwrap();
    assert!(snapshot.outcome_activity("shop", "click", at).unwrap().is_some());
    assert!(snapshot.outcome_activity("bank", "click", at).unwrap().is_none());
}

#[tokio::test]
async fn lets_nobody_in_without_a_token_for_this_audience() {
    let cluster = Cluster::start();
    for token in ["nobody", "elsewhere", "old"] {
        assert_eq!(cluster.report(token, None).await, 401, "{token}");
    }
    assert_eq!(
        cluster.report("person", None).await,
        403,
        "a person has no namespace"
    );
    let asked = cluster.asked();
    let large = format!("Bearer {}", "a".repeat(70 * 1024));
    for authorization in [
        None,
        Some("Basic abc"),
        Some("Bearer"),
        Some("Bearer "),
        Some("shop"),
        Some(large.as_str()),
    ] {
        let (status, headers, body) = cluster.send("/v1/events", authorization, &outcome(None)).await;
        assert_eq!(status, 401);
        assert_eq!(headers["www-authenticate"], "Bearer");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(body["type"], "urn:attune:unauthenticated");
    }
    assert_eq!(
        cluster.asked(),
        asked,
        "such requests cost the API server nothing"
    );
    assert_eq!(cluster.collector.counts().unwrap().totals.stored, 0);
}

#[tokio::test]
async fn erases_and_recalls_for_the_callers_namespace_only() {
    let cluster = Cluster::start();
    assert_eq!(cluster.report("shop", None).await, 200);
    let ask = async |method: &str, path: &str, token: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).unwrap();
        let router = cluster.gate.router(cluster.collector.clone());
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    };
    let recall = "/v1/recall?variant=a/b&since=2026-11-30T00:00:00Z";
    for (method, path) in [("DELETE", "/v1/units/u1"), ("GET", recall)] {
        assert_eq!(ask(method, path, None).await.0, 401, "{path}");
        assert_eq!(ask(method, path, Some("nobody")).await.0, 401, "{path}");
        assert_eq!(ask(method, path, Some("person")).await.0, 403, "{path}");
    }
    assert_eq!(
        ask("DELETE", "/v1/units/u1?namespace=bank", Some("shop")).await.0,
        403
    );
    let (status, recalled) = ask("GET", recall, Some("shop")).await;
    assert_eq!((status, &recalled["namespace"]), (200, &json!("shop")));
    // Another namespace's account does not reach it.
    let elsewhere = ask("DELETE", "/v1/units/u1", Some("operator")).await.1;
    assert_eq!(elsewhere["erased"]["outcomes"], json!(0));
    let erased = ask("DELETE", "/v1/units/u1", Some("shop")).await.1;
    assert_eq!(erased["erased"]["outcomes"], json!(1));
}

#[tokio::test]
async fn answers_questions_of_the_operator_only() {
    let cluster = Cluster::start();
    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        cluster.send("/v1/answers", Some(&bearer), &json!({})).await.0
    };
    assert_eq!(ask("shop").await, 403);
    assert_eq!(ask("nobody").await, 401);
    assert_eq!(
        ask("operator").await,
        422,
        "let in, and told that this is no question"
    );
}

#[tokio::test]
async fn tells_callers_to_come_again_while_nobody_can_review() {
    let cluster = Cluster::start();
    for status in [500, 403, 429] {
        cluster.api.lock().unwrap().status = status;
        let (answered, headers, _) = cluster
            .send("/v1/events", Some("Bearer shop"), &outcome(None))
            .await;
        assert_eq!(answered, 503, "{status}");
        assert!(headers.contains_key("retry-after"));
    }
    cluster.api.lock().unwrap().status = 201;
    let token = cluster.directory.path().join("token");
    std::fs::remove_file(&token).unwrap();
    assert_eq!(cluster.report("shop", None).await, 503, "no token of its own");
    std::fs::write(&token, "own").unwrap();
    let ca = cluster.directory.path().join("ca.crt");
    let trusted = std::fs::read(&ca).unwrap();
    std::fs::write(&ca, Authority::new("stranger").pem()).unwrap();
    assert_eq!(
        cluster.report("shop", None).await,
        503,
        "an API server that it does not trust"
    );
    std::fs::write(&ca, trusted).unwrap();
    assert_eq!(cluster.report("shop", None).await, 200);
    // A verdict outlives the API server for a while.
    cluster.api.lock().unwrap().status = 500;
    assert_eq!(cluster.report("shop", None).await, 200);
    let reviews = &cluster.gate.0.reviews;
    assert_eq!(
        (
            reviews.failed.get(),
            reviews.authenticated.get(),
            reviews.remembered.get()
        ),
        (5, 1, 1)
    );
}

#[test]
fn forgets_verdicts_in_time() {
    let verdicts = Verdicts::default();
    let start = Instant::now();
    let known = Verdict::Known(Caller::new("system:serviceaccount:shop:web"));
    verdicts.put("good", known.clone(), start);
    verdicts.put("bad", Verdict::Unknown, start);
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(verdicts.get("good", after(59)), Some(known));
    assert_eq!(verdicts.get("bad", after(9)), Some(Verdict::Unknown));
    assert_eq!(verdicts.get("bad", after(10)), None);
    assert_eq!(verdicts.get("good", after(60)), None);
    assert_eq!(verdicts.get("other", start), None);
    assert_eq!(verdicts.len(), 0, "what has expired takes no place");
}

#[test]
fn remembers_a_bounded_number_of_verdicts_and_no_token() {
    let verdicts = Verdicts::bounded(100);
    let now = Instant::now();
    for number in 0..1000 {
        verdicts.put(&format!("token-{number}"), Verdict::Unknown, now);
        assert!(verdicts.get("token-0", now).is_some(), "what is in use stays");
    }
    assert_eq!(verdicts.len(), 100);
    assert!(verdicts.get("token-999", now).is_some());
    assert!(verdicts.get("token-500", now).is_none());
    assert!(!format!("{verdicts:?}").contains("token-999"));
}

#[test]
fn knows_the_namespace_of_service_accounts_only() {
    for (name, namespace) in [
        ("system:serviceaccount:shop:web", Some("shop")),
        ("system:serviceaccount::web", None),
        ("system:serviceaccount:shop:", None),
        ("system:serviceaccount:shop", None),
        ("system:serviceaccount:shop:web:more", None),
        ("system:node:shop", None),
        ("shop", None),
    ] {
        assert_eq!(Caller::new(name).namespace(), namespace, "{name}");
    }
}
