use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{Last, read, read_last};

fn pod(state: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": "attune-mail-1", "namespace": "shop", "creationTimestamp": "2026-12-01T04:00:00Z",
            "annotations": {"attune.dev/batch": "mail"},
        },
        "status": {"containerStatuses": [{
            "name": "attune-batch", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]},
    }))
    .unwrap()
}

fn ended(code: i32, message: &str, at: &str) -> Pod {
    pod(&json!({"terminated": {"exitCode": code, "message": message, "finishedAt": at, "reason": "Error"}}))
}

const AT: &str = "2026-12-01T04:10:00Z";

#[test]
fn reads_the_counts_of_a_run_from_its_termination_message() {
    let report = r#"{"succeeded":true,"revision":"r1","at":"2026-12-01T04:00:00Z","units":7,"decisions":14,"rejected":1,
        "exposures":3,"held":2,"finishedAt":"2026-12-01T04:10:00Z","seconds":600}"#;
    let (channel, run) = read(&ended(0, report, AT)).unwrap();
    assert_eq!(channel, "mail");
    assert_eq!(
        serde_json::to_value(run).unwrap(),
        json!({
            "succeeded": true, "pod": "attune-mail-1", "finishedAt": AT, "seconds": 600, "revision": "r1", "units": 7,
            "decisions": 14, "rejected": 1, "exposures": 3, "held": 2,
        })
    );
}

#[test]
fn tells_why_a_run_failed_whatever_its_pod_says() {
    let said = r#"{"succeeded":false,"error":"no column","finishedAt":"2026-12-01T04:10:00Z","seconds":1}"#;
    for (code, message, wanted) in [
        (2, said, "no column"),
        (137, "", "its pod ended with Error and exit code 137"),
        (137, r#"{"succeeded":true,"seconds":1}"#, "exit code 137"),
        (0, "all went well", "exit code 0"),
    ] {
        let (_, run) = read(&ended(code, message, AT)).unwrap();
        assert!(!run.succeeded);
        assert!(
            run.message.as_deref().is_some_and(|told| told.contains(wanted)),
            "{run:?}"
        );
        assert_eq!(run.units, None);
    }
}

#[test]
fn tells_of_a_run_that_cannot_start_and_not_of_one_that_is_under_way() {
    let missing = json!({"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"warehouse\" not found"}});
    let (_, run) = read(&pod(&missing)).unwrap();
    assert!(run.message.unwrap().contains("secret \"warehouse\" not found"));
    assert!(read(&pod(&json!({"waiting": {"reason": "ContainerCreating"}}))).is_none());
    assert!(read(&pod(&json!({"running": {"startedAt": AT}}))).is_none());
}

#[test]
fn tells_of_a_run_whose_pod_never_ran() {
    let mut put_out = pod(&json!({"waiting": {"reason": "ContainerCreating"}}));
    let status = put_out.status.as_mut().unwrap();
    status.phase = Some("Failed".to_owned());
    status.reason = Some("Evicted".to_owned());
    status.message = Some("the node was low on resource: memory".to_owned());
    let (_, run) = read(&put_out).unwrap();
    assert_eq!(
        run.message.as_deref(),
        Some("its pod failed: Evicted: the node was low on resource: memory")
    );
    let mut homeless = pod(&Value::Null);
    homeless.metadata.deletion_timestamp = serde_json::from_value(json!(AT)).unwrap();
    homeless.status = serde_json::from_value(json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "message": "persistentvolumeclaim \"decisions\" not found",
    }]}))
    .unwrap();
    assert!(read(&homeless).is_none(), "a node may come");
    let (_, run) = read_last(&homeless).unwrap();
    assert!(run.message.unwrap().contains("claim \"decisions\" not found"));
    let (_, run) = read_last(&pod(&json!({"running": {"startedAt": AT}}))).unwrap();
    assert_eq!(
        run.message.as_deref(),
        Some("its pod was deleted before it ended")
    );
    let (_, run) = read_last(&ended(2, "", AT)).unwrap();
    assert!(
        run.message.unwrap().contains("exit code 2"),
        "it had ended before"
    );
}

#[test]
fn the_run_that_ended_last_is_told_once() {
    let mut last = Last::default();
    let key = ("shop".to_owned(), "mail".to_owned());
    let run = |at: &str| read(&ended(2, "", at)).unwrap().1;
    assert!(last.is_news(&key, &run(AT)));
    assert!(!last.is_news(&key, &run(AT)));
    assert!(
        !last.is_news(&key, &run("2026-12-01T03:00:00Z")),
        "a list may come in any order"
    );
    assert!(last.is_news(&key, &run("2026-12-02T04:10:00Z")));
}
