//! Edits under its feet.

use std::time::Duration;

use serde_json::json;

use crate::process::{BATCH, EXAMPLE, Folder, HOME_HERO, Server, gold, purchase};

#[tokio::test]
async fn serves_new_words_without_a_restart() {
    let folder = Folder::example();
    let server = folder.serve();
    server.headline_becomes("Early access for you").await;
    folder.edit(&[("Early access for you", "Fresh words")]);
    server.headline_becomes("Fresh words").await;
    assert_eq!(server.wait_for("reloaded"), "reloaded, no findings");
    // As editors do it: another file of that name.
    std::fs::write(
        folder.path("new"),
        EXAMPLE.replace("Early access for you", "Fresher words"),
    )
    .expect("written");
    std::fs::rename(folder.path("new"), folder.path("rules/strategy.yaml")).expect("renamed");
    server.headline_becomes("Fresher words").await;
}

#[tokio::test]
async fn text_that_is_no_yaml_changes_nothing_and_is_told_with_its_place() {
    let folder = Folder::example();
    let server = folder.serve();
    let broken = EXAMPLE
        .replace("Early access for you", "Fresh words")
        .replace("  stage: Loyalty", "  stage: \"Loyalty");
    folder.write("strategy.yaml", &broken);
    server.wait_for("reloaded, errors: 1; see `attune lint`, what was good serves on");
    server.headline_becomes("Early access for you").await;
    let status = server.status().await;
    assert_eq!(
        status["resources"].as_array().map(Vec::len),
        Some(15),
        "nothing is lost"
    );
    let refused = &status["refused"][0];
    assert_eq!(
        (&refused["reason"], &refused["file"]),
        (&json!("InvalidSyntax"), &json!("rules/strategy.yaml"))
    );
    assert!(
        refused["line"].as_u64().is_some_and(|line| line >= 47),
        "{refused}"
    );
    folder.edit(&[("Early access for you", "Fresh words")]);
    server.headline_becomes("Fresh words").await;
    let repaired = server.status().await;
    assert_eq!(
        (&repaired["refused"], &repaired["findings"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn a_refused_document_keeps_its_old_form_while_its_neighbours_change() {
    let folder = Folder::example();
    let server = folder.serve();
    folder.edit(&[
        ("Early access for you", "Fresh words"),
        ("user.spend90d > 200.0", "user.spend90d > 900.0\n  colour: red"),
    ]);
    server.headline_becomes("Fresh words").await;
    let status = server.status().await;
    assert_eq!(
        status["refused"],
        json!([{
            "severity": "error", "reason": "UnknownField", "kind": "Audience", "namespace": "shop",
            "name": "loyal-high-value", "field": "spec.colour", "file": "rules/strategy.yaml", "line": 53, "column": 3,
            "message": "there is no field `colour` here",
        }])
    );
    assert_eq!(status["findings"], status["refused"]);
    folder.edit(&[
        ("Early access for you", "Fresh words"),
        ("user.spend90d > 200.0", "user.spend90d > 900.0"),
    ]);
    server.headline_becomes("Welcome").await;
    assert_eq!(server.status().await["refused"], json!([]));
}

#[tokio::test]
async fn a_mistake_between_objects_keeps_what_served_and_has_its_place() {
    let folder = Folder::example();
    let server = folder.serve();
    folder.edit(&[("match: user.tier in", "match: usr.tier in")]);
    server.wait_for("reloaded, errors: 1");
    server.headline_becomes("Early access for you").await;
    let status = server.status().await;
    assert_eq!(status["refused"], json!([]), "a server would take it");
    let finding = &status["findings"][0];
    assert_eq!(
        (
            &finding["reason"],
            &finding["file"],
            &finding["line"],
            &finding["column"]
        ),
        (
            &json!("UnknownAttribute"),
            &json!("rules/strategy.yaml"),
            &json!(52),
            &json!(10)
        )
    );
    let binding = server.status_of("ChannelBinding", "retention-home-hero").await;
    let conditions = binding["conditions"].as_array().expect("conditions");
    let programmed = conditions
        .iter()
        .find(|one| one["type"] == "Programmed")
        .expect("a condition");
    assert_eq!(
        (&programmed["status"], &programmed["reason"]),
        (&json!("False"), &json!("ServingPrevious"))
    );
}

#[tokio::test]
async fn documents_and_files_come_and_go() {
    let folder = Folder::example();
    let server = folder.serve();
    let without_email: Vec<_> = EXAMPLE
        .split("---\n")
        .filter(|text| {
            !text.contains("name: email, namespace") && !text.contains("name: retention-newsletter")
        })
        .collect();
    let text = without_email.join("---\n").replace(
        "    waivers:\n    - {audience: cart-abandoner, channel: email, touchpoint: newsletter, reason: the newsletter is not sent to open carts, until: \"2027-03-31\"}\n",
        "",
    );
    let mail = "/channels/shop/email/ofrep/v1/evaluate/flags/newsletter";
    let body = json!({"context": gold("u1")});
    assert_eq!(server.post_json(mail, &body).await.status(), 200);
    folder.write("strategy.yaml", &text);
    server.wait_for("reloaded");
    assert_eq!(server.post_json(mail, &body).await.status(), 404);
    assert_eq!(
        server.status().await["resources"].as_array().map(Vec::len),
        Some(13)
    );
    let email = EXAMPLE
        .split("---\n")
        .find(|text| text.contains("name: email, namespace"))
        .expect("a channel");
    folder.write("email.yaml", email);
    server.wait_for("reloaded");
    assert_eq!(server.post_json(mail, &body).await.status(), 200);
    std::fs::remove_file(folder.path("rules/email.yaml")).expect("removed");
    server.wait_for("reloaded");
    assert_eq!(server.post_json(mail, &body).await.status(), 404);
    assert_eq!(server.decide(gold("u1")).await["variant"], "hero/loyal");
}

#[tokio::test]
async fn files_that_vanish_altogether_change_nothing_and_are_told() {
    let folder = Folder::example();
    let server = folder.serve();
    std::fs::remove_file(folder.path("rules/strategy.yaml")).expect("removed");
    server.wait_for("not reloaded, the last good rules serve on: no *.yaml, *.yml or *.json below `rules`");
    assert!(server.is_healthy().await);
    assert_eq!(
        server.status().await["unreadable"],
        "no *.yaml, *.yml or *.json below `rules`"
    );
    folder.edit(&[]);
    server.wait_for("reloaded, no findings");
    assert_eq!(server.status().await["unreadable"], json!(null));
}

#[tokio::test]
async fn events_beside_the_rules_are_no_edits() {
    let folder = Folder::example();
    let server = Server::start(folder.command(&["--channel", "web", "--data", "rules/data"]));
    server.wait_for("no findings");
    let events = async {
        for round in 0.. {
            let batch = json!([purchase(&format!("{round}"), "u9")]);
            let response = server.post("/v1/events", BATCH, batch.to_string()).await;
            assert_eq!(response.status(), 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let edit = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        folder.edit(&[("Early access for you", "Fresh words")]);
        server.headline_becomes("Fresh words").await;
    };
    tokio::select! {
        () = events => {}
        () = edit => {}
    }
    assert_eq!(server.wait_for(""), "reloaded, no findings", "once, for the edit");
}

#[tokio::test]
async fn decisions_go_on_while_rules_change() {
    let folder = Folder::example();
    let server = folder.serve();
    let words = ["First words", "Second words", "Third words"];
    let edits = async {
        for word in words {
            folder.edit(&[("Early access for you", word)]);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let asking = async {
        let mut seen = std::collections::BTreeSet::new();
        let mut asked = 0;
        while !seen.contains("Third words") && asked < 20_000 {
            let response = server.post_json(HOME_HERO, &json!({"context": gold("u1")})).await;
            assert_eq!(response.status(), 200);
            let answer = crate::process::json_of(response).await;
            seen.insert(
                answer["value"]["headline"]
                    .as_str()
                    .expect("a headline")
                    .to_owned(),
            );
            asked += 1;
        }
        seen
    };
    let (seen, ()) = tokio::join!(asking, edits);
    assert!(
        seen.iter()
            .all(|headline| headline == "Early access for you" || words.contains(&headline.as_str())),
        "{seen:?}"
    );
    assert!(seen.contains("Third words"));
}
