use attune_api::{Holdout, Resource};
use jiff::Timestamp;
use serde_json::json;

use super::Generations;

fn holdout(share: i32) -> Resource {
    let period = json!({"from": "2026-11-01T00:00:00Z", "until": "2027-04-30T00:00:00Z"});
    let owner = json!({"group": "analytics", "contact": "analytics@shop.example"});
    let object: Holdout = serde_json::from_value(json!({
        "apiVersion": "attune.dev/v1alpha1", "kind": "Holdout",
        "metadata": {"name": "always-baseline", "namespace": "shop"},
        "spec": {"owner": owner, "shareBp": share, "scope": "Namespace", "period": period},
    }))
    .unwrap();
    Resource::Holdout(Box::new(object))
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn since(resource: &Resource) -> Option<Timestamp> {
    resource.metadata().creation_timestamp.as_ref().map(|time| time.0)
}

#[test]
fn counts_changes_of_the_spec_and_nothing_else() {
    let mut generations = Generations::default();
    let mut stamp = |share| {
        generations
            .stamp(holdout(share), instant("2026-12-01T00:00:00Z"))
            .generation()
    };
    assert_eq!(
        [stamp(500), stamp(500), stamp(600), stamp(500)],
        [Some(1), Some(1), Some(2), Some(3)]
    );
}

#[test]
fn is_as_old_as_it_is_known() {
    let mut generations = Generations::default();
    let first = instant("2026-12-01T00:00:00Z");
    generations.stamp(holdout(500), first);
    let later = generations.stamp(holdout(600), instant("2026-12-02T00:00:00Z"));
    assert_eq!(since(&later), Some(first));
}

#[test]
fn keeps_the_age_that_an_export_carries() {
    let mut exported = holdout(500);
    let then = instant("2026-11-05T00:00:00Z");
    exported.metadata_mut().creation_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(then));
    let stamped = Generations::default().stamp(exported, instant("2026-12-01T00:00:00Z"));
    assert_eq!(since(&stamped), Some(then));
}
