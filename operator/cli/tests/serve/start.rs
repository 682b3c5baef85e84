//! What it says when it starts, and when it cannot.

use crate::process::{Folder, Server, attune, gold, json_of};
use serde_json::json;

#[tokio::test]
async fn says_where_everything_is() {
    let folder = Folder::example();
    let server = folder.serve();
    server.wait_for("no findings; edits take effect at once, ctrl-c stops");
    assert!(!server.url.ends_with(":0"), "{}", server.url);
    for path in ["/healthz", "/readyz", "/status", "/metrics"] {
        assert_eq!(server.get(path).await.status(), 200, "{path}");
    }
    let status = server.status().await;
    assert_eq!(status["at"], "2026-12-01T00:00:00Z");
    assert_eq!(status["resources"].as_array().map(Vec::len), Some(15));
    assert_eq!(
        (&status["refused"], &status["findings"], &status["unreadable"]),
        (&json!([]), &json!([]), &json!(null))
    );
    let paths: Vec<_> = status["channels"]
        .as_array()
        .expect("channels")
        .iter()
        .map(|one| one["path"].clone())
        .collect();
    assert_eq!(
        paths,
        [
            json!("/channels/shop/email/ofrep/v1/evaluate/flags"),
            json!("/channels/shop/web/ofrep/v1/evaluate/flags")
        ]
    );
    for path in paths {
        let path = path.as_str().expect("a path");
        let response = server.post_json(path, &json!({"context": gold("u1")})).await;
        assert_eq!(response.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn starts_with_what_is_sound() {
    let folder = Folder::example();
    folder.edit(&[(
        "name: email, namespace: shop}\nspec:\n",
        "name: email, namespace: shop}\nspec:\n  tpye: Email\n",
    )]);
    let server = folder.serve();
    server.wait_for("errors: 1; see `attune lint`");
    server.wait_for("  rules/strategy.yaml:140:3: there is no field `tpye` here; did you mean `type`?");
    assert_eq!(server.decide(gold("u1")).await["variant"], "hero/loyal");
    let status = server.status().await;
    assert_eq!(
        status["refused"][0]["message"],
        "there is no field `tpye` here; did you mean `type`?"
    );
    assert_eq!(status["channels"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn reads_standard_input_once() {
    let folder = Folder::example();
    let text = std::fs::File::open(folder.path("rules/strategy.yaml")).expect("opened");
    let mut command = attune(&folder.path(""));
    command
        .args(["serve", "-f", "-", "-f", "more", "--at", "2026-12-01T00:00:00Z"])
        .args(["--listen", "127.0.0.1:0", "--channel", "web"])
        .stdin(text);
    std::fs::create_dir(folder.path("more")).expect("a directory");
    std::fs::write(folder.path("more/none.yaml"), "# nothing yet\n").expect("written");
    let server = Server::start(command);
    assert_eq!(server.decide(gold("u1")).await["variant"], "hero/loyal");
    std::fs::write(folder.path("more/none.yaml"), "# nothing, still\n").expect("written");
    server.wait_for("reloaded, no findings");
    assert_eq!(
        server.decide(gold("u1")).await["variant"],
        "hero/loyal",
        "what came by standard input stays"
    );
}

#[test]
fn a_port_in_use_is_2() {
    let folder = Folder::example();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = folder.run(&["--listen", &address]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains(&format!(
            "attune: cannot listen on {address}; choose another address by --listen"
        )),
        "{stderr}"
    );
}

#[test]
fn two_on_one_directory_of_events_is_2() {
    let folder = Folder::example();
    let server = folder.serve();
    let output = folder.run(&["--data", "data"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("another process has this data directory open"),
        "{stderr}"
    );
    drop(server);
}

#[test]
fn a_root_channel_that_is_not_there_is_2() {
    let folder = Folder::example();
    for (name, expected) in [
        (
            "wbe",
            "attune: no channel `wbe` can be served; there are: shop/email, shop/web\n",
        ),
        (
            "bank/web",
            "attune: no channel `bank/web` can be served; there are: shop/email, shop/web\n",
        ),
    ] {
        let output = folder.run(&["--channel", name]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[tokio::test]
async fn status_asks_it() {
    let folder = Folder::example();
    let server = folder.serve();
    let status = |more: &[&str]| {
        let mut command = attune(&folder.path(""));
        let output = command
            .args(["status", "--server", &server.url])
            .args(more)
            .output()
            .expect("ended");
        assert_eq!(output.status.code(), Some(0));
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (tables, errors) = status(&["--at", "2026-12-01T00:00:00Z"]);
    assert_eq!(errors, "");
    assert_eq!(
        tables.split("\n\n").count(),
        11,
        "a table a kind, and how many rules: {tables}"
    );
    assert!(!tables.contains("REVISION"));
    assert!(status(&["--wide"]).0.contains("REVISION"));
    let web = tables
        .lines()
        .find(|line| line.contains("channel.attune.dev/web"))
        .expect("a row");
    assert!(
        web.split_whitespace()
            .collect::<Vec<_>>()
            .ends_with(&["2", "1", "1", "0s"]),
        "one decider, current: {web}"
    );
    folder.edit(&[("direction: Decrease", "direction: Sideways")]);
    server.wait_for("reloaded, errors: 1");
    let (_, errors) = status(&[]);
    assert!(
        errors.starts_with("refused: rules/strategy.yaml:210:14: `Sideways` "),
        "{errors}"
    );
    assert_eq!(
        json_of(server.get("/status").await).await["refused"][0]["line"],
        210
    );
}

#[tokio::test]
async fn serves_on_when_nobody_reads_what_it_says() {
    let folder = Folder::example();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("opened");
    let command = folder.command(&["--channel", "web", "--listen", &address]);
    let server = Server::start_unheard(command, full, &address).await;
    server.headline_becomes("Early access for you").await;
    folder.edit(&[("Early access for you", "Fresh words")]);
    server.headline_becomes("Fresh words").await;
    server.interrupt();
}
