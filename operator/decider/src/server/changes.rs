//! The event stream: says that something changed, so that clients ask anew.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::watch;

use super::answer::{Answer, ResponseBody, with_body};
use super::{ofrep, with_retry};
use crate::decider::{Decider, News};
use crate::metrics::Shed;

/// How often a stream on which nothing happens says so: less than proxies wait before they close it.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long clients wait before they come back, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

/// What an event says, as OFREP's ADR 8 has it.
#[derive(Serialize)]
struct Refetch<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    etag: &'a str,
    #[serde(rename = "lastModified")]
    last_modified: i64,
}

/// The pieces of one stream.
pub(crate) struct Changes {
    next: Pin<Box<dyn Future<Output = (Stream, Option<Bytes>)> + Send + Sync>>,
}

/// A stream between two pieces.
struct Stream {
    news: watch::Receiver<News>,
    /// Sent first.
    greeting: Option<Bytes>,
    _place: Place,
}

/// One of so many streams.
struct Place(Arc<AtomicUsize>);

/// `GET /ofrep/v1/changes`: an event for each bundle from now on. A client that names the last event it had (by
/// `Last-Event-ID`) is told at once where another bundle decides by now.
pub(super) fn open(decider: &Decider, headers: &HeaderMap) -> Answer {
    let Some(place) = Place::take(decider.streams(), decider.limits().streams) else {
        decider.metrics().shed.inc(Shed::Stream);
        let detail = "too many event streams are open; poll, or ask again in a second";
        return with_retry(ofrep::refuse(StatusCode::SERVICE_UNAVAILABLE, detail));
    };
    let mut news = decider.news();
    let now = news.borrow_and_update().clone();
    let last = headers.get("last-event-id").map(HeaderValue::as_bytes);
    let mut greeting = RETRY.to_owned();
    let missed = last.is_some_and(|last| now.revision.as_ref().is_some_and(|new| new.as_bytes() != last));
    if missed {
        greeting.push_str(&event(&now));
    }
    let stream = Stream {
        news,
        greeting: Some(greeting.into()),
        _place: place,
    };
    headed(ResponseBody::Stream(Changes {
        next: Box::pin(stream.step()),
    }))
}

/// `HEAD /ofrep/v1/changes`: what a stream begins with. It is none, takes no place, and keeps no connection open.
pub(super) fn describe() -> Answer {
    headed(ResponseBody::default())
}

fn headed(body: ResponseBody) -> Answer {
    let mut answer = with_body(StatusCode::OK, "text/event-stream", body);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers before they pass them on would keep events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

impl Changes {
    /// The next piece; `None` at the end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let (stream, piece) = std::task::ready!(self.next.as_mut().poll(context));
        if piece.is_some() {
            self.next = Box::pin(stream.step());
        } else {
            self.next = Box::pin(std::future::pending());
        }
        Poll::Ready(piece)
    }
}

impl Stream {
    async fn step(mut self) -> (Self, Option<Bytes>) {
        if let Some(greeting) = self.greeting.take() {
            return (self, Some(greeting));
        }
        let piece = match tokio::time::timeout(HEARTBEAT, self.news.changed()).await {
            Err(_) => Some(Bytes::from_static(b":\n\n")),
            Ok(Err(_)) => None,
            Ok(Ok(())) => {
                let now = self.news.borrow_and_update().clone();
                (!now.is_ending).then(|| event(&now).into())
            }
        };
        (self, piece)
    }
}

impl Place {
    fn take(taken: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        if taken.fetch_add(1, Ordering::Relaxed) >= limit {
            taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes")
    }
}

/// An event whose id is the revision; `etag` names the configuration, not an answer.
fn event(news: &News) -> String {
    let Some(revision) = &news.revision else {
        return ":\n\n".to_owned();
    };
    let refetch = Refetch {
        kind: "refetchEvaluation",
        etag: revision,
        last_modified: news.since.as_second(),
    };
    // INVARIANT: strings and numbers always serialize.
    let data = serde_json::to_string(&refetch).unwrap_or_default();
    format!("id: {revision}\nevent: message\ndata: {data}\n\n")
}
