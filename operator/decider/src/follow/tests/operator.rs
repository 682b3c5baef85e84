//! The operator's side of following, for tests: it holds questions until there is news.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use attune_core::bundle::Bundle;
use attune_core::measure::counts::Counts;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_server::tls_rustls::RustlsConfig;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How the operator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// As it should.
    Holding,
    /// At once, whether there is news or not.
    Hasty,
    /// With this status.
    Failing(u16),
}

/// One question as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    pub path: String,
    pub decider: String,
    pub if_none_match: String,
    pub refused: String,
    pub refused_reason: String,
    pub authorization: String,
}

/// A server on a port of its own.
#[derive(Clone)]
pub(super) struct Operator {
    bundle: watch::Sender<Option<(String, Vec<u8>)>>,
    mood: watch::Sender<Mood>,
    questions: Arc<Mutex<Vec<Question>>>,
    /// The token that it takes; without one, it takes any.
    token: watch::Sender<Option<&'static str>>,
    reports: Arc<Mutex<Reports>>,
    base: String,
}

/// What was told of counts.
#[derive(Default)]
struct Reports {
    is_deaf: bool,
    heard: Vec<Counts>,
    refused: usize,
}

impl Operator {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operator = Self::at("http", listener.local_addr().unwrap());
        let app = operator.app();
        tokio::spawn(async move { axum::serve(listener, app).await });
        operator
    }

    /// Over TLS, with whatever certificate the configuration has when a connection is made.
    pub(super) fn start_tls(config: RustlsConfig) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let operator = Self::at("https", listener.local_addr().unwrap());
        // Each question on a connection of its own, so that each meets the certificate of its time.
        let app = operator.app().layer(axum::middleware::map_response(close));
        let server = axum_server::from_tcp_rustls(listener, config).unwrap();
        tokio::spawn(server.serve(app.into_make_service()));
        operator
    }

    fn at(scheme: &str, address: SocketAddr) -> Self {
        Self {
            bundle: watch::Sender::new(None),
            mood: watch::Sender::new(Mood::Holding),
            questions: Arc::default(),
            token: watch::Sender::new(None),
            reports: Arc::default(),
            base: format!("{scheme}://{address}/base/"),
        }
    }

    fn app(&self) -> Router {
        Router::new()
            .route("/base/v1/bundles/{namespace}/{channel}", get(answer))
            .route("/base/v1/bundles/{namespace}/{channel}/counts", post(hear))
            .with_state(self.clone())
    }

    /// The base URL, which has a path of its own.
    pub(super) fn url(&self) -> Url {
        self.base.parse().unwrap()
    }

    pub(super) fn take_only(&self, token: &'static str) {
        self.token.send_replace(Some(token));
    }

    pub(super) fn publish(&self, json: Vec<u8>) -> String {
        let revision = Bundle::revision(&json);
        self.publish_as(&revision, json);
        revision
    }

    pub(super) fn publish_as(&self, revision: &str, json: Vec<u8>) {
        self.bundle.send_replace(Some((revision.to_owned(), json)));
    }

    pub(super) fn mood(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub(super) fn questions(&self) -> Vec<Question> {
        self.questions.lock().unwrap().clone()
    }
}

impl Operator {
    pub(super) fn take_counts(&self, takes: bool) {
        self.reports.lock().unwrap().is_deaf = !takes;
    }

    pub(super) fn reports(&self) -> Vec<Counts> {
        self.reports.lock().unwrap().heard.clone()
    }

    pub(super) fn refused_reports(&self) -> usize {
        self.reports.lock().unwrap().refused
    }
}

async fn hear(State(operator): State<Operator>, Json(counts): Json<Counts>) -> StatusCode {
    let mut reports = operator.reports.lock().unwrap();
    if reports.is_deaf {
        reports.refused += 1;
        return StatusCode::NOT_FOUND;
    }
    reports.heard.push(counts);
    StatusCode::NO_CONTENT
}

async fn close(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert("connection", HeaderValue::from_static("close"));
    response
}

async fn answer(State(operator): State<Operator>, uri: Uri, headers: HeaderMap) -> Response {
    let header = |name: &str| {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned()
    };
    let question = Question {
        path: uri
            .path_and_query()
            .unwrap()
            .as_str()
            .trim_start_matches("/base")
            .to_owned(),
        decider: header("attune-decider"),
        if_none_match: header("if-none-match"),
        refused: header("attune-refused"),
        refused_reason: header("attune-refused-reason"),
        authorization: header("authorization"),
    };
    let token = *operator.token.borrow();
    let is_known = token.is_none_or(|token| question.authorization == format!("Bearer {token}"));
    let known = question.if_none_match.trim_matches('"').to_owned();
    operator.questions.lock().unwrap().push(question);
    if !is_known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (mut bundle, mut mood) = (operator.bundle.subscribe(), operator.mood.subscribe());
    let now = *mood.borrow_and_update();
    if let Mood::Failing(status) = now {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    if now == Mood::Holding {
        let is_news = |bundle: &Option<(String, Vec<u8>)>| {
            bundle.as_ref().is_some_and(|(revision, _)| *revision != known)
        };
        tokio::select! {
            _ = bundle.wait_for(is_news) => {}
            _ = mood.changed() => {}
            () = tokio::time::sleep(Duration::from_millis(400)) => {}
        }
    }
    let found = bundle.borrow().clone();
    match found {
        Some((revision, json)) if revision != known => {
            ([("etag", format!("\"{revision}\""))], json).into_response()
        }
        _ => StatusCode::NOT_MODIFIED.into_response(),
    }
}
