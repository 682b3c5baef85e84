//! Who asks: tokens of service accounts, reviewed by the API server.

mod memory;

use std::fmt;
use std::time::Duration;

use attune_api::labels::TOKEN_AUDIENCE;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube::api::{Api, PostParams};
use kube::{Client, core::ObjectMeta};
use sha2::{Digest, Sha256};

use memory::Memory;

/// How long the API server may take for one review.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Key, in a token's claims, of the pod that it was made for.
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";

/// A service account that proved to be itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub account: String,
    /// The pod that its token was made for.
    pub pod: Option<String>,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pod {
            Some(pod) => write!(f, "pod `{}/{pod}`", self.namespace),
            None => write!(f, "ServiceAccount `{}/{}`", self.namespace, self.account),
        }
    }
}

/// Why a caller is nobody we know.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallerError {
    /// No token came with the request.
    #[error(
        "no token: send `Authorization: Bearer` with a ServiceAccount token for audience `{TOKEN_AUDIENCE}`"
    )]
    Present,
    /// The API server does not accept the token.
    #[error("the token is not accepted: it is expired, or not for audience `{TOKEN_AUDIENCE}`")]
    Accept,
    /// The token is not a service account's.
    #[error("`{user}` is no ServiceAccount")]
    Recognise {
        /// Who it is.
        user: String,
    },
    /// The API server does not answer.
    #[error("the token cannot be reviewed now: {why}")]
    Review {
        /// Why.
        why: String,
    },
}

/// Knows callers by their tokens.
pub struct Callers {
    reviews: Api<TokenReview>,
    memory: Memory,
}

impl Callers {
    /// Has tokens reviewed by the API server of `client`.
    pub fn new(client: Client) -> Self {
        Self {
            reviews: Api::all(client),
            memory: Memory::default(),
        }
    }

    /// Who sent a request with these headers.
    ///
    /// # Errors
    /// When there is no token, it is of no use, or it cannot be reviewed.
    pub async fn of(&self, headers: &HeaderMap) -> Result<Caller, CallerError> {
        let token = bearer(headers).ok_or(CallerError::Present)?;
        self.review(token).await
    }

    /// Whose token this is; verdicts are remembered for a while.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn review(&self, token: &str) -> Result<Caller, CallerError> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(CallerError::Accept);
        }
        // The token itself is not kept.
        let key = Sha256::digest(token.as_bytes()).into();
        if let Some(verdict) = self.memory.recall(&key) {
            return verdict;
        }
        let verdict = self.ask(token).await;
        // What could not be reviewed may be reviewed the next time.
        if !matches!(verdict, Err(CallerError::Review { .. })) {
            self.memory.keep(key, verdict.clone());
        }
        verdict
    }

    async fn ask(&self, token: &str) -> Result<Caller, CallerError> {
        let review = TokenReview {
            metadata: ObjectMeta::default(),
            spec: TokenReviewSpec {
                audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]),
                token: Some(token.to_owned()),
            },
            status: None,
        };
        let params = PostParams::default();
        let answer = tokio::time::timeout(PATIENCE, self.reviews.create(&params, &review)).await;
        let failed = |why: String| CallerError::Review { why };
        let review = answer
            .map_err(|_| {
                failed(format!(
                    "the API server does not answer within {} s",
                    PATIENCE.as_secs()
                ))
            })?
            .map_err(|error| failed(error.to_string()))?;
        judge(review.status.unwrap_or_default())
    }
}

/// What the API server's word on a token means.
fn judge(status: TokenReviewStatus) -> Result<Caller, CallerError> {
    // An authenticator that does not know audiences leaves the list empty: then the token may be for anybody.
    let is_for_us = status
        .audiences
        .iter()
        .flatten()
        .any(|audience| audience == TOKEN_AUDIENCE);
    if status.authenticated != Some(true) || !is_for_us {
        return Err(CallerError::Accept);
    }
    let user = status.user.unwrap_or_default();
    let name = user.username.unwrap_or_default();
    let account = name
        .strip_prefix("system:serviceaccount:")
        .and_then(|rest| rest.split_once(':'))
        .filter(|(namespace, account)| !namespace.is_empty() && !account.is_empty());
    let Some((namespace, account)) = account else {
        return Err(CallerError::Recognise { user: name });
    };
    let pod = user
        .extra
        .as_ref()
        .and_then(|extra| extra.get(POD_NAME)?.first().cloned());
    Ok(Caller {
        namespace: namespace.to_owned(),
        account: account.to_owned(),
        pod,
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
