//! Decisions over HTTP.

use serde_json::{Value, json};

use crate::process::{Folder, HOME_HERO, Server, attune, gold, json_of};

const WEB: &str = "/channels/shop/web";

/// Without what differs from one decision to the next.
fn without_id(mut answer: Value) -> Value {
    answer["metadata"]
        .as_object_mut()
        .expect("metadata")
        .remove("attune.decision");
    answer
}

#[tokio::test]
async fn answers_what_decide_answers_under_the_channel_and_at_the_root() {
    let folder = Folder::example();
    let server = folder.serve();
    let carts = json!({"targetingKey": "u2", "session": {"cartValue": 80, "itemCount": 1}, "consent": ["personalization"]});
    for context in [
        gold("u1"),
        gold("u7"),
        carts,
        json!({}),
        json!({"targetingKey": "é"}),
    ] {
        let output = attune(&folder.path(""))
            .args([
                "decide",
                "-f",
                "rules",
                "--at",
                "2026-12-01T00:00:00Z",
                "--channel",
                "web",
            ])
            .args(["--touchpoint", "home-hero", "--context", &context.to_string()])
            .output()
            .expect("ended");
        let told = without_id(serde_json::from_slice(&output.stdout).expect("JSON"));
        let body = json!({"context": context});
        for prefix in ["", WEB] {
            let answer = json_of(server.post_json(&format!("{prefix}{HOME_HERO}"), &body).await).await;
            assert_eq!(without_id(answer), told, "{prefix} {context}");
        }
    }
}

#[tokio::test]
async fn bulk_has_a_tag_that_changes_with_the_context() {
    let folder = Folder::example();
    let server = folder.serve();
    let path = format!("{WEB}/ofrep/v1/evaluate/flags");
    let ask = async |context: Value, tag: Option<&str>| {
        let mut request = server
            .client
            .post(format!("{}{path}", server.url))
            .json(&json!({"context": context}));
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        request.send().await.expect("an answer")
    };
    let first = ask(gold("u1"), None).await;
    let tag = first.headers()["etag"].to_str().expect("text").to_owned();
    let flags = json_of(first).await;
    assert_eq!(flags["flags"][0]["variant"], "hero/loyal");
    assert_eq!(flags["flags"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask(gold("u1"), Some(&tag)).await.status(), 304);
    assert_eq!(ask(gold("u3"), Some(&tag)).await.status(), 200);
    folder.edit(&[("Early access for you", "Fresh words")]);
    server.wait_for("reloaded");
    assert_eq!(
        ask(gold("u1"), Some(&tag)).await.status(),
        200,
        "another revision"
    );
}

#[tokio::test]
async fn each_channel_has_its_own_and_the_root_is_only_one() {
    let folder = Folder::example();
    let server = folder.serve();
    let body = json!({"context": gold("u1")});
    let newsletter = "/ofrep/v1/evaluate/flags/newsletter";
    let mail = server
        .post_json(&format!("/channels/shop/email{newsletter}"), &body)
        .await;
    assert_eq!(json_of(mail).await["metadata"]["attune.reason"], "QUIET_HOURS");
    let elsewhere = server.post_json(newsletter, &body).await;
    assert_eq!(elsewhere.status(), 404);
    assert_eq!(json_of(elsewhere).await["errorCode"], "FLAG_NOT_FOUND");
}

#[tokio::test]
async fn explains_and_places_units() {
    let folder = Folder::example();
    let server = folder.serve();
    let body = json!({"touchpoint": "home-hero", "context": gold("u7")});
    let explained = json_of(server.post_json(&format!("{WEB}/v1/explain"), &body).await).await;
    assert_eq!(explained["decision"]["metadata"]["attune.reason"], "HELD_OUT");
    assert_eq!(explained["trace"][0]["step"], "touchpoint");
    let unit = json_of(server.get("/v1/membership?unit=u7").await).await;
    assert_eq!(
        (&unit["unit"], unit.to_string().contains("always-baseline")),
        (&json!("u7"), true)
    );
}

#[tokio::test]
async fn without_a_root_channel_the_root_says_where_they_are() {
    let folder = Folder::example();
    let server = Server::start(folder.command(&[]));
    let response = server.post_json(HOME_HERO, &json!({"context": {}})).await;
    assert_eq!(response.status(), 404);
    let problem = json_of(response).await;
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("--channel")),
        "{problem}"
    );
}
