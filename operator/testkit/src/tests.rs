use attune_api::Kind;
use serde_json::json;

use super::{AT, Strategy, instant};

#[test]
fn pins_the_clock_to_the_first_of_december() {
    assert_eq!(AT, instant("2026-12-01T00:00:00Z"));
}

#[test]
fn edits_one_document_and_leaves_the_others() {
    let example = Strategy::example();
    let edited = example
        .clone()
        .edit(Kind::Channel, "web", json!({"suspend": true, "metadata": null}));
    let spec = &edited.document(Kind::Channel, "web")["spec"];
    assert_eq!(spec["suspend"], true);
    assert!(spec.get("metadata").is_none());
    assert_eq!(spec["locales"], json!(["en", "de"]));
    assert_eq!(edited.resources().len(), example.resources().len());
    assert_eq!(
        edited.document(Kind::Channel, "email"),
        example.document(Kind::Channel, "email")
    );
}

#[test]
fn copies_and_removes_by_kind_and_name() {
    let example = Strategy::example();
    let more = example.clone().copy(Kind::Channel, "web", "shop-window");
    assert_eq!(more.resource(Kind::Channel, "shop-window").name(), "shop-window");
    assert_eq!(more.without(Kind::Channel, "shop-window"), example);
}
