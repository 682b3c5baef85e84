use attune_api::Kind;
use attune_testkit::Strategy;
use serde_json::json;

use crate::tests::{bundle, compile, finding, findings};

#[test]
fn refuses_a_baseline_that_is_no_variant() {
    let strategy = Strategy::example().edit(Kind::ContentModule, "hero", json!({"baseline": "nobody"}));
    assert_eq!(
        finding(&strategy),
        "error ContentModule hero spec.baseline BaselineInvalid: the module has no variant `nobody`: name one of its variants"
    );
    let compiled = compile(&strategy);
    let touchpoint = &bundle(&compiled, "web").touchpoints["home-hero"];
    assert_eq!(
        touchpoint.baseline, None,
        "a module that cannot serve everybody serves nobody"
    );
}

#[test]
fn refuses_a_baseline_that_is_not_for_everybody() {
    let strategy = Strategy::example().change(Kind::ContentModule, "hero", |spec| {
        spec["variants"][0]["audiences"] = json!(["lapsed"]);
        spec["variants"][0]["channels"] = json!(["web"]);
        spec["variants"][0]["locales"] = json!(["en"]);
        spec["variants"][0]["validity"] = json!({"until": "2027-01-01T00:00:00Z"});
    });
    let findings = findings(&strategy);
    let narrowed = ["audiences", "channels", "locales", "validity"];
    for field in narrowed {
        let expected = format!(
            "error ContentModule hero spec.baseline BaselineInvalid: the baseline `everyone` is for everybody, always: remove \
             its {field}"
        );
        assert!(findings.contains(&expected), "{findings:#?}");
    }
}
