//! Who calls: bearer tokens, reviewed by the API server for the audience `attune.dev`.
//!
//! A verdict is remembered for a minute at most, by the token's SHA-256. Without a verdict nothing is taken: the caller is
//! told to come again, and comes with the same events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::collector::Collector;
use crate::ingest::{self, CallerNamespace, Problem};
use crate::metrics::Reviews;

mod review;
#[cfg(test)]
mod tests;
mod verdicts;

pub use review::{ApiServer, ReviewError, Reviewer};
use verdicts::{Caller, Verdict, Verdicts};

/// The audience that tokens must be for.
pub const AUDIENCE: &str = "attune.dev";

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Most reviews at once: tokens that nobody issued must not become a load on the API server.
const MAX_REVIEWS: usize = 32;

/// How long a caller waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets callers in by their tokens. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reviewer: Reviewer,
    /// The user name of whoever may ask questions.
    operator: Option<String>,
    verdicts: Verdicts,
    turns: Semaphore,
    reviews: Reviews,
    trouble: std::sync::Mutex<Option<String>>,
}

impl Gate {
    /// A gate that asks `reviewer`, and lets `operator` ask questions: its user name, like
    /// `system:serviceaccount:attune:attune-operator`.
    pub fn new(reviewer: Reviewer, operator: Option<String>) -> Self {
        Self(Arc::new(Inner {
            reviewer,
            operator,
            verdicts: Verdicts::default(),
            turns: Semaphore::new(MAX_REVIEWS),
            reviews: Reviews::default(),
            trouble: std::sync::Mutex::default(),
        }))
    }

    /// The routes of the collector, behind it.
    pub fn router(&self, collector: Collector) -> Router {
        let events =
            ingest::events(collector.clone()).layer(from_fn_with_state(self.clone(), admit_reporter));
        let answers = ingest::answers(collector).layer(from_fn_with_state(self.clone(), admit_operator));
        events.merge(answers)
    }

    /// Makes what it counts readable.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.0.reviews.register(registry);
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let token = bearer(headers)?;
        let verdict = match self.0.verdicts.get(token, Instant::now()) {
            Some(verdict) => {
                self.0.reviews.remembered.inc();
                verdict
            }
            None => self.review(token).await?,
        };
        match verdict {
            Verdict::Known(caller) => Ok(caller),
            Verdict::Unknown => Err(Problem::unauthenticated(
                "nobody vouches for the token; send one of a ServiceAccount with audience `attune.dev`",
            )),
        }
    }

    async fn review(&self, token: &str) -> Result<Verdict, Problem> {
        let turn = tokio::time::timeout(PATIENCE, self.0.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            self.0.reviews.failed.inc();
            return Err(Problem::unreviewed());
        };
        match self.0.reviewer.review(token).await {
            Ok(verdict) => {
                match &verdict {
                    Verdict::Known(_) => self.0.reviews.authenticated.inc(),
                    Verdict::Unknown => self.0.reviews.refused.inc(),
                };
                if self.trouble(None) {
                    info!("callers' tokens are reviewed again");
                }
                self.0.verdicts.put(token, verdict.clone(), Instant::now());
                Ok(verdict)
            }
            Err(error) => {
                self.0.reviews.failed.inc();
                if self.trouble(Some(error.to_string())) {
                    let error = &error as &dyn std::error::Error;
                    warn!(
                        error,
                        "callers' tokens cannot be reviewed; they are told to come again"
                    );
                }
                Err(Problem::unreviewed())
            }
        }
    }

    /// Takes note of what is wrong; whether that is news.
    fn trouble(&self, now: Option<String>) -> bool {
        let mut known = self
            .0
            .trouble
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_news = *known != now;
        *known = now;
        is_news
    }
}

/// Whoever has a namespace may report events of it.
async fn admit_reporter(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let caller = match gate.caller(request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let Some(namespace) = caller.namespace() else {
        let detail = format!(
            "`{}` is no ServiceAccount, and events belong to the namespace of theirs",
            caller.name()
        );
        return Problem::forbidden(detail).into_response();
    };
    let namespace = CallerNamespace(namespace.to_owned());
    request.extensions_mut().insert(namespace);
    next.run(request).await
}

/// Answers are about every namespace: they are for the operator alone.
async fn admit_operator(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.caller(request.headers()).await {
        Ok(caller) if gate.0.operator.as_deref() == Some(caller.name()) => next.run(request).await,
        Ok(caller) => {
            let detail = format!(
                "`{}` may not ask questions; only the operator's account may, see `ATTUNE_OPERATOR_ACCOUNT`",
                caller.name()
            );
            Problem::forbidden(detail).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::unauthenticated("send `Authorization: Bearer <token>`");
    let value = headers.get(AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(missing());
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Problem::unauthenticated("the token is larger than any"));
    }
    Ok(token)
}
