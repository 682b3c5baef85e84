//! The whole analysis without a cluster: a log of events into a store that is gone afterwards, and every question asked of
//! the same code that a collector runs.

use std::io::BufRead;

use anyhow::Context;
use attune_collector::{Answer, Clock, Collector, CollectorOptions};
use attune_compile::Inquiry;
use attune_core::event::Event;
use attune_core::measure::holdout::HoldoutAnswer;
use jiff::Timestamp;
use serde::Serialize;
use tempfile::TempDir;

use crate::lines::{LineError, Lines};
use crate::terminal::say;

pub(crate) mod render;

/// Events that are stored together.
const BATCH: usize = 5_000;

/// Bad lines that are told one by one; a file of something else has a million.
const TOLD: u64 = 20;

/// What a question was answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Told {
    /// What an experiment has shown.
    Experiment(Box<Answer>),
    /// What the programmes that a holdout holds back are worth.
    Holdout(Box<HoldoutAnswer>),
}

/// A collector with a store of its own.
pub(crate) struct Analysis {
    collector: Collector,
    at: Timestamp,
    /// The latest that an event may say it happened.
    latest: Timestamp,
    _directory: TempDir,
}

impl Analysis {
    /// An empty store; events that name no namespace are of `namespace`, and questions are answered as of `at`.
    ///
    /// # Errors
    /// When there is no room for temporary files.
    pub(crate) fn open(namespace: &str, at: Timestamp) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        // A log may go on after the data cut, which the analysis sees to; the future itself is no log.
        let now = at.max(Timestamp::now());
        let options = CollectorOptions {
            default_namespace: namespace.to_owned(),
            clock: Clock::fixed(now),
            ..CollectorOptions::default()
        };
        let latest = now
            .saturating_add(options.future_tolerance)
            .unwrap_or(Timestamp::MAX);
        let collector = Collector::open(directory.path(), options)?;
        Ok(Self {
            collector,
            at,
            latest,
            _directory: directory,
        })
    }

    /// Takes a log, one event a line; how many lines were none. Empty lines say nothing.
    ///
    /// # Errors
    /// When the log cannot be read on, or the store not be written.
    pub(crate) async fn take(&mut self, input: impl BufRead, name: &str) -> anyhow::Result<u64> {
        let mut lines = Lines::new(input);
        let mut batch = Vec::new();
        let mut refused = 0_u64;
        let mut number = 0_u64;
        while let Some(line) = lines.next().with_context(|| format!("cannot read `{name}`"))? {
            number += 1;
            match self.event(line) {
                Ok(Some(event)) => batch.push(event),
                Ok(None) => {}
                Err(reason) => {
                    refused += 1;
                    if refused <= TOLD {
                        say(format_args!("{name}:{number}: {reason}"));
                    }
                }
            }
            if batch.len() == BATCH {
                self.store(std::mem::take(&mut batch)).await?;
            }
        }
        self.store(batch).await?;
        Ok(refused)
    }

    /// Tells the store of the holdouts that there are, which it must know before their first exposure.
    ///
    /// # Errors
    /// When a holdout cannot be registered.
    pub(crate) async fn register<'i>(
        &self,
        inquiries: impl Iterator<Item = &'i Inquiry>,
    ) -> anyhow::Result<()> {
        let periods = inquiries.filter_map(|inquiry| match inquiry {
            Inquiry::Holdout { question, .. } => Some(question.registration.clone()),
            Inquiry::Experiment { .. } | Inquiry::Metric(_) => None,
        });
        let refused = self.collector.register_holdouts(periods.collect()).await?;
        match refused.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The answer of the collector; none for whether events come in, which a log does not say.
    ///
    /// # Errors
    /// When the question contradicts itself, or the store cannot be read.
    pub(crate) async fn ask(&self, inquiry: &Inquiry) -> anyhow::Result<Option<Told>> {
        match inquiry {
            Inquiry::Experiment { question, cut } => {
                let name = &question.experiment;
                // What came after a decision counts no more.
                let at = cut.map_or(self.at, |cut| cut.min(self.at));
                let answer = self.collector.answer(question.clone(), at).await;
                let answer = answer.with_context(|| format!("experiment `{name}` cannot be analysed"))?;
                Ok(Some(Told::Experiment(Box::new(answer))))
            }
            Inquiry::Holdout { question, .. } => {
                let name = &question.registration.holdout;
                let answer = self.collector.answer_holdout(question.clone(), self.at).await;
                let answer = answer.with_context(|| format!("holdout `{name}` cannot be analysed"))?;
                Ok(Some(Told::Holdout(Box::new(answer))))
            }
            Inquiry::Metric(_) => Ok(None),
        }
    }

    fn event(&self, line: Result<&str, LineError>) -> Result<Option<Event>, String> {
        let line = line.map_err(|error| error.to_string())?;
        if line.trim().is_empty() {
            return Ok(None);
        }
        let event = Event::from_json(line.as_bytes()).map_err(|error| error.to_string())?;
        if event.time > self.latest {
            return Err(format!("`time` is {}, which lies in the future", event.time));
        }
        Ok(Some(event))
    }

    async fn store(&self, events: Vec<Event>) -> anyhow::Result<()> {
        if !events.is_empty() {
            let taken = self.collector.take(events, None).await;
            taken.context("the events cannot be stored")?;
        }
        Ok(())
    }
}
