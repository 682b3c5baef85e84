use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attune_compile::access::{Answer, Question};
use axum::http::{Request, Response, StatusCode};
use k8s_openapi::api::authorization::v1::LocalSubjectAccessReview;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::{Access, HOLDS, STANDS, answer_of, review_of};

fn question(resource: &str, name: Option<&str>) -> Question {
    Question {
        group: "oidc:crm".to_owned(),
        verb: "update".to_owned(),
        resource: resource.to_owned(),
        name: name.map(str::to_owned),
    }
}

/// An API server that answers reviews by `answers`, and how often it was asked.
fn server(answers: impl Fn(usize) -> Option<Value> + Clone + Send + 'static) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (count, answers) = (Arc::clone(&count), answers.clone());
        async move {
            let path = "/apis/authorization.k8s.io/v1/namespaces/shop/localsubjectaccessreviews";
            assert_eq!(request.uri().path(), path);
            let status = answers(count.fetch_add(1, Ordering::SeqCst));
            let (code, body) = match status {
                Some(status) => (StatusCode::CREATED, json!({"spec": {}, "status": status})),
                None => (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    json!({"kind": "Status", "code": 500}),
                ),
            };
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            Ok::<_, std::convert::Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    (Client::new(service, "default"), asked)
}

async fn ask(access: &Access, question: &Question) -> Answer {
    let questions = BTreeSet::from([question.clone()]);
    access.answers("shop", &questions).await[question]
}

#[test]
fn asks_for_the_group_alone_about_the_object() {
    let review = serde_json::to_value(review_of("shop", &question("audiences", Some("lapsed")))).unwrap();
    assert_eq!(review["metadata"]["namespace"], "shop");
    assert_eq!(
        review["spec"],
        json!({
            "groups": ["oidc:crm"],
            "resourceAttributes": {
                "group": "attune.dev", "resource": "audiences", "verb": "update", "namespace": "shop", "name": "lapsed",
            },
        })
    );
}

#[test]
fn takes_a_failed_evaluation_for_no_answer() {
    let answer = |status: Value| {
        let review: LocalSubjectAccessReview =
            serde_json::from_value(json!({"metadata": {}, "spec": {}, "status": status})).unwrap();
        answer_of(&review)
    };
    assert_eq!(answer(json!({"allowed": true})), Answer::Allowed);
    assert_eq!(answer(json!({"allowed": false})), Answer::Denied);
    assert_eq!(
        answer(json!({"allowed": false, "evaluationError": "webhook down"})),
        Answer::Unknown
    );
    assert_eq!(
        answer(json!({"allowed": false, "denied": true, "evaluationError": "x"})),
        Answer::Denied
    );
    assert_eq!(answer(Value::Null), Answer::Unknown);
}

#[tokio::test(start_paused = true)]
async fn remembers_an_answer_and_hears_of_lost_access_within_five_minutes() {
    let (client, asked) = server(|nth| Some(json!({"allowed": nth == 0})));
    let access = Access::new(client);
    let question = question("audiences", None);
    assert_eq!(ask(&access, &question).await, Answer::Allowed);
    assert_eq!(ask(&access, &question).await, Answer::Allowed);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    tokio::time::advance(HOLDS).await;
    assert_eq!(ask(&access, &question).await, Answer::Denied);
    assert!(HOLDS + super::LOOKS < Duration::from_mins(5));
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_stands_for_a_while_where_nobody_answers() {
    let (client, _) = server(|nth| (nth == 0).then(|| json!({"allowed": true})));
    let access = Access::new(client);
    let question = question("audiences", None);
    assert_eq!(ask(&access, &question).await, Answer::Allowed);
    tokio::time::advance(HOLDS).await;
    assert_eq!(ask(&access, &question).await, Answer::Allowed);
    tokio::time::advance(STANDS).await;
    assert_eq!(ask(&access, &question).await, Answer::Unknown);
}

#[tokio::test(start_paused = true)]
async fn questions_are_told_apart_by_all_that_they_say() {
    let (client, asked) = server(|_| Some(json!({"allowed": true})));
    let access = Access::new(client);
    let questions = BTreeSet::from([
        question("audiences", None),
        question("audiences", Some("lapsed")),
        question("channels", None),
    ]);
    let answers = access.answers("shop", &questions).await;
    assert_eq!(answers.len(), 3);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}
