//! Questions to the collector, answers onto the resources: on a schedule of its own, never in the reconcile path.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use attune_compile::{Inquiry, ObjectId};
use jiff::Timestamp;
use kube::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::Args;
use crate::events::Events;
use crate::leadership::Leadership;
use crate::metrics::{Metrics, Outcome};
use crate::patch::Writer;
use crate::siblings::Siblings;

mod lay;
mod plain;
mod secrets;
mod turns;

use lay::Layer;
use plain::Teller;
use secrets::Opened;
pub use turns::Inquiries;
use turns::Turns;

/// How long the collector may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for the first verdict on a new resource.
const EARLY_PAUSE: Duration = Duration::from_secs(1);

/// The most bytes of an answer.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// What a refresher does its work with.
#[derive(Debug)]
pub struct Tools {
    /// How the collector is called.
    pub siblings: Siblings,
    /// Whether this replica asks and writes.
    pub leadership: Leadership,
    /// What is asked.
    pub inquiries: watch::Receiver<Inquiries>,
    /// What writes answers.
    pub writer: Arc<Writer>,
    /// Where turns are told.
    pub events: Events,
    /// What counts.
    pub metrics: Arc<Metrics>,
}

/// Asks and writes, again and again.
#[derive(Debug)]
pub struct Refresher {
    collector: Option<String>,
    interval: Duration,
    at: Option<Timestamp>,
    tools: Tools,
}

impl Refresher {
    /// A refresher of what resources ask.
    pub fn new(args: &Args, tools: Tools) -> Self {
        Self {
            collector: args.collector.clone(),
            interval: args.results_interval,
            at: args.at,
            tools,
        }
    }

    /// Runs until cancelled; without a collector there is nothing to do.
    pub async fn run(self, client: &Client) {
        let Some(collector) = self.collector.clone() else {
            return std::future::pending().await;
        };
        let teller = Teller {
            collector: collector.clone(),
            siblings: self.tools.siblings.clone(),
            leadership: self.tools.leadership.clone(),
            inquiries: self.tools.inquiries.clone(),
            interval: self.interval,
        };
        // A slow answer does not keep whoever withdraws plain ids waiting.
        tokio::select! {
            () = self.take_turns(client, &collector) => {}
            () = teller.run() => {}
        }
    }

    async fn take_turns(mut self, client: &Client, collector: &str) {
        let mut turns = Turns::default();
        loop {
            // Whoever leads asks; nobody else would write what is answered.
            self.tools.leadership.gained().await;
            turns.take(&self.tools.inquiries.borrow_and_update().clone());
            let Some((id, due)) = turns.next() else {
                if self.tools.inquiries.changed().await.is_err() {
                    return;
                }
                continue;
            };
            // A new question is asked at once, the others when their time has come.
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                changed = self.tools.inquiries.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
            }
            if let Some(inquiry) = turns.begin(&id, self.interval) {
                let outcome = self.take_turn(client, collector, &id, &inquiry).await;
                if outcome == Outcome::Early {
                    turns.hasten(&id, EARLY_PAUSE.min(self.interval));
                }
            }
        }
    }

    async fn take_turn(&self, client: &Client, collector: &str, id: &ObjectId, inquiry: &Inquiry) -> Outcome {
        let outcome = match self.refresh(client, collector, id, inquiry).await {
            Ok(outcome) => outcome,
            Err(error) => {
                warn!(
                    object = %id,
                    error = format!("{error:#}"),
                    "results not refreshed; the last ones stay"
                );
                Outcome::Failed
            }
        };
        debug!(object = %id, outcome = outcome.as_str(), "asked");
        self.tools.metrics.answered(outcome);
        outcome
    }

    async fn refresh(
        &self,
        client: &Client,
        collector: &str,
        id: &ObjectId,
        inquiry: &Inquiry,
    ) -> anyhow::Result<Outcome> {
        let layer = Layer {
            client,
            writer: &self.tools.writer,
            events: &self.tools.events,
            now: self.at.unwrap_or_else(Timestamp::now),
        };
        match inquiry {
            Inquiry::Experiment { question, cut } => {
                let opened = Opened::read(client, question).await;
                let answer = self.ask(collector, "answers", cut.or(self.at), &opened).await?;
                layer.experiment(id, question, &answer).await
            }
            Inquiry::Holdout {
                question,
                units,
                programs,
            } => {
                let answer = self.ask(collector, "holdout-answers", self.at, question).await?;
                layer.holdout(id, units, programs, &answer).await
            }
            Inquiry::Metric(question) => {
                let asked = self.ask(collector, "activity", self.at, question).await;
                let activity = asked.map_err(|error| {
                    debug!(object = %id, error = format!("{error:#}"), "activity not known");
                    "the collector cannot be asked".to_owned()
                });
                layer.metric(id, activity).await
            }
        }
    }

    /// Asks the collector as of a data cut; now, where there is none.
    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        collector: &str,
        path: &str,
        cut: Option<Timestamp>,
        question: &Q,
    ) -> anyhow::Result<A> {
        let cut = cut.map(|at| format!("?at={at}")).unwrap_or_default();
        let url = format!("{}/v1/{path}{cut}", collector.trim_end_matches('/'));
        let request = self.tools.siblings.request(None, |http| http.post(url)).await?;
        let response = request.timeout(ANSWER_TIMEOUT).json(question).send().await;
        let mut response = response.context("the collector does not answer")?;
        let status = response.status();
        if !status.is_success() {
            anyhow::bail!("the collector answers {status}");
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .context("the collector's answer broke off")?
        {
            body.extend_from_slice(&chunk);
            anyhow::ensure!(body.len() <= MAX_ANSWER, "the collector's answer is too long");
        }
        serde_json::from_slice(&body).context("the collector's answer cannot be read")
    }
}
