use attune_admission::Verdict;
use attune_api::Kind;
use attune_index::Index;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::*;

const POLICY: &str = "default";

/// A desk in a cluster that has the example's policy, for namespaces of the region `eu`, and nothing else.
fn desk() -> Desk {
    let policy = Strategy::example().edit(
        Kind::GovernancePolicy,
        POLICY,
        json!({"namespaceSelector": {"matchLabels": {"region": "eu"}}}),
    );
    let mut index = Index::of_cluster();
    index.apply(policy.resource(Kind::GovernancePolicy, POLICY));
    for (namespace, region) in [("new", "eu"), ("far", "us")] {
        let labels = [("region".to_owned(), region.to_owned())].into();
        index.learn_labels(namespace, Some(labels));
    }
    let directory = Directory::of(index.declared_channels()).under(index.policies(), index.labels());
    Desk {
        settings: None,
        directory: watch::Sender::new(Arc::new(directory)).subscribe(),
        bare: Arc::new(|_| {}),
        metrics: Arc::new(Metrics::new()),
    }
}

/// The creation of an audience whose owner is no team.
fn creation(namespace: &str) -> Vec<u8> {
    let edited = Strategy::example().edit(Kind::Audience, "lapsed", json!({"owner": {"group": "nobody"}}));
    let mut object = edited.document(Kind::Audience, "lapsed").clone();
    object["metadata"]["namespace"] = namespace.into();
    let request = json!({
        "uid": "1",
        "kind": {"group": "attune.dev", "version": "v1alpha1", "kind": "Audience"},
        "resource": {"group": "attune.dev", "version": "v1alpha1", "resource": "audiences"},
        "name": "lapsed",
        "namespace": namespace,
        "operation": "CREATE",
        "userInfo": {},
        "object": object,
        "oldObject": Value::Null,
        "dryRun": false,
    });
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    serde_json::to_vec(&review).unwrap()
}

#[test]
fn the_first_object_of_a_namespace_is_judged_by_the_policies_that_rule_it() {
    let desk = desk();
    let judged = |namespace: &str| {
        let validation = desk.judge_resource(&Review::parse(&creation(namespace)).unwrap());
        assert!(validation.response.allowed);
        let warnings = validation.response.warnings.unwrap_or_default();
        (validation.verdict, warnings.join("\n"))
    };
    let (verdict, warnings) = judged("new");
    assert_eq!(verdict, Verdict::Warned);
    assert!(
        warnings.contains("`nobody` is no team") && warnings.contains("`default`"),
        "{warnings}"
    );
    let (_, warnings) = judged("far");
    assert!(!warnings.contains("`nobody`"), "{warnings}");
}
