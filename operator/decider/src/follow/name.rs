//! Names of namespaces, Channels and pods.

use std::fmt;
use std::str::FromStr;

/// A lower-case RFC 1123 subdomain, as Kubernetes names namespaces, resources and pods.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

/// The text is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no name: use up to 253 of `a-z`, `0-9`, `-` and `.`, starting and ending with a letter or digit"
)]
pub struct NameError {
    text: String,
}

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let is_outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_name = text.len() <= 253
            && text.chars().all(is_inner)
            && text.starts_with(is_outer)
            && text.ends_with(is_outer);
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError {
                text: text.chars().take(80).collect(),
            })
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
