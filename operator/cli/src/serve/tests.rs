use attune_api::experiment::Outcome;
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
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("strategy.yaml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let args = ServeArgs {
            source: SourceArgs {
                paths: vec![path],
                namespace: None,
                at: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            },
            listen: "127.0.0.1:0".parse().unwrap(),
            data: None,
            channel: None,
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
