//! What hyper says of its own accord, in our words.
//!
//! A head that is malformed or too large reaches no service: hyper answers it with a bare status and ends the connection. That
//! answer is the only one that begins although no request was answered since everything before it was written, so that it is
//! known, and one that says what is wrong goes out in its place. Where a client sends such a head behind requests whose
//! answers it does not take, what hyper says stays as it is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guard::Pulse;
use crate::limits::MAX_HEAD_BYTES;

/// What each of hyper's own answers begins with, up to the status.
const BEGINNING: &[u8] = b"HTTP/1.1 ";

/// A head and a body no longer than this go out in one piece: to copy them costs less than to hand over two.
const SHORT: usize = 1024;

/// A stream on which no answer is without words.
#[derive(Debug)]
pub(super) struct Worded<S> {
    stream: S,
    pulse: Arc<Pulse>,
    /// The requests that were answered when everything was written.
    written: u64,
    /// What goes out instead of what is being written, as far as it is not.
    instead: Vec<u8>,
}

impl<S> Worded<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self {
            stream,
            pulse,
            written: 0,
            instead: Vec::new(),
        }
    }
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    /// Writes other words where `bytes` are hyper's own; `None` where they are not.
    fn poll_instead(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_empty() {
            if self.pulse.answered() != self.written {
                return None;
            }
            self.instead = words(bytes)?;
            self.pulse.refuse();
        }
        Some(self.poll_rest(context).map_ok(|()| bytes.len()))
    }

    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let taken = ready!(Pin::new(&mut self.stream).poll_write(context, &self.instead))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..taken);
        }
        Poll::Ready(Ok(()))
    }
}

/// A head and a body, one after the other, where both are short.
fn joined<'w>(slices: &[IoSlice<'_>], whole: &'w mut [u8; SHORT]) -> Option<&'w [u8]> {
    let [head, body] = slices else { return None };
    let whole = whole.get_mut(..head.len() + body.len())?;
    let (first, rest) = whole.split_at_mut(head.len());
    first.copy_from_slice(head);
    rest.copy_from_slice(body);
    Some(whole)
}

/// The whole answer that says what one of hyper's means; `None` where it is none of those.
fn words(bytes: &[u8]) -> Option<Vec<u8>> {
    let status = bytes.strip_prefix(BEGINNING)?.get(..3)?;
    let (line, code, details) = match status {
        b"400" => (
            "400 Bad Request",
            "PARSE_ERROR",
            "the head of the request is no HTTP/1.1; send a line, headers and a body as RFC 9112 has them"
                .to_owned(),
        ),
        b"414" => (
            "414 URI Too Long",
            "GENERAL",
            format!("the path is too long; a head takes {MAX_HEAD_BYTES} bytes"),
        ),
        b"431" => (
            "431 Request Header Fields Too Large",
            "GENERAL",
            format!(
                "the head of the request is larger than {MAX_HEAD_BYTES} bytes or has too many headers; send only what is needed"
            ),
        ),
        _ => return None,
    };
    let body = format!("{{\"errorCode\":\"{code}\",\"errorDetails\":\"{details}\"}}");
    let answer = format!(
        "HTTP/1.1 {line}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    Some(answer.into_bytes())
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(written) = this.poll_instead(context, bytes) {
            return written;
        }
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(first) = slices.first()
            && let Some(written) = this.poll_instead(context, first)
        {
            return written;
        }
        let mut whole = [0; SHORT];
        match joined(slices, &mut whole) {
            Some(bytes) => Pin::new(&mut this.stream).poll_write(context, bytes),
            None => Pin::new(&mut this.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called once everything is written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.written = this.pulse.answered();
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
