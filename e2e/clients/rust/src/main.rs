//! The Rust SDK with its OFREP provider.

use open_feature::{EvaluationContext, EvaluationErrorCode, OpenFeature, StructValue, Value};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};

#[tokio::main]
async fn main() {
    let base_url = std::env::args().nth(1).expect("the decider's URL");
    let options = OfrepOptions {
        base_url,
        ..OfrepOptions::default()
    };
    let provider = OfrepProvider::new(options).await.expect("a provider");
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(provider).await;
    let client = api.create_client();

    // This provider sends texts, numbers and booleans only, and so no list of consents: an answer all the same.
    let loyal = EvaluationContext::default()
        .with_targeting_key("user-1")
        .with_custom_field("user.tier", "gold")
        .with_custom_field("user.spend90d", 300.0);
    let details = client.get_struct_details::<Words>("home-hero", Some(&loyal), None).await;
    let details = details.expect("a decision");
    assert_eq!(details.value.0, "Welcome");
    assert!(details.variant.expect("a variant").starts_with("hero/"));

    let missing = client.get_struct_details::<Words>("nowhere", Some(&loyal), None).await;
    assert_eq!(missing.err().expect("an error").code, EvaluationErrorCode::FlagNotFound);
    println!("Rust SDK: ok");
}

/// The headline of a hero.
struct Words(String);

impl TryFrom<StructValue> for Words {
    type Error = anyhow::Error;

    fn try_from(value: StructValue) -> anyhow::Result<Self> {
        match value.fields.get("headline") {
            Some(Value::String(headline)) => Ok(Self(headline.clone())),
            other => anyhow::bail!("the headline is {other:?}"),
        }
    }
}
