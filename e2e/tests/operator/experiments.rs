//! Experiments from applied YAML through a decider, exposures and outcomes to what follows from their verdict.

use anyhow::{Context, Result, ensure};
use attune_e2e::{ControlPlane, PATIENCE, Strategy, condition, wait_until};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::programs::{Programs, Server};

/// Units that visit the page.
const UNITS: usize = 1600;

/// Decisions that are asked for at a time.
const AT_A_TIME: usize = 16;

/// Events in one request.
const BATCH: usize = 500;

/// Somebody with an open cart.
fn visitor(unit: &str) -> Value {
    json!({
        "targetingKey": unit,
        "consent": ["personalization"],
        "session": {"cartValue": 80.0, "itemCount": 2},
    })
}

/// One experiment with all that it runs on.
struct Stage<'c> {
    cluster: &'c ControlPlane,
    namespace: String,
    strategy: Strategy,
    collector: Server,
    operator: Server,
    decider: Server,
}

impl<'c> Stage<'c> {
    /// The example's experiment without guardrails, as `change` has it, and what decides and measures it.
    async fn set(
        cluster: &'c ControlPlane,
        programs: &Programs,
        minimum_lift_bp: i64,
        change: impl FnOnce(&mut Value),
    ) -> Result<Self> {
        let namespace = cluster.create_namespace().await?;
        let mut strategy = Strategy::new(cluster, &namespace)?;
        strategy.edit("Program", "spring-retention", |program| {
            program["spec"]["kpi"]["minimumLiftBp"] = json!(minimum_lift_bp);
            Ok(())
        })?;
        strategy.edit("Experiment", "cart-hero", |experiment| {
            let analysis = &mut experiment["spec"]["analysis"];
            analysis["guardrails"] = json!([]);
            analysis["plannedUnits"] = json!(UNITS);
            change(experiment);
            Ok(())
        })?;
        let collector = programs.collector(cluster, &namespace).await?;
        let flags = ["--collector", collector.url.as_str(), "--results-interval", "1"];
        let operator = programs.operator(cluster, &namespace, &flags).await?;
        strategy.apply().await?;
        let decider = programs.decider(cluster, &namespace, "one", &operator).await?;
        strategy.is_ready().await?;
        Ok(Self {
            cluster,
            namespace,
            strategy,
            collector,
            operator,
            decider,
        })
    }

    async fn decide(&self, unit: &str) -> Result<Value> {
        let body = json!({"context": visitor(unit)});
        let path = "/ofrep/v1/evaluate/flags/home-hero";
        let (status, answer) = self.decider.post(path, &body).await?;
        ensure!(status == 200, "{status} {answer}");
        Ok(answer)
    }

    /// Everybody visits, the page reports whom it has shown what, and of each arm so many of ten buy. Some exposures of
    /// one arm are lost where `loses` says so.
    async fn visits(&self, buyers: [(&str, usize); 2], loses: Option<&str>) -> Result<()> {
        let units: Vec<String> = (0..UNITS).map(|unit| format!("visitor-{unit}")).collect();
        let answers = stream::iter(units.iter().map(|unit| async move {
            let answer = self.decide(unit).await?;
            anyhow::Ok((unit, answer))
        }));
        let answers: Vec<_> = answers.buffered(AT_A_TIME).try_collect().await?;
        let mut events = Vec::new();
        let mut held = 0;
        for (place, (unit, answer)) in answers.into_iter().enumerate() {
            let metadata = &answer["metadata"];
            let text = |field: &str| metadata[field].as_str();
            let Some(arm) = text("attune.arm") else {
                ensure!(metadata["attune.reason"] == "HELD_OUT", "{answer}");
                held += 1;
                continue;
            };
            if loses == Some(arm) && place % 5 < 2 {
                continue;
            }
            let exposure = json!({
                "unit": unit, "channel": "web", "touchpoint": "home-hero", "binding": metadata["attune.binding"],
                "variant": answer["variant"], "revision": metadata["attune.revision"],
                "experiment": metadata["attune.experiment"], "arm": arm,
                "holdout": metadata["attune.holdout"], "held": false,
            });
            events.push(self.event("exposure", unit, "2026-11-16T08:00:00Z", exposure));
            let bought = buyers
                .iter()
                .any(|(known, of_ten)| *known == arm && place / 7 % 10 < *of_ten);
            if bought {
                let purchase = json!({"unit": unit, "event": "purchase", "properties": {"amount": 40.0}});
                events.push(self.event("outcome", unit, "2026-11-17T08:00:00Z", purchase));
            }
        }
        ensure!(
            (UNITS / 40..UNITS / 10).contains(&held),
            "{held} of {UNITS} were held out"
        );
        for batch in events.chunks(BATCH) {
            let (status, answer) = self.collector.post("/v1/events", &json!(batch)).await?;
            ensure!(status == 200, "{status} {answer}");
        }
        Ok(())
    }

    fn event(&self, kind: &str, unit: &str, time: &str, mut data: Value) -> Value {
        data["namespace"] = json!(self.namespace);
        json!({
            "specversion": "1.0", "type": format!("dev.attune.{kind}.v1"), "source": "/the-page",
            "id": format!("{kind}-{unit}"), "time": time, "data": data,
        })
    }

    /// Waits for what follows from the verdict.
    async fn decision(&self, outcome: &str) -> Result<Value> {
        wait_until("the decision stands", PATIENCE, async || {
            let status = self.status().await?;
            let found = &status["decision"]["outcome"];
            ensure!(found == outcome, "it says {found}, {}", status["headline"]);
            Ok(status)
        })
        .await
    }

    async fn status(&self) -> Result<Value> {
        self.strategy.status("Experiment", "cart-hero").await
    }

    /// Waits until the decider treats everybody so.
    async fn everybody_gets(&self, reason: &str, headline: &str) -> Result<()> {
        for unit in ["newcomer-1", "newcomer-2", "newcomer-3", "newcomer-4"] {
            wait_until("the decider follows", PATIENCE, async || {
                let answer = self.decide(unit).await?;
                let found = (&answer["metadata"]["attune.reason"], &answer["value"]["headline"]);
                ensure!(found.0 == reason && found.1 == headline, "{answer}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until an Event of the experiment has this reason.
    async fn is_told(&self, reason: &str) -> Result<()> {
        let api: Api<Event> = Api::namespaced(self.cluster.client(), &self.namespace);
        wait_until("an Event tells it", PATIENCE, async || {
            let events = api.list(&ListParams::default()).await?;
            let mut reasons = events.items.iter().filter_map(|event| event.reason.as_deref());
            ensure!(reasons.any(|known| known == reason), "no Event {reason}");
            Ok(())
        })
        .await
    }

    async fn end(mut self) -> Result<()> {
        self.operator.ensure_running()?;
        self.decider.ensure_running()?;
        self.collector.ensure_running()
    }
}

pub(crate) async fn a_worthwhile_lift_is_promoted(cluster: &ControlPlane, programs: &Programs) -> Result<()> {
    let stage = Stage::set(cluster, programs, 1000, |_| {}).await?;
    stage.visits([("control", 2), ("reminder", 5)], None).await?;
    let status = stage.decision("Promoted").await?;
    ensure!(status["decision"]["arm"] == "reminder", "{}", status["decision"]);
    let headline = &status["headline"];
    ensure!(
        headline["verdict"] == "WorthwhileLift"
            && headline["lift"]
                .as_str()
                .is_some_and(|lift| lift.starts_with('+')),
        "{headline}"
    );
    let powered = condition(&status, "Powered")?;
    ensure!(powered.status != "Unknown", "{powered:?}");
    stage
        .strategy
        .turns("Experiment", "cart-hero", "Running", ("False", "Promoted"))
        .await?;
    stage.everybody_gets("TARGETED", "Your cart is waiting").await?;
    stage.is_told("Promoted").await?;
    let table = ["get", "experiments.attune.dev", "-n", &stage.namespace];
    let table = stage.cluster.kubectl(&table).await?.succeeded()?.stdout;
    ensure!(
        table.contains("WorthwhileLift") && table.contains("NEEDED"),
        "{table}"
    );
    stage.holdout_is_measured().await?;
    stage.end().await
}

impl Stage<'_> {
    /// The holdout and the program say what they know, and the metric that its events come in.
    async fn holdout_is_measured(&self) -> Result<()> {
        wait_until("the metric receives", PATIENCE, async || {
            let status = self.strategy.status("Metric", "repeat-purchase").await?;
            let receiving = condition(&status, "Receiving")?;
            ensure!(
                status["lastEvent"] == "2026-11-17T08:00:00Z",
                "{receiving:?} {status}"
            );
            Ok(())
        })
        .await?;
        wait_until("the holdout says what it knows", PATIENCE, async || {
            let status = self.strategy.status("Holdout", "always-baseline").await?;
            condition(&status, "Intact")?;
            ensure!(status["lift"][0]["metric"] == "repeat-purchase", "{status}");
            Ok(())
        })
        .await?;
        wait_until("the program shows its lift", PATIENCE, async || {
            let status = self.strategy.status("Program", "spring-retention").await?;
            ensure!(status["lift"]["verdict"].is_string(), "{status}");
            Ok(())
        })
        .await
    }
}

pub(crate) async fn what_is_not_worthwhile_is_retired(
    cluster: &ControlPlane,
    programs: &Programs,
) -> Result<()> {
    let stage = Stage::set(cluster, programs, 9000, |_| {}).await?;
    stage.visits([("control", 5), ("reminder", 5)], None).await?;
    let status = stage.decision("Retired").await?;
    ensure!(
        status["headline"]["verdict"] == "NoWorthwhileLift",
        "{}",
        status["headline"]
    );
    stage.everybody_gets("NOT_ENROLLED", "Welcome").await?;
    stage.is_told("Retired").await?;
    stage.decides_again_when_the_status_is_lost(&status).await?;
    stage.a_changed_metric_is_refused().await?;
    stage.end().await
}

impl Stage<'_> {
    async fn decides_again_when_the_status_is_lost(&self, before: &Value) -> Result<()> {
        let experiment = self.strategy.object("Experiment", "cart-hero").await?;
        let resource = kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
            "attune.dev",
            "v1alpha1",
            "Experiment",
        ));
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(self.cluster.client(), &self.namespace, &resource);
        let name = experiment.metadata.name.context("a name")?;
        let lost = json!({"status": null});
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&lost))
            .await?;
        let after = self.decision("Retired").await?;
        let same = ["outcome", "verdict", "registration"];
        for field in same {
            ensure!(
                after["decision"][field] == before["decision"][field],
                "{field}: {} instead of {}",
                after["decision"],
                before["decision"]
            );
        }
        self.everybody_gets("NOT_ENROLLED", "Welcome").await
    }

    /// What was registered binds the metric too, and the way out is named.
    async fn a_changed_metric_is_refused(&self) -> Result<()> {
        let change = json!({"spec": {"window": "24h"}}).to_string();
        let patch = [
            "patch",
            "metrics.attune.dev",
            "repeat-purchase",
            "-n",
            &self.namespace,
            "--type",
            "merge",
            "-p",
            &change,
        ];
        self.cluster.kubectl(&patch).await?.succeeded()?;
        let status = self
            .strategy
            .turns("Experiment", "cart-hero", "Accepted", ("False", "Frozen"))
            .await?;
        let frozen = condition(&status, "Accepted")?;
        ensure!(
            frozen.message.contains("`repeat-purchase`") && frozen.message.contains("start a new experiment"),
            "{frozen:?}"
        );
        self.everybody_gets("NOT_ENROLLED", "Welcome").await
    }
}

pub(crate) async fn harm_is_stopped(cluster: &ControlPlane, programs: &Programs) -> Result<()> {
    // Its minimum runtime is not over, which harm does not wait for.
    let stage = Stage::set(cluster, programs, 1000, |experiment| {
        experiment["spec"]["schedule"]["minimumRuntime"] = json!("2000h");
    })
    .await?;
    stage.visits([("control", 5), ("reminder", 2)], None).await?;
    let status = stage.decision("HarmStopped").await?;
    ensure!(status["decision"]["verdict"] == "Harm", "{}", status["decision"]);
    stage.everybody_gets("NOT_ENROLLED", "Welcome").await?;
    stage.is_told("HarmStopped").await?;
    stage.end().await
}

pub(crate) async fn a_broken_split_is_invalid(cluster: &ControlPlane, programs: &Programs) -> Result<()> {
    let stage = Stage::set(cluster, programs, 1000, |_| {}).await?;
    stage
        .visits([("control", 2), ("reminder", 5)], Some("reminder"))
        .await?;
    let status = stage
        .strategy
        .turns(
            "Experiment",
            "cart-hero",
            "SampleRatioHealthy",
            ("False", "SampleRatioMismatch"),
        )
        .await?;
    let conclusive = condition(&status, "Conclusive")?;
    ensure!(conclusive.reason == "Invalid", "{conclusive:?}");
    ensure!(
        status["headline"]["lift"].is_null() && status["decision"].is_null(),
        "{status}"
    );
    let recommendation = status["recommendation"].as_str().unwrap_or_default();
    ensure!(
        recommendation.starts_with("do not act on this experiment"),
        "{recommendation}"
    );
    stage.is_told("Invalid").await?;
    // It goes on splitting: the data may be believed again in a new phase.
    let answer = stage.decide("newcomer-1").await?;
    ensure!(answer["metadata"]["attune.experiment"] == "cart-hero", "{answer}");
    stage.end().await
}
