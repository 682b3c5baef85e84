//! One batch of events to the collector, once.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};

use super::report::{ReportError, below};
use crate::link::{Credentials, Link, LinkError};

/// How long the collector may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// No request can be made now.
    #[error("no request to the collector can be made")]
    Link(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer.
    #[error("the collector cannot be reached")]
    Send(#[source] reqwest::Error),
    /// The token is none that it knows.
    #[error("the collector does not know who sends (401); see `ATTUNE_TOKEN_FILE`")]
    Authenticate,
    /// Another answer than that it has them.
    #[error("the collector answered {status}")]
    Answer {
        /// Its answer.
        status: StatusCode,
    },
    /// It will never take them.
    #[error("the collector does not want them ({status})")]
    Unwanted {
        /// Its answer.
        status: StatusCode,
    },
}

impl From<LinkError> for PostError {
    fn from(error: LinkError) -> Self {
        Self::Link(Box::new(error))
    }
}

/// Sends batches to `POST {collector}/v1/events`, one attempt each.
#[derive(Debug)]
pub struct Poster {
    link: Link,
    url: Url,
}

impl Poster {
    /// A way to the collector at `collector`.
    ///
    /// # Errors
    /// When the URL takes no path.
    pub fn new(collector: &Url, credentials: &Credentials) -> Result<Self, ReportError> {
        Ok(Self {
            link: Link::new(credentials, collector, PATIENCE),
            url: below(collector, &["v1", "events"])?,
        })
    }

    /// Sends a JSON array of events; whoever gets `Ok` may forget them.
    ///
    /// # Errors
    /// When the collector does not have them.
    pub async fn post(&mut self, body: Vec<u8>) -> Result<(), PostError> {
        post(&mut self.link, &self.url, body).await
    }
}

/// See [`Poster::post`].
pub(super) async fn post(link: &mut Link, url: &Url, body: Vec<u8>) -> Result<(), PostError> {
    let request = link
        .request(Method::POST, url)?
        .header(CONTENT_TYPE, "application/cloudevents-batch+json")
        .body(body);
    match request.send().await.map_err(PostError::Send)?.status() {
        status if status.is_success() => Ok(()),
        status @ (StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY) => Err(PostError::Unwanted { status }),
        StatusCode::UNAUTHORIZED => Err(PostError::Authenticate),
        status => Err(PostError::Answer { status }),
    }
}
