//! A process that is told to end while it has something to do.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// What somebody was told is done.
#[derive(Default)]
struct Promised {
    /// The ids of decisions that count as shown.
    shown: Vec<String>,
    /// The ids of events.
    taken: Vec<String>,
}

/// Asks for decisions and sends events in turn until nobody answers any more.
async fn keep_asking(url: String, name: usize, is_told: Arc<AtomicBool>) -> (Promised, u32) {
    // Each a pool of its own, as each pod that asks has one.
    let client = client();
    let (mut promised, mut after, mut failures) = (Promised::default(), 0, 0);
    for nth in 0.. {
        let unit = format!("u{name}-{nth}");
        let asked = client
            .post(format!("{url}/ofrep/v1/evaluate/flags/hero"))
            .body(json!({"context": {"targetingKey": unit}}).to_string());
        let id = format!("e{name}-{nth}");
        let event = json!([{
            "specversion": "1.0", "id": id, "source": "test", "type": "dev.attune.outcome.v1",
            "time": jiff::Timestamp::now().to_string(), "data": {"unit": unit, "event": "purchase"}
        }]);
        let sent = client
            .post(format!("{url}/v1/events"))
            .header("content-type", "application/cloudevents-batch+json")
            .body(event.to_string());
        let asked_after = is_told.load(Ordering::SeqCst);
        if let Ok(answer) = asked.send().await
            && answer.status() == 200
            && let Ok(answer) = answer.json::<Value>().await
        {
            assert_eq!(answer["metadata"]["attune.reason"], "EXPERIMENT");
            promised
                .shown
                .push(answer["metadata"]["attune.decision"].as_str().unwrap().to_owned());
            after += u32::from(asked_after);
            failures = 0;
        } else {
            failures += 1;
        }
        if sent.send().await.is_ok_and(|answer| answer.status().is_success()) {
            promised.taken.push(id);
        }
        if failures == 3 {
            break;
        }
    }
    (promised, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn loses_nothing_that_it_promised_while_it_is_told_to_end() {
    let data = tempfile::tempdir().unwrap();
    let (peers, events) = peers().await;
    for drain in ["500ms", "0s"] {
        let process = Process::start(&peers, data.path(), &["--drain", drain]);
        process.ready().await;
        let is_told = Arc::new(AtomicBool::new(false));
        let asking: Vec<_> = (0..8)
            .map(|name| tokio::spawn(keep_asking(process.url.clone(), name, Arc::clone(&is_told))))
            .collect();
        tokio::time::sleep(Duration::from_millis(700)).await;
        process.signal();
        is_told.store(true, Ordering::SeqCst);
        tokio::task::spawn_blocking(|| process.terminate()).await.unwrap();
        let (mut shown, mut taken, mut after) = (Vec::new(), Vec::new(), 0);
        for one in asking {
            let (promised, asked_after) = one.await.unwrap();
            shown.extend(promised.shown);
            taken.extend(promised.taken);
            after += asked_after;
        }
        assert!(
            shown.len() > 100 && taken.len() > 100,
            "{} and {}",
            shown.len(),
            taken.len()
        );
        assert!(
            drain == "0s" || after > 20,
            "it was asked while it drained: {after}"
        );
        let arrived: Vec<Value> = events.try_iter().collect();
        let ids = |kind: &str| -> BTreeSet<&str> {
            let of_kind = arrived.iter().filter(|event| event["type"] == kind);
            of_kind.map(|event| event["id"].as_str().unwrap()).collect()
        };
        let (exposures, outcomes) = (ids("dev.attune.exposure.v1"), ids("dev.attune.outcome.v1"));
        let lost = |promised: &[String], arrived: &BTreeSet<&str>| {
            promised
                .iter()
                .filter(|id| !arrived.contains(id.as_str()))
                .count()
        };
        assert_eq!(lost(&shown, &exposures), 0, "of {} decisions", shown.len());
        assert_eq!(lost(&taken, &outcomes), 0, "of {} events", taken.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn has_its_rules_on_disk_however_soon_it_is_told_to_end() {
    let mut large: Value = serde_json::from_slice(&bundle()).unwrap();
    large["modules"]["hero@0"]["variants"][0]["content"]["title"] = "x".repeat(8 * 1024 * 1024).into();
    let large: Bundle = serde_json::from_value(large).unwrap();
    let (peers, _events) = peers_with(large.canonical().unwrap()).await;
    for _ in 0..3 {
        let data = tempfile::tempdir().unwrap();
        let process = Process::start(&peers, data.path(), &[]);
        process.ready().await;
        process.terminate();
        let alone = Process::start(NOBODY, data.path(), &[]);
        alone.ready().await;
    }
}
