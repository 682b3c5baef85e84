//! The rules are sent to an endpoint, and the endpoint proves that it has them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RuleFormat;
use crate::number::Whole;
use crate::rules;
use crate::text::ObjectName;
use crate::time::Span;

/// The rules are sent to an endpoint when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushDelivery {
    /// Where they are sent, by POST.
    #[schemars(length(min = 1, max = 2048), regex(pattern = r"^https?://[^/\s?#]+[^\s#]*$"))]
    pub url: String,
    /// How they are written; absent: `Attune`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<RuleFormat>,
    /// How the sender proves who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<PushAuth>,
    /// Certificates; absent: the system's authorities and no client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PushTls>,
    /// How the receiver is asked which revision it has; absent: its acknowledgement is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<PushVerify>,
    /// How failures are tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<PushRetry>,
    /// How often the endpoint may be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<PushRate>,
}

/// How the sender proves who it is: a signature, and at most one of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = rules::at_most_one(&["bearer", "basic", "oauth2"], "choose at most one of bearer, basic and oauth2")
)]
pub struct PushAuth {
    /// Signs each message after the Standard Webhooks scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SecretKeyRef>,
    /// Sends a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretKeyRef>,
    /// Sends `username` and `password` of a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<SecretRef>,
    /// Fetches a token with client credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
}

/// A Secret of the channel's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: ObjectName,
}

/// A key of a Secret of the channel's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: ObjectName,
    /// Key within it.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._A-Za-z0-9]+$"))]
    pub key: String,
}

/// Client credentials of OAuth 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OAuth2 {
    /// Where tokens are issued.
    #[schemars(length(min = 1, max = 2048), regex(pattern = r"^https?://[^/\s?#]+[^\s#]*$"))]
    pub token_url: String,
    /// Secret with `client_id` and `client_secret`.
    pub secret_ref: SecretRef,
    /// Scopes to ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 128)))]
    pub scopes: Vec<String>,
}

/// Certificates of both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushTls {
    /// Authorities to trust, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<SecretKeyRef>,
    /// Secret of type `kubernetes.io/tls` to show to the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<SecretRef>,
    /// Name to expect in the receiver's certificate; absent: the url's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
}

/// How the receiver is asked which revision it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushVerify {
    /// Where it answers, by GET; absent: the delivery's own url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = r"^https?://[^/\s?#]+[^\s#]*$"))]
    pub url: Option<String>,
    /// JSON pointer to the revision in its answer; absent: `/revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), regex(pattern = r"^(/[^/\s]+)+$"))]
    pub revision_pointer: Option<String>,
    /// Time between two questions; absent: 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
}

/// How failures are tried again; backoff doubles between its two ends, with jitter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = rules::must_at(
        "maxBackoff",
        "!has(self.initialBackoff) || !has(self.maxBackoff) || self.initialBackoff <= self.maxBackoff",
        "let `maxBackoff` be at least `initialBackoff`"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PushRetry {
    /// How long an answer may take; absent: 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// First pause; absent: 1s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_backoff: Option<Span>,
    /// Longest pause; absent: 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_backoff: Option<Span>,
}

/// How often an endpoint may be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushRate {
    /// Calls in a minute.
    pub per_minute: Whole<1, 6000>,
}
