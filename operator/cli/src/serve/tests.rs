use std::time::{Duration, Instant};

use attune_api::experiment::Outcome;
use attune_collector::store::SplitKind;
use attune_core::bundle::ExperimentMode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const EXAMPLE: &str = include_str!("../../../../examples/strategy/strategy.yaml");
const EXPERIMENT: &str = "kind: Experiment";

/// Serves the example from a file in a directory of its own.
struct Serving {
    directory: TempDir,
    server: Server,
}

impl Serving {
    fn example() -> Self {
        Self::example_at("2026-12-01T00:00:00Z")
    }

    fn example_at(now: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("strategy.yaml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let args = ServeArgs {
            source: SourceArgs {
                paths: vec![path],
                namespace: None,
                at: Some(now.parse().unwrap()),
            },
            listen: "127.0.0.1:0".parse().unwrap(),
            data: None,
            channel: None,
            state: None,
        };
        let server = Server::open(&args, &directory.path().join("data")).unwrap();
        Self { directory, server }
    }

    fn edit(&self, text: &str) {
        std::fs::write(self.directory.path().join("strategy.yaml"), text).unwrap();
        assert!(self.server.reload().unwrap().is_some());
    }

    /// What the example's experiment does with people, if it is there, and what was decided on it.
    fn experiment(&self) -> (Option<ExperimentMode>, Option<Outcome>) {
        let id = ObjectId {
            kind: Kind::Experiment,
            namespace: "shop".to_owned(),
            name: "cart-hero".to_owned(),
        };
        let rules = self.server.rules();
        let bundle = &rules.index.publication("shop", "web").unwrap().bundle;
        let mode = bundle.experiments.get(&id.name).map(|one| one.mode.clone());
        (mode, self.server.decision(&id).map(|decision| decision.outcome))
    }
}

/// Of those in the treatment half as many buy.
fn harmful() -> Vec<Event> {
    let event = |id: String, type_: &str, time: &str, data: Value| {
        let event = json!({
            "specversion": "1.0", "type": format!("dev.attune.{type_}.v1"), "id": id, "source": "/log", "time": time, "data": data,
        });
        Event::from_value(event).unwrap()
    };
    let mut events = Vec::new();
    for place in 0..2000 {
        let unit = format!("u{place}");
        let (arm, buys_of_ten) = [("control", 4), ("reminder", 2)][place % 2];
        let show = json!({"unit": unit, "namespace": "shop", "experiment": "cart-hero", "arm": arm});
        events.push(event(
            format!("x{place}"),
            "exposure",
            "2026-11-16T08:00:00Z",
            show,
        ));
        if place / 2 % 10 < buys_of_ten {
            let buy = json!({
                "unit": unit, "namespace": "shop", "event": "purchase", "properties": {"amount": 20.0},
            });
            events.push(event(format!("p{place}"), "outcome", "2026-11-16T09:00:00Z", buy));
        }
    }
    events
}

#[tokio::test]
async fn an_experiment_that_was_stopped_and_comes_back_is_judged_anew() {
    let serving = Serving::example();
    serving.server.collector.take(harmful(), None).await.unwrap();
    serving.server.judge().await.unwrap();
    let stopped = (Some(ExperimentMode::Control), Some(Outcome::HarmStopped));
    assert_eq!(serving.experiment(), stopped);

    let documents = EXAMPLE.split("---\n");
    let without: Vec<_> = documents.filter(|one| !one.contains(EXPERIMENT)).collect();
    serving.edit(&without.join("---\n"));
    assert_eq!(serving.experiment(), (None, None));

    serving.edit(EXAMPLE);
    assert_eq!(
        serving.experiment().1,
        None,
        "nothing says that it was stopped while it runs"
    );
    serving.server.judge().await.unwrap();
    assert_eq!(serving.experiment(), stopped);
}

#[tokio::test(start_paused = true)]
async fn drops_what_was_kept_long_enough() {
    let serving = Serving::example_at("2028-06-01T00:00:00Z");
    let collector = &serving.server.collector;
    collector.take(harmful(), None).await.unwrap();
    let units = || {
        let snapshot = collector.store().snapshot().unwrap();
        let split = snapshot.split("shop", SplitKind::Experiment, "cart-hero", 1);
        let arms = snapshot.assigned(split.unwrap().unwrap(), serving.server.now());
        arms.unwrap().iter().map(|arm| arm.units).sum::<u64>()
    };
    assert_eq!(units(), 2000);
    // The clock of the sweeps stands still, but for where everybody waits; the store's thread waits for nobody.
    let until = Instant::now() + Duration::from_secs(30);
    while units() > 0 {
        assert!(Instant::now() < until, "{} units are left", units());
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}
