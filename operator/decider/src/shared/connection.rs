//! One connection to a server, and what breaks it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, Script};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::place::Place;

/// How long a new connection may take until it can be used.
const SETUP: Duration = Duration::from_secs(2);

/// Requests in a row without an answer after which nobody asks any more on this connection: they cost each its time.
const PATIENCE: u32 = 3;

/// Requests that may wait to be sent.
const QUEUE: usize = 1024;

/// A connection that works, as far as is known.
#[derive(Debug)]
pub(super) struct Connection {
    pub redis: MultiplexedConnection,
    unanswered: AtomicU32,
    has_answered: AtomicBool,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // What was asked before may never be answered.
        self.driver.abort();
    }
}

/// Why there is no connection. No text of the Secret is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the server cannot be reached")]
    Dial(#[source] std::io::Error),
    #[error("the server's certificate is not trusted")]
    Secure(#[source] std::io::Error),
    #[error("the server does not let us in, or does not speak its language")]
    Greet(#[source] RedisError),
    #[error("the server did not answer in time")]
    Wait,
    #[error("the server answers, but takes more than the {} ms that a decision waits", limit.as_millis())]
    Slow { limit: Duration },
}

impl Connection {
    /// Connects, logs in and loads the script, which shows that requests are answered within `limit`. `lost` runs when the
    /// server closes the connection.
    pub(super) async fn open(
        place: &Place,
        script: &Script,
        limit: Duration,
        lost: impl FnOnce() + Send + 'static,
    ) -> Result<Self, ConnectError> {
        let open = tokio::time::timeout(SETUP, Self::greet(place, script, lost));
        let opened = open.await.map_err(|_| ConnectError::Wait)??;
        // The first answer pays for the login and the script.
        let ping = redis::cmd("PING");
        let mut redis = opened.redis.clone();
        match tokio::time::timeout(limit, ping.query_async::<()>(&mut redis)).await {
            Ok(Ok(())) => Ok(opened),
            Ok(Err(error)) => Err(ConnectError::Greet(error)),
            Err(_) => Err(ConnectError::Slow { limit }),
        }
    }

    async fn greet(
        place: &Place,
        script: &Script,
        lost: impl FnOnce() + Send + 'static,
    ) -> Result<Self, ConnectError> {
        let address = (place.host.as_str(), place.port);
        let stream = TcpStream::connect(address).await.map_err(ConnectError::Dial)?;
        stream.set_nodelay(true).map_err(ConnectError::Dial)?;
        let opened = match &place.tls {
            None => Self::over(stream, place, lost).await?,
            Some((config, name)) => {
                let name: ServerName<'static> = name.clone();
                let connector = TlsConnector::from(std::sync::Arc::clone(config));
                let stream = connector
                    .connect(name, stream)
                    .await
                    .map_err(ConnectError::Secure)?;
                Self::over(stream, place, lost).await?
            }
        };
        let mut redis = opened.redis.clone();
        let loaded = script.load_async(&mut redis).await;
        loaded.map_err(ConnectError::Greet)?;
        Ok(opened)
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        place: &Place,
        lost: impl FnOnce() + Send + 'static,
    ) -> Result<Self, ConnectError> {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let made = MultiplexedConnection::new_with_config(&place.settings, stream, config).await;
        let (redis, driver) = made.map_err(ConnectError::Greet)?;
        let driver = tokio::spawn(async move {
            driver.await;
            lost();
        });
        Ok(Self {
            redis,
            unanswered: AtomicU32::new(0),
            has_answered: AtomicBool::new(false),
            driver: driver.abort_handle(),
        })
    }

    /// Asks, until `deadline` at most; `None` when the time is over.
    pub(super) async fn ask<T>(
        &self,
        deadline: tokio::time::Instant,
        question: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<Result<T, RedisError>> {
        let answer = tokio::time::timeout_at(deadline, question).await.ok();
        if answer.as_ref().is_some_and(Result::is_ok) {
            self.unanswered.store(0, Ordering::Relaxed);
            self.has_answered.store(true, Ordering::Relaxed);
        } else {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// Whether it is of no more use.
    pub(super) fn is_broken(&self) -> bool {
        self.driver.is_finished() || self.unanswered.load(Ordering::Relaxed) >= PATIENCE
    }

    /// Whether anything was ever answered on it.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }
}
