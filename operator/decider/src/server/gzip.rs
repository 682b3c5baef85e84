//! Answers that are worth it are compressed for whoever can read that.

use std::io::Write as _;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::{Answer, ResponseBody};

/// Below it, what is saved is less than what it costs, in bytes.
const WORTH_IT: usize = 1400;

/// Compresses the body where it is large and the client takes gzip.
pub(super) fn compress(head: &Parts, answer: &mut Answer) {
    let ResponseBody::Whole(bytes) = answer.body() else {
        return;
    };
    if bytes.len() < WORTH_IT || !takes_gzip(&head.headers) {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing to memory cannot fail; what would is sent as it is.
    if encoder.write_all(bytes).is_err() {
        return;
    }
    let Ok(compressed) = encoder.finish() else { return };
    *answer.body_mut() = ResponseBody::whole(compressed);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
}

/// Whether `Accept-Encoding` names gzip, or anything, and not with a weight of zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter();
    let mut codings = listed
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        is_named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}
