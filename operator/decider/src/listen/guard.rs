//! A connection that ends by itself when nothing comes of it.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

#[cfg(test)]
mod tests;

/// What a connection's requests tell its guard.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    answered: AtomicU64,
    /// Its answer is an event stream, which takes as long as it takes.
    is_stream: AtomicBool,
    /// The last request was none, and was answered without anybody's doing.
    is_refused: AtomicBool,
}

impl Pulse {
    /// How many requests were answered.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Something came that is no request.
    pub(super) fn refuse(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }

    /// Whether something came that is no request.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    /// A request was answered.
    pub(super) fn beat(&self, is_stream: bool) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.is_stream.store(is_stream, Ordering::Relaxed);
    }
}

/// A stream on which within `idle` a request must be answered, and whose peer must take what is written. One timer for
/// each connection, which is set anew once in that time at most, so that a request costs no timer.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    pulse: Arc<Pulse>,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    /// What the pulse said when the timer was set.
    seen: u64,
    /// Since when nothing could be written; none where the peer takes what is written.
    stuck_since: Option<Instant>,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>, idle: Duration) -> Self {
        Self {
            stream,
            pulse,
            idle,
            timer: Box::pin(tokio::time::sleep(idle)),
            seen: 0,
            stuck_since: None,
        }
    }

    /// Called when the stream cannot go on; wakes the task when the time is up.
    fn check(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let answered = self.pulse.answered();
            let is_alive = answered != self.seen || self.pulse.is_stream.load(Ordering::Relaxed);
            // The peer may have stopped to take only just before the time was up.
            let is_stuck = self.stuck_since.is_some_and(|since| now >= since + self.idle);
            if !is_alive || is_stuck {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.seen = answered;
            self.timer.as_mut().reset(now + self.idle);
        }
    }

    fn after_write<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stuck_since = None;
            return polled;
        }
        self.stuck_since.get_or_insert_with(Instant::now);
        self.check(context).map(Err)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => this.check(context).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.after_write(context, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.after_write(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
