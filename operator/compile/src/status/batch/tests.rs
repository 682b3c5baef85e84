use attune_api::channel::BatchFigures;
use attune_api::conditions::Reason;
use attune_api::delivery::Delivery;
use serde_json::{Value, json};

use super::super::{Deciders, Fallback, Outside, Receiver};
use super::{figures, judge};
use crate::verdict::Truth;

fn delivery() -> Delivery {
    let end = json!({"postgres": {"secretRef": {"name": "warehouse"}, "table": "people"}});
    serde_json::from_value(json!({"batch": {"schedule": "0 4 * * *", "source": end, "sink": end}})).unwrap()
}

fn run(ended: &str, succeeded: bool, revision: &str) -> BatchFigures {
    BatchFigures {
        succeeded,
        finished_at: Some(serde_json::from_value(json!(ended)).unwrap()),
        revision: Some(revision.to_owned()).filter(|_| succeeded),
        units: succeeded.then_some(7),
        message: (!succeeded).then(|| "the database is away".to_owned()),
        ..BatchFigures::default()
    }
}

fn judged(told: Option<&BatchFigures>, old: &Value) -> (Truth, Reason, String) {
    let delivery = delivery();
    let outside = Outside {
        receiver: &Receiver::Unknown,
        delivery: &delivery,
        deciders: &Deciders::Unheard,
        fallback: Fallback::Stands,
        batch: told,
    };
    let judged = judge(outside, Some("new"), old).unwrap();
    (judged.truth, judged.reason, judged.message)
}

#[test]
fn is_synced_once_a_run_by_the_published_rules_has_ended() {
    let nothing = json!({});
    assert_eq!(judged(None, &nothing).1, Reason::SyncPending);
    let (truth, reason, _) = judged(Some(&run("2026-12-01T04:00:00Z", true, "new")), &nothing);
    assert_eq!((truth, reason), (Truth::True, Reason::Synced));
    let (truth, reason, message) = judged(Some(&run("2026-12-01T04:00:00Z", true, "old")), &nothing);
    assert_eq!((truth, reason), (Truth::False, Reason::SyncPending));
    assert!(message.contains("`0 4 * * *`"), "{message}");
    let (truth, reason, message) = judged(Some(&run("2026-12-01T04:00:00Z", false, "")), &nothing);
    assert_eq!(
        (truth, reason, message.as_str()),
        (Truth::False, Reason::BatchFailed, "the database is away")
    );
}

#[test]
fn what_was_told_of_a_run_stands_when_its_pods_are_gone() {
    let standing = json!({"batch": run("2026-12-01T04:00:00Z", true, "new")});
    assert_eq!(judged(None, &standing).1, Reason::Synced);
    let before = run("2026-11-30T04:00:00Z", false, "");
    assert_eq!(judged(Some(&before), &standing).1, Reason::Synced);
    let after = run("2026-12-02T04:00:00Z", false, "");
    assert_eq!(judged(Some(&after), &standing).1, Reason::BatchFailed);
}

#[test]
fn other_deliveries_have_no_figures_of_runs() {
    let sidecar: Delivery = serde_json::from_value(json!({"sidecar": {}})).unwrap();
    let outside = Outside {
        receiver: &Receiver::Unknown,
        delivery: &sidecar,
        deciders: &Deciders::Unheard,
        fallback: Fallback::Stands,
        batch: None,
    };
    let standing = json!({"batch": run("2026-12-01T04:00:00Z", true, "new")});
    assert_eq!(figures(outside, &standing), None);
    assert!(judge(outside, Some("new"), &standing).is_none());
}
