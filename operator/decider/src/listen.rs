//! Taking connections: so many at once, plain or over TLS, none longer than it is of use.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::warn;

use crate::limits::{Limits, MAX_HEAD_BYTES};
use crate::metrics::{Refusal, Shed};
use crate::server::Front;

mod guard;
mod refusal;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use guard::{Guarded, Pulse};
use refusal::Worded;
use tls::Certificate;

/// Connections that are told at once that there are too many; more than that are closed without a word.
const TURNED_AWAY: usize = 256;

/// How long one that is turned away has to take its answer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a connection too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: application/problem+json\r\n\
    content-length: 99\r\nconnection: close\r\n\r\n\
    {\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"too many connections; ask again in a second\"}";

/// Connections of one port.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    front: Front,
    limits: Limits,
    certificate: Option<Certificate>,
    slots: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

impl Connections {
    /// Connections whose requests `front` answers; over TLS where there is a certificate.
    pub(crate) fn new(front: Front, limits: Limits, certificate: Option<Certificate>) -> Self {
        Self {
            front,
            limits,
            certificate,
            slots: Arc::new(Semaphore::new(limits.connections)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        }
    }

    /// Takes connections until `ending` turns true, then waits until the last request is answered.
    pub(crate) async fn serve(self, listener: TcpListener, mut ending: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = ending.wait_for(|end| *end) => break,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream, &ending),
                // Out of file descriptors, or a connection that ended while it waited: neither ends the process.
                Err(error) => {
                    complain(&error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        // INVARIANT: the semaphore is never closed.
        drop(self.slots.acquire_many(all).await);
    }

    fn admit(&self, stream: TcpStream, ending: &watch::Receiver<bool>) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.front.metrics().shed.inc(Shed::Connection);
            self.turn_away(stream);
            return;
        };
        let (this, ending) = (self.clone(), ending.clone());
        tokio::spawn(async move {
            this.talk(stream, ending).await;
            drop(slot);
        });
    }

    async fn talk(self, stream: TcpStream, ending: watch::Receiver<bool>) {
        // Answers are small; waiting for more of them only delays them.
        let _ = stream.set_nodelay(true);
        let pulse = Arc::new(Pulse::default());
        let stream = Guarded::new(stream, Arc::clone(&pulse), self.limits.idle);
        match self.certificate {
            None => talk(stream, &self.front, &pulse, ending).await,
            Some(certificate) => {
                if let Ok(stream) = certificate.accept(stream).await {
                    talk(stream, &self.front, &pulse, ending).await;
                }
            }
        }
        if pulse.is_refused() {
            self.front.metrics().refusals.inc(Refusal::Unreadable);
        }
    }

    /// Says no, for a second at most: closed with its request unread, a connection would be reset under the answer.
    fn turn_away(&self, mut stream: TcpStream) {
        // Over TLS nothing can be said before a handshake, which costs more than an answer.
        let Ok(slot) = Arc::clone(&self.turned_away).try_acquire_owned() else {
            return;
        };
        if self.certificate.is_some() {
            return;
        }
        tokio::spawn(async move {
            let words = async {
                stream.write_all(TOO_MANY).await?;
                stream.shutdown().await?;
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                std::io::Result::Ok(())
            };
            let _ = tokio::time::timeout(LAST_WORDS, words).await;
            drop(slot);
        });
    }
}

fn complain(error: &std::io::Error) {
    let error = error as &dyn std::error::Error;
    warn!(error, "cannot take a connection");
}

/// Answers the requests of one connection until either side ends it.
async fn talk<S>(stream: S, front: &Front, pulse: &Arc<Pulse>, mut ending: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| async {
        let answer = front.answer(request).await;
        pulse.beat(answer.body().is_stream());
        Ok::<_, Infallible>(answer)
    });
    let stream = Worded::new(stream, Arc::clone(pulse));
    // Headers are counted by `front`: of 100, which is hyper's own limit, it makes no memory for each request.
    let connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What breaks a connection is its peer's business; what was refused is counted where it was.
        _ = &mut connection => return,
        _ = ending.wait_for(|end| *end) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
