//! What came of many requests.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Error;
use serde::Serialize;

use crate::request::Answer;

/// So many answers that were not as expected are kept.
const SAMPLES: usize = 3;

/// Counts and times; one JSON line.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Requests that were due and sent.
    sent: u64,
    /// Requests that were due, but not sent, because too many had no answer yet.
    skipped: u64,
    /// Answers by status.
    statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by what went wrong: `connect`, `timeout`, or `other`.
    errors: BTreeMap<&'static str, u64>,
    /// Answers with status 2xx whose body lacks the expected text.
    unexpected: u64,
    /// Everything that was not a 2xx answer as expected, and what was skipped.
    failed: u64,
    /// The first few of what failed.
    samples: Vec<String>,
    /// Of all answers, in milliseconds.
    latency: Latency,
    #[serde(skip)]
    latencies: Vec<u32>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Report {
    pub(crate) fn count_sent(&mut self) {
        self.sent += 1;
    }

    pub(crate) fn count_skipped(&mut self) {
        self.skipped += 1;
        self.fail(|| "skipped: too many requests have no answer yet".to_owned());
    }

    pub(crate) fn count_answer(&mut self, answer: &Answer, took: Duration, expected: Option<&str>) {
        *self.statuses.entry(answer.status).or_default() += 1;
        self.latencies
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        let good = (200..300).contains(&answer.status);
        let as_expected = expected.is_none_or(|text| answer.body.contains(text));
        if good && !as_expected {
            self.unexpected += 1;
        }
        if !good || !as_expected {
            self.fail(|| format!("{}: {}", answer.status, answer.body));
        }
    }

    pub(crate) fn count_error(&mut self, error: &Error) {
        let cause = error.downcast_ref::<reqwest::Error>();
        let kind = match cause {
            Some(cause) if cause.is_timeout() => "timeout",
            Some(cause) if cause.is_connect() => "connect",
            _ => "other",
        };
        *self.errors.entry(kind).or_default() += 1;
        self.fail(|| format!("{error:#}"));
    }

    fn fail(&mut self, sample: impl FnOnce() -> String) {
        self.failed += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push(sample());
        }
    }

    /// It, as one line of JSON.
    pub(crate) fn line(&self) -> serde_json::Result<String> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = |share: usize| {
            let index = (sorted.len() * share).div_ceil(100).saturating_sub(1);
            sorted
                .get(index)
                .map_or(0.0, |micros| f64::from(*micros) / 1000.0)
        };
        let latency = Latency {
            p50: at(50),
            p99: at(99),
            max: at(100),
        };
        serde_json::to_string(&Self {
            latency,
            ..self.clone()
        })
    }
}
