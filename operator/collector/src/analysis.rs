//! From events to an answer: what an experiment has shown so far.
//!
//! A unit belongs to the arm of its earliest exposure, whatever happened to it afterwards (intention to treat). Its
//! outcomes count from that exposure on, the instant itself included, for the metric's window; only units whose whole
//! window lies before the data cut enter, so that late starters do not pull the figures down.
//!
//! The sequential designs need the looks that were taken before. They are computed again from the events, one for every
//! midnight (UTC), so that an answer depends on the events, the question and the data cut alone and not on who asked
//! when; see [`looks`].

use attune_core::measure::answer::{Unavailable, UnavailableReason};
use attune_core::measure::{ArmQuestion, MetricKind, MetricQuestion, Question};
use jiff::Timestamp;
use serde_json_canonicalizer::to_vec as canonical;
use sha2::{Digest, Sha256};
use thiserror::Error;

mod answer;
mod compare;
mod filter;
mod looks;
#[cfg(test)]
mod tests;
mod units;

pub use answer::{
    Answer, ArmCount, Denominator, Figures, Finding, MetricResult, MomentsOf, ResultReason, SampleRatioCheck,
    Summary,
};

use crate::hex::Hex;
use crate::source::{Observation, Observations, SourceError};
use crate::store::{Assigned, Entrance, Snapshot, Split, SplitKind, Store, StoreError};
use filter::Selection;
pub(crate) use looks::{DAY, Observed};
use units::{UnitSums, Window};

/// Why a question has no answer at all.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The arms are not one control and at least one other.
    #[error(
        "experiment `{experiment}` has {controls} control arms among {arms}; exactly one control and another arm are needed"
    )]
    FindControl {
        /// The experiment.
        experiment: String,
        /// Arms that say they are the control.
        controls: usize,
        /// All arms.
        arms: usize,
    },
    /// A ratio metric names no denominator.
    #[error("metric `{metric}` is a ratio without a denominator; name the denominator's event")]
    FindDenominator {
        /// The metric.
        metric: String,
    },
    /// The condition of a metric cannot be evaluated here.
    #[error(
        "the condition of metric `{metric}` cannot be evaluated; conditions read `value` and `properties.*`"
    )]
    LinkFilter {
        /// The metric.
        metric: String,
        /// Why.
        source: attune_core::expr::LinkError,
    },
    /// The moments of a metric are no moments, which the bounds on numbers should have made impossible.
    #[error("the values of metric `{metric}` cannot be summed up")]
    SumUp {
        /// The metric.
        metric: String,
        /// Why.
        source: attune_lift::MomentsError,
    },
    /// The question cannot be written as canonical JSON.
    #[error("the question cannot be hashed")]
    HashQuestion {
        /// Why.
        source: serde_json::Error,
    },
    /// The process is shutting down.
    #[error("the analysis was interrupted; ask again")]
    Interrupt,
    /// The store cannot be read.
    #[error("cannot read the events")]
    ReadEvents {
        /// Why.
        #[from]
        source: StoreError,
    },
}

impl From<rusqlite::Error> for AnswerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::ReadEvents { source: error.into() }
    }
}

/// The name that a question is pinned by: the SHA-256 of its canonical JSON (RFC 8785), in hexadecimal.
///
/// # Errors
/// When the question cannot be written as JSON.
pub fn question_hash(question: &Question) -> Result<String, AnswerError> {
    let json = canonical(question).map_err(|source| AnswerError::HashQuestion { source })?;
    Ok(Hex(&Sha256::digest(json)).to_string())
}

/// Answers a question from what is stored, as of `at`: one read transaction, a pass over the units for each metric. A
/// metric that has its figures elsewhere is unavailable.
///
/// # Errors
/// When the question contradicts itself or the store cannot be read. A metric whose *design* cannot be analysed is no
/// error: its result says why it has no figures, and the others stand.
pub fn answer(store: &Store, question: &Question, at: Timestamp) -> Result<Answer, AnswerError> {
    answer_with(store, question, &Observations::new(), at)
}

/// [`answer`] with what the sources outside have said.
///
/// The exposures of a database are not those of the store, so each source's arms are checked against the weights on their
/// own: a split that is broken in one place says nothing about the other. The answer shows those that the primary metric
/// rests on.
pub(crate) fn answer_with(
    store: &Store,
    question: &Question,
    outside: &Observations,
    at: Timestamp,
) -> Result<Answer, AnswerError> {
    let control = control(question)?;
    let own = Own::open(store, question, at)?;
    let own_ratio = compare::sample_ratio(question, &own.entrances()?);
    let mut results = Vec::new();
    let mut unavailable = Vec::new();
    let mut primary = None;
    for (place, metric) in question.metrics.iter().enumerate() {
        let (looks, ratio) = match outside_of(metric, outside) {
            None => (own.observe(metric)?.looks(), own_ratio.clone()),
            Some(Ok(observation)) => {
                let ratio = compare::sample_ratio(question, &observation.entrances);
                if place == 0 {
                    primary = Some((&observation.arms, ratio.clone()));
                }
                (observation.observed.looks(), ratio)
            }
            Some(Err(error)) => {
                unavailable.push(Unavailable {
                    metric: metric.name.clone(),
                    reason: UnavailableReason::SourceUnavailable,
                    message: error.to_string(),
                });
                continue;
            }
        };
        let looks = looks.map_err(|source| AnswerError::SumUp {
            metric: metric.name.clone(),
            source,
        })?;
        let invalid = ratio.as_ref().and_then(SampleRatioCheck::invalid);
        results.extend(compare::with_control(
            question,
            metric,
            (control, invalid),
            &looks,
            at,
        ));
    }
    let (known, sample_ratio) = match primary {
        Some((arms, ratio)) => (arms.clone(), ratio),
        None => (own.arms(question.metrics.first())?, own_ratio),
    };
    let (arms, unknown_arms) = arm_counts(question, known);
    Ok(Answer {
        as_of: at,
        question: question_hash(question)?,
        namespace: question.namespace.clone(),
        experiment: question.experiment.clone(),
        phase: question.phase,
        arms,
        unknown_arms,
        sample_ratio,
        results,
        unavailable,
        thresholds: Vec::new(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// What the store itself knows of one metric of a question.
pub(crate) fn observation(
    store: &Store,
    question: &Question,
    metric: &MetricQuestion,
    at: Timestamp,
) -> Result<Observation, AnswerError> {
    let own = Own::open(store, question, at)?;
    Ok(Observation {
        arms: own.arms(Some(metric))?,
        entrances: own.entrances()?,
        observed: own.observe(metric)?,
    })
}

/// What a source outside has said of a metric; `None` for one that the store answers.
fn outside_of<'o>(
    metric: &MetricQuestion,
    outside: &'o Observations,
) -> Option<Result<&'o Observation, SourceError>> {
    let source = metric.source.as_ref()?;
    Some(match outside.get(&metric.name) {
        Some(Ok(observation)) => Ok(observation),
        Some(Err(error)) => Err(error.clone()),
        None => {
            let attune_core::measure::Source::Postgres(tables) = source;
            Err(SourceError::FindCredentials {
                secret: tables.secret.clone(),
            })
        }
    })
}

/// One state of the store, asked about one question.
struct Own<'a> {
    snapshot: Snapshot,
    split: Option<Split>,
    question: &'a Question,
    at: Timestamp,
}

impl<'a> Own<'a> {
    fn open(store: &Store, question: &'a Question, at: Timestamp) -> Result<Self, AnswerError> {
        let snapshot = store.snapshot()?;
        let split = snapshot.split(
            &question.namespace,
            SplitKind::Experiment,
            &question.experiment,
            question.phase,
        )?;
        Ok(Self {
            snapshot,
            split,
            question,
            at,
        })
    }

    fn entrances(&self) -> Result<Vec<Entrance>, AnswerError> {
        let Some(split) = self.split else {
            return Ok(Vec::new());
        };
        Ok(self.snapshot.entrances(split, self.at, DAY)?)
    }

    fn observe(&self, metric: &MetricQuestion) -> Result<Observed, AnswerError> {
        match self.split {
            Some(split) => observe(&self.snapshot, split, self.question, metric, self.at),
            None => Ok(Observed::new(metric.kind, self.question.arms.len())),
        }
    }

    /// The arms that exposures name, by name; matured is by the window of `metric`.
    fn arms(&self, metric: Option<&MetricQuestion>) -> Result<Vec<ArmCount>, AnswerError> {
        let Some(split) = self.split else {
            return Ok(Vec::new());
        };
        let window = Window::new(metric.map_or(0, |metric| metric.window_seconds), self.at);
        let matured = self.snapshot.assigned(split, window.last_start())?;
        let units = |name: &str| {
            matured
                .iter()
                .find(|arm| arm.arm == name)
                .map_or(0, |arm| arm.units)
        };
        let count = |arm: Assigned| ArmCount {
            exposed: arm.units,
            matured: units(&arm.arm),
            crossed_over: arm.crossed_over,
            name: arm.arm,
        };
        Ok(self
            .snapshot
            .assigned(split, self.at)?
            .into_iter()
            .map(count)
            .collect())
    }
}

/// The place of the one control arm.
fn control(question: &Question) -> Result<usize, AnswerError> {
    let controls: Vec<usize> = question
        .arms
        .iter()
        .enumerate()
        .filter(|(_, arm)| arm.control)
        .map(|(index, _)| index)
        .collect();
    match controls.as_slice() {
        [one] if question.arms.len() > 1 => Ok(*one),
        _ => Err(AnswerError::FindControl {
            experiment: question.experiment.clone(),
            controls: controls.len(),
            arms: question.arms.len(),
        }),
    }
}

/// What the matured units of every arm of the question did, in its order.
fn observe(
    snapshot: &Snapshot,
    split: Split,
    question: &Question,
    metric: &MetricQuestion,
    at: Timestamp,
) -> Result<Observed, AnswerError> {
    let link = |event| {
        Selection::new(event, metric.kind).map_err(|source| AnswerError::LinkFilter {
            metric: metric.name.clone(),
            source,
        })
    };
    let missing = || AnswerError::FindDenominator {
        metric: metric.name.clone(),
    };
    let sum_up = |source| AnswerError::SumUp {
        metric: metric.name.clone(),
        source,
    };
    let window = Window::new(metric.window_seconds, at);
    let places = arm_places(snapshot, question)?;
    let mut observed = Observed::new(metric.kind, question.arms.len());
    let selection = link(&metric.event)?;
    let mut pass = UnitSums::prepare(snapshot, split, &selection, window)?;
    let mut units = pass.stream()?;
    if metric.kind != MetricKind::Ratio {
        while let Some(unit) = units.next()? {
            observed.take(&places, &unit, None).map_err(sum_up)?;
        }
        return Ok(observed);
    }
    let selection = link(metric.denominator.as_ref().ok_or_else(missing)?)?;
    let mut pass = UnitSums::prepare(snapshot, split, &selection, window)?;
    let mut denominators = pass.stream()?;
    // Both passes give every matured unit of the split once, in the same order.
    while let (Some(unit), Some(denominator)) = (units.next()?, denominators.next()?) {
        observed
            .take(&places, &unit, Some(denominator.sum))
            .map_err(sum_up)?;
    }
    Ok(observed)
}

/// The ids that the store knows the question's arms by.
fn arm_places(snapshot: &Snapshot, question: &Question) -> Result<Vec<(i64, usize)>, AnswerError> {
    let mut places = Vec::new();
    for (index, arm) in question.arms.iter().enumerate() {
        places.extend(snapshot.name(&arm.name)?.map(|id| (id, index)));
    }
    Ok(places)
}

/// The arms of the question in its order, and those that only exposures know.
fn arm_counts(question: &Question, mut found: Vec<ArmCount>) -> (Vec<ArmCount>, Vec<ArmCount>) {
    let mut take = |arm: &ArmQuestion| {
        let place = found.iter().position(|count| count.name == arm.name);
        place.map_or_else(
            || ArmCount {
                name: arm.name.clone(),
                exposed: 0,
                matured: 0,
                crossed_over: 0,
            },
            |place| found.remove(place),
        )
    };
    let arms = question.arms.iter().map(&mut take).collect();
    (arms, found)
}
