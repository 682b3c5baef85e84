use kube::core::admission::Operation;
use serde_json::json;

use super::{Review, ReviewError, answer};
use crate::fixture::pod_review;

#[test]
fn reads_a_review_and_answers_its_uid() {
    let review = Review::parse(&pod_review(&json!({"spec": {"containers": []}}))).unwrap();
    assert_eq!(*review.operation(), Operation::Create);
    assert_eq!(review.namespace(), "shop");
    assert_eq!(review.group_kind(), ("", "Pod"));
    let answer = serde_json::to_value(answer(review.allow())).unwrap();
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["kind"], "AdmissionReview");
    assert_eq!(answer["response"]["uid"], "0c9a8d74");
    assert_eq!(answer["response"]["allowed"], true);
    assert!(answer.get("request").is_none());
}

#[test]
fn a_pod_without_a_name_is_known_by_the_beginning_of_it() {
    let review = Review::parse(&pod_review(&json!({"metadata": {"generateName": "web-"}}))).unwrap();
    assert_eq!(review.name(), "web-");
}

#[test]
fn a_body_that_is_no_review_is_a_bad_request() {
    let whole = pod_review(&json!({}));
    let without_uid = String::from_utf8(whole.clone())
        .unwrap()
        .replace("\"uid\"", "\"id\"");
    for (body, wanted) in [
        (&b""[..], "the body is not JSON"),
        (&whole[..whole.len() - 1], "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[]", "the body is a `` of ``"),
        (br#"{"apiVersion": 1, "kind": []}"#, "the body is a `` of ``"),
        (
            br#"{"apiVersion": "v1", "kind": "Pod"}"#,
            "the body is a `Pod` of `v1`",
        ),
        (
            br#"{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": {}}"#,
            "the body is a `AdmissionReview` of `admission.k8s.io/v1beta1`",
        ),
        (
            br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}"#,
            "`request` is missing",
        ),
        (
            br#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": null}"#,
            "`request` is missing",
        ),
        (
            without_uid.as_bytes(),
            "`request` cannot be read: missing field `uid`",
        ),
    ] {
        let error = Review::parse(body).unwrap_err();
        assert_eq!(error.status(), 400);
        assert!(error.to_string().starts_with(wanted), "{error}");
    }
}

#[test]
fn a_long_foreign_kind_is_not_repeated_in_full() {
    let body = json!({"apiVersion": "v1", "kind": "x".repeat(1_000_000)}).to_string();
    let error = Review::parse(body.as_bytes()).unwrap_err();
    assert!(matches!(error, ReviewError::Recognize { .. }));
    assert!(error.to_string().len() < 300);
}
