//! Questions to the collector, answers onto the resources: on a schedule of its own, never in the reconcile path.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use attune_api::Kind;
use attune_compile::{ObjectId, results};
use attune_core::measure::Question;
use attune_core::measure::answer::Answer;
use jiff::Timestamp;
use kube::api::{Api, DynamicObject};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::Args;
use crate::leadership::Leadership;
use crate::metrics::{Metrics, Outcome};
use crate::patch::Writer;
use crate::siblings::Siblings;
use crate::watch::api_resource;

/// How long the collector may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for the first verdict on a new Experiment.
const EARLY_PAUSE: Duration = Duration::from_secs(1);

/// The questions of all experiments, by namespace and name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Questions(BTreeMap<Key, Question>);

/// Namespace and name of an experiment.
type Key = (String, String);

impl Questions {
    /// Takes the questions anew; gives whether any changed.
    pub fn replace<'q>(&mut self, questions: impl Iterator<Item = &'q Question>) -> bool {
        let key = |question: &Question| (question.namespace.clone(), question.experiment.clone());
        let questions = questions
            .map(|question| (key(question), question.clone()))
            .collect();
        let changed = self.0 != questions;
        self.0 = questions;
        changed
    }
}

/// When each question is asked next.
#[derive(Debug, Default)]
struct Turns(BTreeMap<Key, (Question, Instant)>);

impl Turns {
    /// Lets new and changed questions be asked now; the others keep their turn, and those that are gone have none.
    fn take(&mut self, questions: &Questions) {
        self.0
            .retain(|key, (question, _)| questions.0.get(key) == Some(question));
        for (key, question) in &questions.0 {
            let turn = || (question.clone(), Instant::now());
            self.0.entry(key.clone()).or_insert_with(turn);
        }
    }

    /// Whose turn comes first, and when.
    fn next(&self) -> Option<(Key, Instant)> {
        let first = self.0.iter().min_by_key(|(_, (_, due))| *due);
        first.map(|(key, (_, due))| (key.clone(), *due))
    }

    /// Lets a question be asked again after a pause.
    fn hasten(&mut self, key: &Key, pause: Duration) {
        if let Some((_, due)) = self.0.get_mut(key) {
            *due = Instant::now() + pause;
        }
    }

    /// Gives a question, whose next turn comes after the interval and up to a tenth more, so that not all come at once.
    fn begin(&mut self, key: &Key, interval: Duration) -> Option<Question> {
        let (question, due) = self.0.get_mut(key)?;
        let thousandths = RandomState::new().hash_one(key) % 100;
        *due = Instant::now() + interval + interval / 1000 * u32::try_from(thousandths).unwrap_or_default();
        Some(question.clone())
    }
}

/// Asks and writes, again and again.
#[derive(Debug)]
pub struct Refresher {
    collector: Option<String>,
    siblings: Siblings,
    leadership: Leadership,
    interval: Duration,
    at: Option<Timestamp>,
    questions: watch::Receiver<Questions>,
    writer: Arc<Writer>,
    metrics: Arc<Metrics>,
}

impl Refresher {
    /// A refresher of the given questions.
    pub fn new(
        args: &Args,
        siblings: Siblings,
        leadership: Leadership,
        questions: watch::Receiver<Questions>,
        writer: Arc<Writer>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            collector: args.collector.clone(),
            siblings,
            leadership,
            interval: args.results_interval,
            at: args.at,
            questions,
            writer,
            metrics,
        }
    }

    /// Runs until cancelled; without a collector there is nothing to do.
    pub async fn run(mut self, client: &Client) {
        let Some(collector) = self.collector.clone() else {
            return std::future::pending().await;
        };
        let mut turns = Turns::default();
        loop {
            // Whoever leads asks; nobody else would write what is answered.
            self.leadership.gained().await;
            turns.take(&self.questions.borrow_and_update().clone());
            let Some((key, due)) = turns.next() else {
                if self.questions.changed().await.is_err() {
                    return;
                }
                continue;
            };
            // A new question is asked at once, the others when their time has come.
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                changed = self.questions.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
            }
            if let Some(question) = turns.begin(&key, self.interval) {
                let outcome = self.take_turn(client, &collector, &question).await;
                if outcome == Outcome::Early {
                    turns.hasten(&key, EARLY_PAUSE.min(self.interval));
                }
            }
        }
    }

    async fn take_turn(&self, client: &Client, collector: &str, question: &Question) -> Outcome {
        let outcome = match self.refresh(client, collector, question).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let (namespace, experiment) = (&question.namespace, &question.experiment);
                warn!(
                    namespace,
                    experiment,
                    error = format!("{error:#}"),
                    "results not refreshed; the last ones stay"
                );
                Outcome::Failed
            }
        };
        self.metrics.answered(outcome);
        outcome
    }

    async fn refresh(
        &self,
        client: &Client,
        collector: &str,
        question: &Question,
    ) -> anyhow::Result<Outcome> {
        let answer = self.ask(collector, question).await?;
        let api: Api<DynamicObject> = Api::namespaced_with(
            client.clone(),
            &question.namespace,
            &api_resource(Kind::Experiment),
        );
        let Some(object) = api
            .get_opt(&question.experiment)
            .await
            .context("the experiment cannot be read")?
        else {
            return Ok(Outcome::Unchanged);
        };
        let standing = object.data.get("status").cloned().unwrap_or_default();
        if !results::have_a_place(&answer, &standing) {
            return Ok(Outcome::Early);
        }
        let now = self.at.unwrap_or_else(Timestamp::now);
        let rendered = results::render(&answer, object.metadata.generation, &standing, now);
        if results::says_the_same(&standing, &rendered) {
            debug!(
                namespace = question.namespace,
                experiment = question.experiment,
                "results unchanged"
            );
            return Ok(Outcome::Unchanged);
        }
        let id = ObjectId {
            kind: Kind::Experiment,
            namespace: question.namespace.clone(),
            name: object.name_any(),
        };
        self.writer.put(id, rendered);
        Ok(Outcome::Changed)
    }

    async fn ask(&self, collector: &str, question: &Question) -> anyhow::Result<Answer> {
        let cut = self.at.map(|at| format!("?at={at}")).unwrap_or_default();
        let url = format!("{}/v1/answers{cut}", collector.trim_end_matches('/'));
        let request = self.siblings.request(None, |http| http.post(url)).await?;
        let response = request.timeout(ANSWER_TIMEOUT).json(question).send().await;
        let response = response.context("the collector does not answer")?;
        let status = response.status();
        if !status.is_success() {
            anyhow::bail!("the collector answers {status}");
        }
        response
            .json()
            .await
            .context("the collector's answer cannot be read")
    }
}

#[cfg(test)]
mod tests;
