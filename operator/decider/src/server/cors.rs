//! What browsers need to be told before a page may read an answer.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN,
    VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};

use super::answer::{Answer, empty};
use super::route::Route;
use crate::access::Origins;

/// What pages may send.
const HEADERS: &str = "content-type, if-none-match, authorization, x-api-key, last-event-id";

/// What pages may read beside the body.
const EXPOSED: &str = "etag, retry-after";

/// How long a browser need not ask again, in seconds: the most that browsers heed.
const MAX_AGE: &str = "7200";

/// What may be done at a path. A preflight from an origin that may not ask is told the methods, and nothing about origins.
pub(super) fn options(origins: &Origins, head: &Parts, route: Route<'_>) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    let headers = answer.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(route.allows()));
    let is_preflight = head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let allowed = head.headers.get(ORIGIN).and_then(|origin| origins.allow(origin));
    if is_preflight && allowed.is_some() {
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(route.allows()),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
    answer
}

/// Says of any answer whether the page that asked may read it.
pub(super) fn mark(origins: &Origins, head: &Parts, answer: &mut Answer) {
    if *origins == Origins::Own {
        return;
    }
    let headers = answer.headers_mut();
    if origins.varies() {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    if let Some(allowed) = head.headers.get(ORIGIN).and_then(|origin| origins.allow(origin)) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
