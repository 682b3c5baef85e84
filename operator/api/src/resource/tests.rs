use serde_json::json;

use super::*;

fn holdout() -> Value {
    json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Holdout",
        "metadata": {"name": "h", "namespace": "shop", "generation": 3},
        "spec": {
            "owner": {"group": "analytics", "contact": "a@shop.example"},
            "shareBp": 500,
            "scope": "Namespace",
            "period": {"from": "2026-11-01T00:00:00Z", "until": "2027-04-30T00:00:00Z"},
        },
    })
}

#[test]
fn knows_what_it_is() {
    let resource = Resource::decode(holdout()).unwrap();
    assert_eq!(resource.kind(), Kind::Holdout);
    assert_eq!(
        (resource.namespace(), resource.name(), resource.generation()),
        (Some("shop"), "h", Some(3))
    );
    assert_eq!(resource.spec(), holdout()["spec"]);
    assert_eq!(resource.status(), None);
}

#[test]
fn names_the_field_that_is_at_fault() {
    let mut document = holdout();
    document["spec"]["period"]["until"] = json!("tomorrow");
    let error = Resource::decode(document).unwrap_err();
    assert_eq!(error.field(), "spec.period.until");
    assert_eq!(
        error.message(),
        "`tomorrow` is not an instant as in RFC 3339, such as `2027-03-31T00:00:00Z`"
    );
}

#[test]
fn names_the_place_in_a_list() {
    let error = Resource::decode(json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "ChannelBinding",
        "metadata": {"name": "b"},
        "spec": {
            "programRef": {"name": "p"}, "channelRef": {"name": "c"}, "touchpoint": "t",
            "candidates": [{"moduleRef": {"name": "m"}}, {"moduleRef": {"name": "M"}}],
        },
    }))
    .unwrap_err();
    assert_eq!(error.field(), "spec.candidates[1].moduleRef.name");
}

#[test]
fn names_a_missing_field_by_its_parent() {
    let mut document = holdout();
    document["spec"]["owner"] = json!({"group": "analytics"});
    let error = Resource::decode(document).unwrap_err();
    assert_eq!(
        (error.field(), error.message().as_str()),
        ("spec.owner", "missing field `contact`")
    );
}

#[test]
fn tells_foreign_documents_from_broken_ones() {
    let error = |document| Resource::decode(document).unwrap_err();
    assert_eq!(
        error(json!({"apiVersion": "v1", "kind": "Pod"})),
        DecodeError::ApiVersion {
            found: "v1".to_owned()
        }
    );
    assert_eq!(
        error(json!({"apiVersion": "attune.dev/v1alpha1", "kind": "Segment"})),
        DecodeError::UnknownKind {
            found: "Segment".to_owned()
        }
    );
    assert_eq!(error(json!([])).field(), "apiVersion");
    let mut unnamed = holdout();
    unnamed["metadata"] = json!({});
    assert_eq!(error(unnamed), DecodeError::Unnamed { kind: Kind::Holdout });
}

#[test]
fn ignores_fields_that_it_does_not_know() {
    let mut document = holdout();
    document["spec"]["colour"] = json!("red");
    assert_eq!(Resource::decode(document).unwrap().spec(), holdout()["spec"]);
}

#[test]
fn refuses_two_deliveries() {
    let channel = json!({
        "apiVersion": "attune.dev/v1alpha1",
        "kind": "Channel",
        "metadata": {"name": "web"},
        "spec": {
            "owner": {"group": "web", "contact": "w"}, "type": "Web", "touchpoints": [{"name": "home"}],
            "delivery": {"sidecar": {}, "service": {}},
        },
    });
    assert_eq!(Resource::decode(channel).unwrap_err().field(), "spec.delivery");
}
