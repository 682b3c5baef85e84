//! The API server asks about pods and resources; `attune-admission` has the answers.
//!
//! Whatever comes in is answered, and nothing is written because of it but an Event: webhooks have no side effects that
//! matter.

mod directory;

use std::sync::Arc;
use std::time::Instant;

use attune_admission::{Injection, Review, Settings, Validation, inject, review, validate, validate_under};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use kube::core::admission::AdmissionResponse;
use tokio::sync::watch;
use tracing::{debug, info};

pub use directory::Directory;

use crate::distribute::problem;
use crate::metrics::{Metrics, Webhook};

/// The largest body: an object of 1.5 MiB, which is etcd's most, twice, and what the API server says around it.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Hears of pods that asked for a decider and start without.
pub type Bare = Arc<dyn Fn(&Injection) + Send + Sync>;

/// What the answers depend on.
#[derive(Clone)]
pub struct Desk {
    /// How deciders are started; `None` where none are injected.
    pub settings: Option<Arc<Settings>>,
    /// Which Channels there are.
    pub directory: watch::Receiver<Arc<Directory>>,
    /// Hears of pods that start bare.
    pub bare: Bare,
    /// What Prometheus is told.
    pub metrics: Arc<Metrics>,
}

/// The routes: `/webhooks/inject` and `/webhooks/validate`.
pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/webhooks/inject", post(answer_pod))
        .route("/webhooks/validate", post(answer_resource))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(desk)
}

async fn answer_pod(State(desk): State<Desk>, body: Bytes) -> Response {
    let began = Instant::now();
    let (outcome, response) = match Review::parse(&body) {
        Ok(review) => desk.judge_pod(&review),
        Err(error) => ("malformed", malformed(&error)),
    };
    desk.metrics
        .webhook_answered(Webhook::Inject, outcome, began.elapsed().as_secs_f64());
    response
}

async fn answer_resource(State(desk): State<Desk>, body: Bytes) -> Response {
    let began = Instant::now();
    let (outcome, response) = match Review::parse(&body) {
        Ok(review) => {
            let validation = desk.judge_resource(&review);
            debug!(
                namespace = review.namespace(),
                name = review.name(),
                verdict = validation.verdict.as_str(),
                "validated a resource"
            );
            (validation.verdict.as_str(), answered(validation.response))
        }
        Err(error) => ("malformed", malformed(&error)),
    };
    desk.metrics
        .webhook_answered(Webhook::Validate, outcome, began.elapsed().as_secs_f64());
    response
}

impl Desk {
    /// By the policies that rule the namespace, where they are known.
    fn judge_resource(&self, review: &Review) -> Validation {
        let directory = Arc::clone(&self.directory.borrow());
        let namespace = review.namespace();
        match directory.ground(namespace) {
            Some(ground) => validate_under(review, &ground, Timestamp::now()),
            None => validate(review, Timestamp::now()),
        }
    }

    fn judge_pod(&self, review: &Review) -> (&'static str, Response) {
        let Some(settings) = &self.settings else {
            return ("ignored", answered(review.allow()));
        };
        let directory = Arc::clone(&self.directory.borrow());
        let injection = inject(review, settings, |namespace, channel| {
            directory.find(namespace, channel)
        });
        info!(
            namespace = injection.namespace,
            pod = injection.pod,
            channel = injection.channel,
            outcome = injection.outcome.as_str(),
            "judged a pod"
        );
        if injection.outcome.is_bare() && !injection.is_dry_run {
            (self.bare)(&injection);
        }
        (injection.outcome.as_str(), answered(injection.response))
    }
}

fn answered(response: AdmissionResponse) -> Response {
    Json(review::answer(response)).into_response()
}

fn malformed(error: &review::ReviewError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    problem(status, &error.to_string())
}

#[cfg(test)]
mod tests;
