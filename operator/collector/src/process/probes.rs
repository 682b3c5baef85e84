//! Whether it lives and takes events, and what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

use crate::authenticate::Gate;
use crate::collector::Collector;

/// How long it is believed that the disk takes something, or nothing: whoever asks often costs no writes.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What probes look at. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub(super) struct Probes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    collector: Collector,
    is_serving: AtomicBool,
    checked: Mutex<Option<(Instant, Result<(), String>)>>,
    registry: Registry,
    size: Gauge,
    queued: Gauge,
}

impl Probes {
    pub(super) fn new(collector: Collector, gate: Option<&Gate>) -> Self {
        let mut registry = Registry::default();
        collector.register(&mut registry);
        if let Some(gate) = gate {
            gate.register(&mut registry);
        }
        let (size, queued) = (Gauge::default(), Gauge::default());
        registry.register(
            "attune_collector_store_bytes",
            "Bytes of the event database on disk",
            size.clone(),
        );
        registry.register(
            "attune_collector_queued_events",
            "Events that wait to be written",
            queued.clone(),
        );
        Self(Arc::new(Inner {
            collector,
            is_serving: AtomicBool::new(false),
            checked: Mutex::default(),
            registry,
            size,
            queued,
        }))
    }

    /// Says whether requests are taken: there is a certificate, and the end has not come.
    pub(super) fn mark_serving(&self, is_serving: bool) {
        self.0.is_serving.store(is_serving, Ordering::Relaxed);
    }

    /// `/healthz`, `/readyz` and `/metrics`.
    pub(super) fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }

    async fn check(&self) -> Result<(), String> {
        if !self.0.is_serving.load(Ordering::Relaxed) {
            return Err("not serving: there is no certificate yet, or the process ends".to_owned());
        }
        let mut checked = self.0.checked.lock().await;
        if let Some((at, result)) = &*checked
            && at.elapsed() < CHECK_EVERY
        {
            return result.clone();
        }
        let store = self.0.collector.store().clone();
        let written = tokio::task::spawn_blocking(move || store.check_writable()).await;
        let result = match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the disk takes nothing: {error}")),
            Err(error) => Err(format!("the disk cannot be checked: {error}")),
        };
        *checked = Some((Instant::now(), result.clone()));
        result
    }
}

async fn ready(State(probes): State<Probes>) -> Response {
    match probes.check().await {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

/// In the `OpenMetrics` text format.
async fn metrics(State(probes): State<Probes>) -> Response {
    let Inner {
        collector,
        registry,
        size,
        queued,
        ..
    } = &*probes.0;
    size.set(i64::try_from(collector.store().size()).unwrap_or(i64::MAX));
    queued.set(i64::try_from(collector.store().queued()).unwrap_or(i64::MAX));
    let mut text = String::new();
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match prometheus_client::encoding::text::encode(&mut text, registry) {
        Ok(()) => ([(CONTENT_TYPE, content_type)], text).into_response(),
        // INVARIANT: writing to a String cannot fail.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
