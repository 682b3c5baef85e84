use attune_api::Kind;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{finding, findings};

#[test]
fn refuses_one_explicit_salt_for_two_objects() {
    let strategy = Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"salt": "shop-2026h2"}));
    assert_eq!(
        finding(&strategy),
        "error Experiment cart-hero spec.salt SharedSalt: `shop-2026h2` is the salt of Holdout `always-baseline` too, so that \
         both would pick the same units: choose another"
    );
}

#[test]
fn accepts_a_salt_of_ones_own() {
    let strategy = Strategy::example().edit(Kind::Experiment, "cart-hero", json!({"salt": "cart-2026"}));
    assert_eq!(findings(&strategy), Vec::<String>::new());
}
