//! What deciders count, on the statuses of what runs in one process.

use serde_json::{Value, json};

use crate::process::{Folder, HOME_HERO, Server, attune, gold};

const BINDING: &str = "retention-home-hero";

/// Asks for so many units, all alike.
async fn ask(server: &Server, units: usize, context: impl Fn(&str) -> Value) {
    for unit in 0..units {
        let body = json!({"context": context(&format!("u{unit}"))});
        assert_eq!(server.post_json(HOME_HERO, &body).await.status(), 200);
    }
}

fn observed(contract: &Value) -> (&Value, &Value) {
    let conditions = contract["conditions"].as_array().expect("conditions");
    let observed = conditions.iter().find(|one| one["type"] == "Observed");
    let observed = observed.expect("it has the condition");
    (&observed["status"], &observed["reason"])
}

#[tokio::test]
async fn statuses_say_which_rules_win_and_what_requests_carry() {
    let folder = Folder::example();
    let server = folder.serve();
    let nothing = server.status_of("ChannelBinding", BINDING).await;
    assert_eq!(
        (nothing.get("firedRules"), nothing.get("decisions")),
        (None, None)
    );
    let contract = server.status_of("DataContract", "shopper").await;
    assert_eq!(observed(&contract), (&json!("Unknown"), &json!("Pending")));

    ask(&server, 1000, gold).await;
    let binding = server.status_of("ChannelBinding", BINDING).await;
    assert_eq!(binding["firedRules"], 1);
    assert_eq!(binding["decisions"]["total"], 1000);
    let contract = server.status_of("DataContract", "shopper").await;
    let attributes = contract["attributes"].as_array().expect("attributes");
    let of = |name: &str| attributes.iter().find(|one| one["name"] == name).expect("seen");
    assert_eq!(
        (&of("user.tier")["requests"], &of("user.tier")["presentBp"]),
        (&json!(1000), &json!(10_000))
    );
    assert_eq!(of("session.cartValue")["presentBp"], 0);
    assert_eq!(observed(&contract), (&json!("False"), &json!("AttributeGaps")));
    let document = server.status().await;
    let findings = document["findings"].as_array().expect("findings");
    let gaps: Vec<_> = findings
        .iter()
        .filter(|one| one["reason"] == "AttributeGaps")
        .collect();
    assert!(!gaps.is_empty(), "{findings:#?}");

    let shown = attune(&folder.path(""))
        .args(["status", "--server", &server.url])
        .output()
        .expect("ended");
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert!(
        shown.contains("rules: 3 declared, 3 live, 1 fired within 7 days"),
        "{shown}"
    );
}

#[tokio::test]
async fn figures_outlive_an_edit() {
    let folder = Folder::example();
    let server = folder.serve();
    ask(&server, 3, gold).await;
    folder.edit(&[("Early access for you", "Fresh words")]);
    server.wait_for("reloaded");
    ask(&server, 2, gold).await;
    let binding = server.status_of("ChannelBinding", BINDING).await;
    assert_eq!(binding["decisions"]["total"], 5);
}
