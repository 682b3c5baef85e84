//! Who may have which bundle: a pod those of its own namespace.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::problem;
use crate::callers::{Caller, CallerError, Callers};
use crate::metrics::{Metrics, Reviewed};

/// Hears of a caller that asked for a bundle of another namespace: the Channel's namespace and name, and who asked.
pub type Denied = Arc<dyn Fn(&str, &str, &Caller) + Send + Sync>;

/// Lets those pass who may.
pub enum Gate {
    /// Everybody, unasked: for development.
    Open,
    /// Whoever proves to be of the Channel's namespace.
    Guarded(Box<Guard>),
}

/// What a guarded gate knows.
pub struct Guard {
    /// Who asks.
    pub callers: Callers,
    /// This replica's own token: others of its service account are replicas too.
    pub own_token: PathBuf,
    /// Hears of whoever was denied.
    pub denied: Denied,
    /// What Prometheus is told.
    pub metrics: Arc<Metrics>,
}

impl Gate {
    /// Whether the sender may have bundles of this Channel.
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn admit(&self, namespace: &str, channel: &str, headers: &HeaderMap) -> Result<(), Response> {
        let Self::Guarded(guard) = self else {
            return Ok(());
        };
        let caller = guard.caller(headers).await?;
        if caller.namespace == namespace {
            return Ok(());
        }
        guard.metrics.reviewed(Reviewed::Denied);
        (guard.denied)(namespace, channel, &caller);
        // Not whether there is such a Channel: that is none of the caller's business either.
        Err(problem(
            StatusCode::FORBIDDEN,
            &format!(
                "{caller} may have bundles of namespace `{}` only",
                caller.namespace
            ),
        ))
    }

    /// Whether the sender is another replica of this operator.
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn admit_replica(&self, headers: &HeaderMap) -> Result<(), Response> {
        let Self::Guarded(guard) = self else {
            return Ok(());
        };
        let caller = guard.caller(headers).await?;
        let own = tokio::fs::read_to_string(&guard.own_token)
            .await
            .unwrap_or_default();
        let own = guard.callers.review(own.trim()).await;
        let own = own.map_err(|error| refusal(&error))?;
        if (&own.namespace, &own.account) == (&caller.namespace, &caller.account) {
            return Ok(());
        }
        guard.metrics.reviewed(Reviewed::Denied);
        Err(problem(
            StatusCode::FORBIDDEN,
            &format!("{caller} is no replica of this operator"),
        ))
    }
}

impl Guard {
    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Response> {
        let caller = self.callers.of(headers).await;
        self.metrics.reviewed(match &caller {
            Ok(_) => Reviewed::Accepted,
            Err(CallerError::Review { .. }) => Reviewed::Failed,
            Err(_) => Reviewed::Refused,
        });
        caller.map_err(|error| refusal(&error))
    }
}

fn refusal(error: &CallerError) -> Response {
    let (status, name, value) = match error {
        CallerError::Review { .. } => (StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER, "1"),
        _ => (StatusCode::UNAUTHORIZED, WWW_AUTHENTICATE, "Bearer"),
    };
    let mut response = problem(status, &error.to_string());
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    response
}
