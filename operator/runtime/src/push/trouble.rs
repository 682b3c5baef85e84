//! Why an endpoint does not have what it should.

use std::time::Duration;

use attune_api::conditions::Reason;
use attune_compile::formats::Refusal;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::egress::Denied;

/// The most characters of what is told of an error.
const MAX_TEXT: usize = 200;

/// Why an exchange did not succeed. It never holds a credential, or anything of an answer's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What stands on the condition.
    pub(super) reason: Reason,
    /// The same in words.
    pub(super) message: String,
    /// HTTP status of the receiver's answer, if it gave any.
    pub(super) status: Option<u16>,
    /// How long the receiver asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// Whether the receiver may have taken in what was sent all the same.
    pub(super) may_have_arrived: bool,
}

impl Trouble {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            status: None,
            retry_after: None,
            may_have_arrived: false,
        }
    }

    /// The receiver may have taken it in.
    pub(super) fn in_doubt(self) -> Self {
        Self {
            may_have_arrived: true,
            ..self
        }
    }

    /// A Secret that is not there, or does not hold what it should.
    pub(super) fn secret(secret: &str, what: &str) -> Self {
        Self::new(Reason::SecretMissing, format!("Secret `{secret}` {what}"))
    }

    /// The settings do not let it be sent there.
    pub(super) fn denied(denied: &Denied) -> Self {
        Self::new(Reason::EgressDenied, denied.to_string())
    }

    /// The format cannot carry anything of it.
    pub(super) fn format(refusals: &[Refusal]) -> Self {
        let first = refusals.first().map(ToString::to_string).unwrap_or_default();
        Self::new(Reason::FormatUnsupported, first)
    }

    /// There was no whole answer within the time that it may take.
    pub(super) fn late(timeout: Duration) -> Self {
        let message = format!("no answer within {}s", timeout.as_secs());
        Self::new(Reason::ReceiverUnreachable, message).in_doubt()
    }

    /// An answer that is no acknowledgement, by `whom`.
    pub(super) fn answered(whom: &str, status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Self {
        let code = status.as_u16();
        // What passes by itself; all else waits for a person.
        let passes = status.is_server_error() || matches!(code, 408 | 425 | 429);
        let reason = if passes {
            Reason::ReceiverUnreachable
        } else {
            Reason::Refused
        };
        Self {
            status: Some(code),
            retry_after: retry_after(headers, now),
            may_have_arrived: passes,
            ..Self::new(reason, format!("{whom} answers {code}"))
        }
    }

    /// A request that failed on its way there or back.
    pub(super) fn failed(whom: &str, error: &reqwest::Error) -> Self {
        let mut root: &dyn std::error::Error = error;
        loop {
            if let Some(denied) = root.downcast_ref::<Denied>() {
                return Self::denied(denied);
            }
            // An io::Error shows what it wraps, but does not give it as its source.
            let wrapped = root
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref);
            match wrapped
                .map(|inner| inner as &dyn std::error::Error)
                .or(root.source())
            {
                Some(source) => root = source,
                None => break,
            }
        }
        let text: String = root.to_string().chars().take(MAX_TEXT).collect();
        let trouble = Self::new(
            Reason::ReceiverUnreachable,
            format!("{whom} cannot be reached: {text}"),
        );
        if error.is_connect() {
            trouble
        } else {
            trouble.in_doubt()
        }
    }
}

/// How long an answer asks to wait: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait: SignedDuration = at.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or_default())
}
