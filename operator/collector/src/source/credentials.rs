//! What opens a source. It comes with a question, is used, and stays nowhere.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Credentials by the name that the question knows them by: that of the Secret.
///
/// They can be read but not written, and what they show of themselves is their names.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, Credential>);

/// What one Secret holds.
#[derive(Clone)]
pub struct Credential {
    /// Where and as whom to connect: the Secret's `uri`.
    uri: String,
    /// The CAs that sign the source's certificate, in PEM: the Secret's `ca.crt`; absent: those of the host.
    ca: Option<String>,
}

/// A [`Credential`] as it is sent.
#[derive(Deserialize)]
struct Sent {
    uri: String,
    #[serde(rename = "ca.crt", default)]
    ca: Option<String>,
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        // What serde says of a wrong value quotes it.
        let sent: BTreeMap<String, Sent> = serde_json::from_value(value).map_err(|_| {
            D::Error::custom("`credentials` is no object of objects with `uri` and `ca.crt` by Secret")
        })?;
        Ok(sent
            .into_iter()
            .map(|(name, Sent { uri, ca })| (name, Credential { uri, ca }))
            .collect())
    }
}

impl Credentials {
    pub(crate) fn get(&self, secret: &str) -> Option<&Credential> {
        self.0.get(secret)
    }
}

impl FromIterator<(String, Credential)> for Credentials {
    fn from_iter<T: IntoIterator<Item = (String, Credential)>>(entries: T) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl Credential {
    /// A credential from a Secret's `uri` and, if there is one, its `ca.crt`.
    pub fn new(uri: String, ca: Option<String>) -> Self {
        Self { uri, ca }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
