//! Which pages' scripts may read answers (CORS).

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderValue;
use reqwest::Url;

/// The origins whose pages may ask from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// No page of another origin.
    #[default]
    Own,
    /// Every page.
    Any,
    /// Pages of these origins, as browsers spell them: `https://shop.example`.
    Listed(Vec<String>),
}

/// The text names no origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no origin; list origins like `https://shop.example,https://app.example:8443`, or `*`")]
pub struct OriginError {
    text: String,
}

impl Origins {
    /// What `Access-Control-Allow-Origin` says to a page of `origin`; `None` says nothing, so that the browser keeps the
    /// answer from the page.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::Own => None,
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Listed(listed) => listed
                .iter()
                .any(|known| known.as_bytes() == origin.as_bytes())
                .then(|| origin.clone()),
        }
    }

    /// Whether answers differ by the origin that asks.
    pub(crate) fn varies(&self) -> bool {
        matches!(self, Self::Listed(_))
    }
}

impl FromStr for Origins {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let listed = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let listed: Vec<String> = listed.map(origin).collect::<Result<_, _>>()?;
        Ok(if listed.is_empty() {
            Self::Own
        } else {
            Self::Listed(listed)
        })
    }
}

/// The origin as a browser sends it: no path, no default port, a host in lower case.
fn origin(text: &str) -> Result<String, OriginError> {
    let error = || OriginError {
        text: text.chars().take(80).collect(),
    };
    let url = Url::parse(text).map_err(|_| error())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_bare || !url.username().is_empty() {
        return Err(error());
    }
    Ok(url.origin().ascii_serialization())
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => Ok(()),
            Self::Any => f.write_str("*"),
            Self::Listed(listed) => f.write_str(&listed.join(",")),
        }
    }
}
