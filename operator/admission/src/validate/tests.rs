use attune_api::Kind;
use attune_testkit::Strategy;
use serde_json::{Value, json};

use super::{Ground, Validation, Verdict, validate, validate_under};
use crate::Review;
use crate::fixture::review;

fn judged(operation: &str, kind: Kind, object: &Value, old: &Value) -> Validation {
    let body = review(operation, ("attune.dev", kind.name(), kind.plural()), object, old);
    let review = Review::parse(&body).unwrap();
    validate(&review, attune_testkit::instant("2026-12-01T00:00:00Z"))
}

fn created(kind: Kind, object: &Value) -> Validation {
    judged("CREATE", kind, object, &Value::Null)
}

/// An object of the example whose `spec` is changed.
fn example(kind: Kind, name: &str, patch: Value) -> Value {
    Strategy::example()
        .edit(kind, name, patch)
        .document(kind, name)
        .clone()
}

fn names(kind: Kind) -> Vec<String> {
    let resources = Strategy::example().resources();
    let named = resources.iter().filter(|resource| resource.kind() == kind);
    named.map(|resource| resource.name().to_owned()).collect()
}

fn audience(expression: &str) -> Value {
    example(
        Kind::Audience,
        &names(Kind::Audience)[0],
        json!({"match": expression}),
    )
}

fn warnings(validation: &Validation) -> Vec<String> {
    validation.response.warnings.clone().unwrap_or_default()
}

#[test]
fn every_object_of_the_example_is_stored_without_a_word() {
    for kind in Kind::ALL {
        for name in names(kind) {
            let object = Strategy::example().document(kind, &name).clone();
            let validation = created(kind, &object);
            assert_eq!(
                validation.verdict,
                Verdict::Allowed,
                "{kind} {name}: {:?}",
                warnings(&validation)
            );
            assert!(validation.response.allowed);
        }
    }
}

#[test]
fn refuses_what_is_not_cel_with_its_place() {
    let validation = created(Kind::Audience, &audience("user.tier == "));
    assert_eq!(validation.verdict, Verdict::Refused);
    assert!(!validation.response.allowed);
    let result = &validation.response.result;
    assert_eq!((result.code, result.reason.as_str()), (422, "Invalid"));
    assert!(
        result.message.starts_with("spec.match, column "),
        "{}",
        result.message
    );
    assert!(
        result
            .message
            .contains("the expression ends too early: complete it"),
        "{}",
        result.message
    );
}

#[test]
fn refuses_each_field_that_holds_an_expression() {
    let binding = &names(Kind::ChannelBinding)[0];
    let metric = &names(Kind::Metric)[0];
    for field in ["when", "score"] {
        let object = Strategy::example().change(Kind::ChannelBinding, binding, |spec| {
            spec["candidates"][0][field] = "a ||| b".into();
        });
        let validation = created(
            Kind::ChannelBinding,
            object.document(Kind::ChannelBinding, binding),
        );
        assert_eq!(validation.verdict, Verdict::Refused);
        let place = format!("spec.candidates[0].{field}, column ");
        assert!(validation.response.result.message.starts_with(&place));
    }
    for (part, place) in [
        ("event", "spec.event.where"),
        ("denominator", "spec.denominator.where"),
    ] {
        let patch = json!({part: {"name": "purchase", "where": "value >"}});
        let validation = created(Kind::Metric, &example(Kind::Metric, metric, patch));
        assert_eq!(validation.verdict, Verdict::Refused);
        assert!(validation.response.result.message.starts_with(place));
    }
}

#[test]
fn says_what_lint_says() {
    let expression = "user.tier == 'gold' and user.age > 3";
    let name = &names(Kind::Audience)[0];
    let object = audience(expression);
    let mut snapshot = attune_compile::Snapshot::new("shop");
    snapshot.insert(attune_api::Resource::decode(object.clone()).unwrap());
    let at = attune_testkit::instant("2026-12-01T00:00:00Z");
    let findings = attune_compile::compile(&snapshot, &attune_compile::Previous::new(), at).findings;
    let finding = findings
        .iter()
        .find(|finding| finding.object.name == *name)
        .unwrap();
    let message = created(Kind::Audience, &object).response.result.message;
    assert!(message.ends_with(&finding.message), "{message}");
}

#[test]
fn what_contracts_could_make_right_passes_without_a_word() {
    for expression in [
        "some.unknown == 1",
        "other.thing.deep in ['a']",
        "has(a.b) && a.b > 2.5",
    ] {
        let validation = created(Kind::Audience, &audience(expression));
        assert_eq!(
            validation.verdict,
            Verdict::Allowed,
            "{:?}",
            warnings(&validation)
        );
    }
}

#[test]
fn warns_of_what_the_object_alone_gets_wrong() {
    let validation = created(Kind::Audience, &audience("nosuch(user.tier)"));
    assert_eq!(validation.verdict, Verdict::Warned);
    assert!(validation.response.allowed);
    assert!(
        warnings(&validation)[0].starts_with("spec.match, column 1: "),
        "{:?}",
        warnings(&validation)
    );
    let metric = &names(Kind::Metric)[0];
    let event = json!({"event": {"name": "purchase", "where": "valeu > 3.0"}});
    let validation = created(Kind::Metric, &example(Kind::Metric, metric, event));
    let told = &warnings(&validation)[0];
    assert!(told.ends_with("did you mean `value`?"), "{told}");
    let holdout = &names(Kind::Holdout)[0];
    let past = json!({"period": {"from": "2025-01-01T00:00:00Z", "until": "2025-04-01T00:00:00Z"}});
    let validation = created(Kind::Holdout, &example(Kind::Holdout, holdout, past));
    assert!(warnings(&validation)[0].starts_with("spec.period.until: the period ended at"));
}

#[test]
fn many_warnings_are_a_few() {
    let binding = &names(Kind::ChannelBinding)[0];
    let strategy = Strategy::example().change(Kind::ChannelBinding, binding, |spec| {
        let mut candidate = spec["candidates"][0].clone();
        candidate["when"] = format!("nosuch('{}')", "x".repeat(2000)).into();
        spec["candidates"] = vec![candidate; 12].into();
    });
    let validation = created(
        Kind::ChannelBinding,
        strategy.document(Kind::ChannelBinding, binding),
    );
    let told = warnings(&validation);
    assert_eq!(told.len(), 6);
    assert_eq!(told[5], "and 7 more: run `attune lint`");
    assert!(told.iter().all(|text| text.chars().count() <= 256));
}

#[test]
fn an_object_that_was_stored_too_early_takes_labels_and_ends() {
    let broken = audience("user.tier ==");
    let mut labelled = broken.clone();
    labelled["metadata"]["labels"] = json!({"team": "crm"});
    assert_eq!(
        judged("UPDATE", Kind::Audience, &labelled, &broken).verdict,
        Verdict::Unchanged
    );
    let mut ending = audience("user.tier !=");
    ending["metadata"]["deletionTimestamp"] = "2026-12-01T00:00:00Z".into();
    assert_eq!(
        judged("UPDATE", Kind::Audience, &ending, &broken).verdict,
        Verdict::Ignored
    );
    assert_eq!(
        judged("DELETE", Kind::Audience, &Value::Null, &broken).verdict,
        Verdict::Ignored
    );
}

#[test]
fn a_broken_expression_that_is_stored_does_not_keep_the_rest_from_being_changed() {
    let broken = audience("user.tier ==");
    let mut described = broken.clone();
    described["spec"]["description"] = "new words".into();
    let validation = judged("UPDATE", Kind::Audience, &described, &broken);
    assert_eq!(validation.verdict, Verdict::Warned);
    assert!(warnings(&validation)[0].starts_with("spec.match, column "));
    let worse = audience("user.tier !=");
    assert_eq!(
        judged("UPDATE", Kind::Audience, &worse, &broken).verdict,
        Verdict::Refused
    );
}

#[test]
fn valid_after_invalid_is_stored() {
    let (valid, broken) = (audience("user.tier == 'gold'"), audience("user.tier =="));
    assert_eq!(
        judged("UPDATE", Kind::Audience, &broken, &valid).verdict,
        Verdict::Refused
    );
    assert_eq!(
        judged("UPDATE", Kind::Audience, &valid, &broken).verdict,
        Verdict::Allowed
    );
}

#[test]
fn statuses_are_not_looked_at() {
    let body = review(
        "UPDATE",
        ("attune.dev", "Audience", "audiences"),
        &audience("=="),
        &Value::Null,
    );
    let body = String::from_utf8(body).unwrap();
    let body = body.replace("\"operation\"", "\"subResource\":\"status\",\"operation\"");
    let review = Review::parse(body.as_bytes()).unwrap();
    let validation = validate(&review, attune_testkit::instant("2026-12-01T00:00:00Z"));
    assert_eq!(validation.verdict, Verdict::Ignored);
}

#[test]
fn what_cannot_be_read_is_left_to_the_schema() {
    let shapeless = json!({"apiVersion": "attune.dev/v1alpha1", "kind": "Audience", "metadata": {"name": "a"}, "spec": 7});
    let validation = created(Kind::Audience, &shapeless);
    assert_eq!(validation.verdict, Verdict::Undecodable);
    assert!(validation.response.allowed);
    assert!(warnings(&validation)[0].starts_with("the object cannot be read and will not be served: "));
    assert_eq!(created(Kind::Audience, &Value::Null).verdict, Verdict::Ignored);
}

#[test]
fn an_object_whose_name_is_generated_is_judged_too() {
    let mut object = audience("user.tier ==");
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("name");
    metadata.insert("generateName".to_owned(), "lapsed-".into());
    assert_eq!(created(Kind::Audience, &object).verdict, Verdict::Refused);
}

/// Judges an object of the example under the example's own policy, with some of its rules.
fn under(kind: Kind, object: &Value, rules: &Value) -> Validation {
    let body = review(
        "CREATE",
        ("attune.dev", kind.name(), kind.plural()),
        object,
        &Value::Null,
    );
    let strategy = Strategy::example().edit(Kind::GovernancePolicy, "default", json!({"rules": rules}));
    let policies = strategy
        .resources()
        .into_iter()
        .filter_map(|resource| match resource {
            attune_api::Resource::GovernancePolicy(policy) => Some(*policy),
            _ => None,
        });
    let ground = Ground {
        policies: policies.collect(),
        labels: std::collections::BTreeMap::new(),
    };
    let at = attune_testkit::instant("2026-12-01T00:00:00Z");
    validate_under(&Review::parse(&body).unwrap(), &ground, at)
}

#[test]
fn warns_by_the_policies_that_rule_the_namespace_and_never_refuses_by_them() {
    let name = &names(Kind::Audience)[0];
    let overdue = example(
        Kind::Audience,
        name,
        json!({"reviewBy": "2026-11-30", "owner": {"group": "nobody"}}),
    );
    let validation = under(Kind::Audience, &overdue, &json!({}));
    assert_eq!(validation.verdict, Verdict::Warned);
    assert!(validation.response.allowed);
    let told = warnings(&validation);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .any(|line| line.starts_with("spec.reviewBy: the review was due by 2026-11-30")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|line| line.starts_with("spec.owner.group: `nobody` is no team of the policy")),
        "{told:?}"
    );
    let ignored = json!({"review": {"enforcement": "Ignore"}, "ownerRoles": {"enforcement": "Ignore"}});
    assert_eq!(
        under(Kind::Audience, &overdue, &ignored).verdict,
        Verdict::Allowed
    );
    assert_eq!(
        created(Kind::Audience, &overdue).verdict,
        Verdict::Allowed,
        "no policy is known"
    );
}

#[test]
fn every_object_of_the_example_pleases_its_own_policy() {
    for kind in Kind::ALL {
        for name in names(kind) {
            let object = Strategy::example().document(kind, &name).clone();
            let validation = under(kind, &object, &json!({}));
            assert_eq!(
                validation.verdict,
                Verdict::Allowed,
                "{kind} {name}: {:?}",
                warnings(&validation)
            );
        }
    }
}

#[test]
fn warns_of_a_policy_that_nobody_can_meet() {
    let policy = example(
        Kind::GovernancePolicy,
        "default",
        json!({"rules": {"holdout": {"minimumBp": 9000}}}),
    );
    let validation = created(Kind::GovernancePolicy, &policy);
    assert!(
        warnings(&validation)[0].starts_with("spec.rules.holdout.minimumBp: "),
        "{:?}",
        warnings(&validation)
    );
}
