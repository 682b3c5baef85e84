//! The Rust SDK over TLS, with keys: `guarded <decider> <key> <authority> <another authority>`.

use http::{HeaderMap, HeaderName, HeaderValue};
use open_feature::{
    EvaluationContext, EvaluationDetails, EvaluationError, EvaluationErrorCode, OpenFeature, StructValue,
};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [decider, key, authority, other] = arguments.as_slice() else {
        panic!("the decider's URL, its key, its authority and another one");
    };
    let bearer = format!("Bearer {key}");
    for (name, value) in [("authorization", bearer.as_str()), ("x-api-key", key)] {
        let details = ask(decider, Some((name, value)), authority)
            .await
            .expect("a decision");
        assert!(details.variant.expect("a variant").starts_with("hero/"));
        is_general(ask(decider, Some((name, value)), other).await, "");
    }
    for wrong in [
        None,
        Some(("authorization", "Bearer another")),
        Some(("x-api-key", "")),
    ] {
        is_general(
            ask(decider, wrong, authority).await,
            "authentication/authorization error",
        );
    }
    println!("Rust SDK over TLS: ok");
}

async fn ask(
    decider: &str,
    header: Option<(&'static str, &str)>,
    authority: &str,
) -> Result<EvaluationDetails<Anything>, EvaluationError> {
    let header = header.map(|(name, value)| {
        let value = HeaderValue::from_str(value).expect("a header");
        (HeaderName::from_static(name), value)
    });
    let options = OfrepOptions {
        base_url: decider.to_owned(),
        headers: HeaderMap::from_iter(header),
        cert_path: Some(authority.to_owned()),
        ..OfrepOptions::default()
    };
    let provider = OfrepProvider::new(options).await.expect("a provider");
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(provider).await;
    let client = api.create_client();
    let somebody = EvaluationContext::default().with_targeting_key("user-1");
    client
        .get_struct_details("home-hero", Some(&somebody), None)
        .await
}

/// Whether it is an error of no particular kind, which says this.
fn is_general(found: Result<EvaluationDetails<Anything>, EvaluationError>, says: &str) {
    let error = found.err().expect("an error");
    assert!(
        matches!(&error.code, EvaluationErrorCode::General(text) if text.contains(says)),
        "{error:?}"
    );
}

/// Any content.
struct Anything;

impl From<StructValue> for Anything {
    fn from(_: StructValue) -> Self {
        Self
    }
}
