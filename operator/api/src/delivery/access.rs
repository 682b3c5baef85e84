//! Who may ask deciders of their own, and how.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::push::{SecretKeyRef, SecretRef};
use crate::rules;

/// Who may ask deciders of their own, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccess {
    /// Keys of which callers must show one, one a line; absent: callers need none. Nobody is let in while the Secret is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_ref: Option<SecretKeyRef>,
    /// Pages that may ask from a browser, by origin, or `*` for all; absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::unique("list each origin once"))]
    pub allow_origins: Vec<AllowedOrigin>,
    /// Secret of type `kubernetes.io/tls` to answer over TLS with; absent: plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ref: Option<SecretRef>,
}

/// Where a page comes from (`https://shop.example`), or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AllowedOrigin(
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^(\*|https?://[^/?#\s,*]+)$"))]
    String,
);

impl AllowedOrigin {
    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
