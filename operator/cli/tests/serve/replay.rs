//! `attune explain` of decisions that a running server made and kept.

use serde_json::{Value, json};

use crate::process::{Folder, HOME_HERO};

const SINCE: &str = "2026-11-01T00:00:00Z";

/// The web channel of the example keeps what it decides.
fn keeping(folder: &Folder, replay: &str) {
    let metadata = "  metadata: Full\n  delivery: {sidecar: {}}";
    folder.edit(&[(
        metadata,
        &format!("  metadata: Full\n  {replay}\n  delivery: {{sidecar: {{}}}}"),
    )]);
}

/// The exit code, the output and what went to standard error.
fn run(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = folder.attune(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn explains_a_decision_that_was_made_by_its_id_and_lists_those_about_a_person() {
    let folder = Folder::example();
    keeping(&folder, "replay: {retention: 720h}");
    let server = folder.serve();
    let context = json!({"context": {
        "targetingKey": "jane", "consent": {"personalization": "Explicit"},
        "session": {"cartValue": 80, "itemCount": 2}, "user": {"tier": "gold", "name": "Jane"},
    }});
    let path = format!("/channels/shop/web{HOME_HERO}");
    let answer = server.post(&path, "application/json", context.to_string()).await;
    let answer: Value = answer.json().await.expect("JSON");
    let id = answer["metadata"]["attune.decision"]
        .as_str()
        .expect("an id")
        .to_owned();

    let list = [
        "explain",
        "--server",
        &server.url,
        "--unit",
        "jane",
        "--since",
        SINCE,
        "-n",
        "shop",
    ];
    // What is kept is written behind the answer.
    let mut listed = run(&folder, &list);
    for _ in 0..100 {
        if !listed.1.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        listed = run(&folder, &list);
    }
    let variant = answer["variant"].as_str().expect("a variant");
    let expected = format!("2026-12-01T00:00:00Z\t{id}\tweb/home-hero\t{variant}");
    assert!(listed.1.starts_with(&expected), "{listed:?}");

    let one = [
        "explain",
        "--server",
        &server.url,
        "--decision",
        &id,
        "-n",
        "shop",
    ];
    let (code, stdout, stderr) = run(&folder, &one);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("kept hashed: say whom it was about by --unit"),
        "{stderr}"
    );
    let jane = [&one[..], &["--unit", "jane"]].concat();
    // Today's rules are others; the decision is explained by those of its time.
    keeping(&folder, "replay: {retention: 720h}\n  suspend: true");
    server.post(&path, "application/json", context.to_string()).await;
    let (code, stdout, stderr) = run(&folder, &jane);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("session.cartValue"), "{stdout}");
    let reason = answer["metadata"]["attune.reason"].as_str().expect("a reason");
    assert!(
        stdout.ends_with(&format!("=> {variant} ({reason})\n")),
        "{stdout}"
    );
    assert!(!stdout.contains("Jane"), "no rule reads the name: {stdout}");

    let other = [
        "--context",
        r#"{"session": {"cartValue": 0}, "user": {"tier": "none"}}"#,
        "-o",
        "json",
    ];
    let (code, stdout, _) = run(&folder, &[&jane[..], &other].concat());
    assert_eq!(code, Some(1), "it comes out otherwise: {stdout}");
    let again: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (&again["same"], &again["made"]["id"]),
        (&json!(false), &json!(id))
    );

    let (code, _, stderr) = run(&folder, &[&one[..], &["--unit", "joe"]].concat());
    assert_eq!(code, Some(2));
    assert!(stderr.contains("about that unit is kept"), "{stderr}");
    let forget = ["forget", "--server", &server.url, "--unit", "jane", "-n", "shop"];
    assert_eq!(run(&folder, &forget).0, Some(0));
    let (code, stdout, stderr) = run(&folder, &list);
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    assert!(stderr.contains("nothing was kept"), "{stderr}");
}

#[tokio::test]
async fn makes_a_decision_again_for_the_id_that_it_was_made_for_also_after_an_alias() {
    let folder = Folder::example();
    keeping(&folder, "replay: {retention: 720h}\n  unitIds: Plain");
    let server = folder.serve();
    let path = format!("/channels/shop/web{HOME_HERO}");
    let ask = async |unit: &str| -> Value {
        let context = json!({"context": {
            "targetingKey": unit, "consent": {"personalization": "Explicit"},
            "session": {"cartValue": 80, "itemCount": 2},
        }});
        let answer = server.post(&path, "application/json", context.to_string()).await;
        answer.json().await.expect("JSON")
    };
    let janes = ask("jane").await;
    // Somebody whose hash says otherwise.
    let mut found = None;
    for number in 0..100 {
        let device = format!("device-{number}");
        let answer = ask(&device).await;
        if answer["variant"] != janes["variant"] {
            found = Some((device, answer));
            break;
        }
    }
    let (device, answer) = found.expect("an experiment splits them");
    let id = answer["metadata"]["attune.decision"].as_str().expect("an id");
    let alias = json!([{
        "specversion": "1.0", "type": "dev.attune.alias.v1", "source": "/login", "id": "a1",
        "time": "2026-12-01T00:00:00Z", "data": {"unit": "jane", "alias": device, "namespace": "shop"},
    }]);
    let batch = "application/cloudevents-batch+json";
    let taken = server.post("/v1/events", batch, alias.to_string()).await;
    assert_eq!(taken.status(), 200, "{}", taken.text().await.expect("text"));

    let one = ["explain", "--server", &server.url, "--decision", id, "-n", "shop"];
    for unit in [&[][..], &["--unit", "jane"], &["--unit", &device]] {
        let asked = [&one[..], unit].concat();
        let (mut code, mut stdout, mut stderr) = run(&folder, &asked);
        for _ in 0..100 {
            if code != Some(2) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            (code, stdout, stderr) = run(&folder, &asked);
        }
        assert_eq!(code, Some(0), "{unit:?}: {stdout}{stderr}");
        let says = stderr.contains(&format!("made for `{device}`"));
        assert_eq!(says, unit.last() == Some(&"jane"), "{stderr}");
    }
}

#[tokio::test]
async fn says_how_a_list_that_is_too_long_goes_on() {
    let folder = Folder::example();
    keeping(&folder, "replay: {retention: 720h}");
    let server = folder.serve();
    let path = format!("/channels/shop/web{HOME_HERO}");
    let context = json!({"context": {"targetingKey": "jane"}}).to_string();
    for _ in 0..1001 {
        let answer = server.post(&path, "application/json", context.clone()).await;
        assert_eq!(answer.status(), 200);
    }
    let list = [
        "explain",
        "--server",
        &server.url,
        "--unit",
        "jane",
        "--since",
        SINCE,
        "-n",
        "shop",
    ];
    let mut listed = run(&folder, &list);
    for _ in 0..100 {
        if listed.2.contains("there are more") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        listed = run(&folder, &list);
    }
    let (code, stdout, stderr) = listed;
    assert_eq!((code, stdout.lines().count()), (Some(0), 1000), "{stderr}");
    let next = stderr.trim().split(' ').next_back().expect("a word");
    assert!(stderr.contains(&format!("add --before {next}")), "{stderr}");
    let (code, rest, stderr) = run(&folder, &[&list[..], &["--before", next]].concat());
    assert_eq!((code, rest.lines().count(), stderr.as_str()), (Some(0), 1, ""));
    let one = rest.split('\t').nth(1).expect("an id");
    assert!(!stdout.contains(one), "{one} was not among the first");
}

#[tokio::test]
async fn explains_a_decision_of_which_nothing_was_kept_by_its_context() {
    let folder = Folder::example();
    let server = folder.serve();
    let context = r#"{"targetingKey": "jane", "consent": {"personalization": "Explicit"}, "session": {"cartValue": 80, "itemCount": 2}}"#;
    let path = format!("/channels/shop/web{HOME_HERO}");
    let body = format!(r#"{{"context": {context}}}"#);
    let answer = server.post(&path, "application/json", body).await;
    let answer: Value = answer.json().await.expect("JSON");
    let id = answer["metadata"]["attune.decision"].as_str().expect("an id");
    let asked = ["explain", "--server", &server.url, "--decision", id, "-n", "shop"];
    let (code, _, stderr) = run(&folder, &asked);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--context JSON --decision ID"), "{stderr}");
    let (code, stdout, stderr) = run(
        &folder,
        &[
            "explain",
            "-f",
            "rules",
            "--channel",
            "web",
            "--touchpoint",
            "home-hero",
            "--context",
            context,
            "--decision",
            id,
        ],
    );
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let variant = answer["variant"].as_str().expect("a variant");
    assert!(stdout.contains(&format!("=> {variant} (")), "{stdout}");
}

#[test]
fn says_what_a_question_about_the_past_lacks() {
    let folder = Folder::example();
    let server = ["explain", "--server", "http://127.0.0.1:9"];
    for (more, part) in [
        (&["-n", "shop"][..], "--decision"),
        (&["--unit", "jane"], "--since"),
        (&["--decision", "d1", "--context", "[]"], "no JSON object"),
        (&["--decision", "d1", "--channel", "web"], "'--channel <NAME>'"),
        (
            &["--decision", "d1", "--touchpoint", "home-hero"],
            "'--touchpoint <NAME>'",
        ),
    ] {
        let (code, _, stderr) = run(&folder, &[&server[..], more].concat());
        assert_eq!(code, Some(2), "{more:?}");
        assert!(stderr.contains(part), "{stderr}");
    }
    let (code, _, stderr) = run(
        &folder,
        &[
            "explain",
            "-f",
            "rules",
            "--channel",
            "web",
            "--touchpoint",
            "home-hero",
            "--context",
            "{}",
            "--decision",
            "d1",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(stderr.contains("`d1` is no decision's id"), "{stderr}");
}
