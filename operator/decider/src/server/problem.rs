//! Errors outside of OFREP, by RFC 9457.

use axum::http::{Method, StatusCode};
use serde::Serialize;

use super::answer::{Answer, json};
use super::with_retry;

/// What is wrong with a request and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
}

impl Problem {
    /// A problem of the type `about:blank`: the status says what kind it is.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
        }
    }

    /// No bundle yet, thus nothing to tell.
    pub(super) fn no_bundle() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no bundle yet; ask again once `/readyz` answers 200",
        )
    }

    pub(super) fn answer(&self) -> Answer {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        with_retry(json(status, "application/problem+json", self))
    }
}

/// A path that there is not.
pub(super) fn no_path(path: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, no_path_here(path))
}

/// What whoever asks for it is told.
pub(super) fn no_path_here(path: &str) -> String {
    format!("there is no `{path}`; decisions are at `POST /ofrep/v1/evaluate/flags/<touchpoint>`")
}

/// A path that takes another method.
pub(super) fn refuse_method(method: &Method, path: &str) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("`{path}` does not take {method}; see the `Allow` header"),
    )
}
