//! Answers of receivers: read up to a bound, looked at for a revision, and dropped.

use attune_api::conditions::Reason;
use reqwest::Response;
use serde_json::Value;

use super::trouble::Trouble;

/// The most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// The most characters of a revision that a receiver names.
const MAX_REVISION: usize = 256;

/// The whole body of an answer.
pub(super) async fn whole(whom: &str, mut response: Response) -> Result<Vec<u8>, Trouble> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let broken = |_| {
        let message = format!("{whom}'s answer broke off");
        let trouble = Trouble::new(Reason::ReceiverUnreachable, message).in_doubt();
        Trouble {
            status: Some(status),
            ..trouble
        }
    };
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            let message = format!("{whom} answers more than {} KiB", MAX_ANSWER / 1024);
            let trouble = Trouble::new(Reason::Refused, message).in_doubt();
            return Err(Trouble {
                status: Some(status),
                ..trouble
            });
        }
    }
    Ok(body)
}

/// What an answer says of the receiver's revision.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// There is no such place in it.
    Nothing,
    /// It has none.
    None,
    /// This.
    Revision(String),
}

/// The revision at a JSON pointer of an answer.
pub(super) fn named(body: &[u8], pointer: &str) -> Named {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    match document.as_ref().and_then(|document| document.pointer(pointer)) {
        None => Named::Nothing,
        Some(Value::String(revision)) if !revision.is_empty() && revision.len() <= MAX_REVISION => {
            Named::Revision(revision.clone())
        }
        // Whatever else it is, it is no revision of ours.
        Some(_) => Named::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_revision_where_the_channel_says() {
        let body = br#"{"revision": "a", "state": {"rules": ["b"]}, "none": null, "count": 3, "empty": ""}"#;
        let revision = |text: &str| Named::Revision(text.to_owned());
        assert_eq!(named(body, "/revision"), revision("a"));
        assert_eq!(named(body, "/state/rules/0"), revision("b"));
        assert_eq!(named(body, "/none"), Named::None);
        assert_eq!(named(body, "/count"), Named::None);
        assert_eq!(named(body, "/empty"), Named::None);
        assert_eq!(named(body, "/other"), Named::Nothing);
        assert_eq!(named(b"ok", "/revision"), Named::Nothing);
        assert_eq!(named(b"", "/revision"), Named::Nothing);
    }
}
