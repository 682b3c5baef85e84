use attune_api::Kind;
use attune_api::conditions::ConditionType;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use crate::tests::{bundle, compile, finding, findings, stands};

/// The example with a second contract of one attribute; `z` stands behind `shopper`.
fn with_contract(attribute: &Value) -> Strategy {
    Strategy::example()
        .copy(Kind::DataContract, "shopper", "z-web")
        .edit(Kind::DataContract, "z-web", json!({"attributes": [attribute]}))
}

#[test]
fn accepts_contracts_that_say_the_same() {
    let same = json!({"name": "session.itemCount", "type": "Int", "source": "app", "sensitivity": "None", "purpose": "service"});
    assert_eq!(findings(&with_contract(&same)), Vec::<String>::new());
}

#[test]
fn tells_the_later_contract_what_it_says_otherwise() {
    let base = json!({"name": "session.itemCount", "type": "Int", "source": "app", "sensitivity": "None", "purpose": "service"});
    for (field, value) in [
        ("type", "Double"),
        ("purpose", "personalization"),
        ("sensitivity", "Sensitive"),
    ] {
        let mut attribute = base.clone();
        attribute[field] = value.into();
        let strategy = with_contract(&attribute);
        assert_eq!(
            finding(&strategy),
            format!(
                "error DataContract z-web spec.attributes[0].{field} ContractConflict: `session.itemCount` has another {field} in \
                 contract `shopper`: describe an attribute in one contract"
            )
        );
        let compiled = compile(&strategy);
        assert_eq!(
            stands(&compiled, Kind::DataContract, "z-web", ConditionType::Consistent),
            "False/ContractConflict"
        );
        assert_eq!(
            stands(
                &compiled,
                Kind::DataContract,
                "shopper",
                ConditionType::Consistent
            ),
            "True/Consistent"
        );
        let read = &bundle(&compiled, "web").attributes["session.itemCount"];
        assert_eq!(format!("{:?}", read.ty), "Int", "the first by name holds");
    }
}

#[test]
fn refuses_an_attribute_inside_of_another() {
    let inside = json!({"name": "user.tier.since", "type": "Timestamp", "source": "crm", "sensitivity": "None", "purpose": "service"});
    let told = finding(&with_contract(&inside));
    assert!(
        told.contains("`user.tier.since` and `user.tier` of contract `shopper` cannot both hold a value"),
        "{told}"
    );
    let beside = json!({"name": "user.tiers", "type": "StringList", "source": "crm", "sensitivity": "None", "purpose": "service"});
    assert_eq!(findings(&with_contract(&beside)), Vec::<String>::new());
}
