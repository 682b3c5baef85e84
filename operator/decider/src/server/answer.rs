//! What goes back to the client.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::changes::Changes;

/// An answer with its body.
pub(crate) type Answer = Response<ResponseBody>;

/// A body that is there, or one that comes as time goes.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    Whole(Bytes),
    Stream(Changes),
}

impl ResponseBody {
    pub(super) fn whole(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes.into())
    }

    /// Whether it takes as long as the client stays.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(changes) => changes.poll(context).map(|piece| Some(Ok(Frame::data(piece?)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Serializes straight into the body of the answer.
pub(super) fn json(status: StatusCode, content_type: &'static str, value: &impl serde::Serialize) -> Answer {
    let mut body = Vec::with_capacity(1024);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => bytes(status, content_type, body),
        // INVARIANT: only maps with keys that are no strings fail to serialize, and no answer has one.
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    with_body(status, content_type, ResponseBody::whole(body))
}

pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    let body = ResponseBody::Whole(Bytes::from_static(text.as_bytes()));
    with_body(status, "text/plain; charset=utf-8", body)
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(ResponseBody::default());
    *answer.status_mut() = status;
    answer
}

pub(super) fn with_body(status: StatusCode, content_type: &'static str, body: ResponseBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
