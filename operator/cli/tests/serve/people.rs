//! `attune forget` and `attune recall` against a running server.

use serde_json::{Value, json};

use crate::process::{BATCH, Folder, attune, purchase};

fn exposure(id: &str, unit: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "dev.attune.exposure.v1", "id": id, "source": "/web",
        "time": "2026-11-29T12:00:00Z",
        "data": {"unit": unit, "variant": "hero/gold", "namespace": "shop"},
    })
}

/// The exit code, the output and what went to standard error.
fn run(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = attune(&folder.path(""))
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn forgets_a_unit_and_recalls_who_is_left() {
    let folder = Folder::example();
    let server = folder.serve();
    let alias = json!({
        "specversion": "1.0", "type": "dev.attune.alias.v1", "id": "3", "source": "/web",
        "time": "2026-11-29T12:00:00Z", "data": {"unit": "jane/roe", "alias": "device-7", "namespace": "shop"},
    });
    let batch = json!([
        exposure("1", "jane/roe"),
        exposure("2", "joe"),
        alias,
        purchase("4", "device-7")
    ]);
    let taken = server.post("/v1/events", BATCH, batch.to_string()).await;
    assert_eq!(taken.status(), 200);
    let recall = [
        "recall",
        "--server",
        &server.url,
        "--variant",
        "hero/gold",
        "--since",
        "2026-11-01T00:00:00Z",
        "-n",
        "shop",
    ];
    let (code, stdout, stderr) = run(&folder, &recall);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout, "2 units saw it, 0 of them are known by id\n");

    let forget = [
        "forget",
        "--server",
        &server.url,
        "--unit",
        "jane/roe",
        "--namespace",
        "shop",
    ];
    let (code, stdout, stderr) = run(&folder, &forget);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let erased =
        "1 exposures, 1 outcomes, 0 decisions, 0 assignments, 1 sightings, 3 event ids, 2 ids erased";
    assert_eq!(stdout, format!("{}: {erased}\n", server.url));
    let (code, stdout, _) = run(&folder, &[&forget[..], &["-o", "json"]].concat());
    assert_eq!(code, Some(0));
    let answer: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        answer[&server.url]["erased"]["exposures"],
        json!(0),
        "nothing is left"
    );

    let (code, stdout, _) = run(&folder, &[&recall[..], &["-o", "json"]].concat());
    assert_eq!(code, Some(0));
    let answer: Value = serde_json::from_str(&stdout).expect("JSON");
    let expected = json!({
        "namespace": "shop", "variant": "hero/gold", "since": "2026-11-01T00:00:00Z",
        "units": 1, "named": 0, "seen": [],
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn says_what_a_server_refuses_and_that_nobody_answers() {
    let folder = Folder::example();
    let server = folder.serve();
    let since = ["--since", "2026-11-01T00:00:00Z"];
    let (code, stdout, stderr) = run(
        &folder,
        &[
            &["recall", "--server", &server.url, "--variant", "hero"][..],
            &since,
        ]
        .concat(),
    );
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("answered 400 Bad Request `variant` is no"),
        "{stderr}"
    );
    let unit = ["--unit", "jane"];
    let (code, _, stderr) = run(
        &folder,
        &[&["forget", "--server", "http://127.0.0.1:9"][..], &unit].concat(),
    );
    assert_eq!(code, Some(2));
    assert!(
        stderr.starts_with("attune: http://127.0.0.1:9 does not answer"),
        "{stderr}"
    );
    assert!(
        !stderr.contains("jane"),
        "a person's id is not for logs: {stderr}"
    );
    let (code, _, stderr) = run(&folder, &[&["forget", "--server", "nowhere"][..], &unit].concat());
    assert_eq!(code, Some(2), "{stderr}");
    folder.write("token", "secret");
    let told = [
        "forget",
        "--server",
        "http://192.0.2.1",
        "--token-file",
        "rules/token",
    ];
    let (code, _, stderr) = run(&folder, &[&told[..], &unit].concat());
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("not sent to http://192.0.2.1 over plain HTTP"),
        "{stderr}"
    );
}
