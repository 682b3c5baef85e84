//! From events to an answer: what an experiment has shown so far.
//!
//! A unit belongs to the arm of its earliest exposure, whatever happened to it afterwards (intention to treat). Its
//! outcomes count from that exposure on, the instant itself included, for the metric's window; only units whose whole
//! window lies before the data cut enter, so that late starters do not pull the figures down.
//!
//! The sequential designs need the looks that were taken before. They are computed again from the events, one for every
//! midnight (UTC), so that an answer depends on the events, the question and the data cut alone and not on who asked
//! when; see [`looks`].

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
use crate::store::{Assigned, Snapshot, Split, SplitKind, Store, StoreError};
use filter::Selection;
use looks::Observed;
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

/// Answers a question from what is stored, as of `at`: one read transaction, a pass over the units for each metric.
///
/// # Errors
/// When the question contradicts itself or the store cannot be read. A metric whose *design* cannot be analysed is no
/// error: its result says why it has no figures, and the others stand.
pub fn answer(store: &Store, question: &Question, at: Timestamp) -> Result<Answer, AnswerError> {
    let control = control(question)?;
    let snapshot = store.snapshot()?;
    let split = snapshot.split(
        &question.namespace,
        SplitKind::Experiment,
        &question.experiment,
        question.phase,
    )?;
    let assigned = split
        .map(|split| snapshot.assigned(split, at))
        .transpose()?
        .unwrap_or_default();
    let sample_ratio = compare::sample_ratio(&snapshot, split, question, at)?;
    let invalid = sample_ratio.as_ref().and_then(SampleRatioCheck::invalid);
    let mut results = Vec::new();
    for metric in &question.metrics {
        let observed = match split {
            Some(split) => observe(&snapshot, split, question, metric, at)?,
            None => Observed::new(metric.kind, question.arms.len()),
        };
        let looks = observed.looks().map_err(|source| AnswerError::SumUp {
            metric: metric.name.clone(),
            source,
        })?;
        results.extend(compare::with_control(
            question,
            metric,
            (control, invalid),
            &looks,
            at,
        ));
    }
    let matured = matured(&snapshot, split, question, at)?;
    let (arms, unknown_arms) = arm_counts(question, &assigned, &matured);
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
        version: env!("CARGO_PKG_VERSION"),
    })
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

/// Units of each arm whose window of the primary metric is over, by the arm's name.
fn matured(
    snapshot: &Snapshot,
    split: Option<Split>,
    question: &Question,
    at: Timestamp,
) -> Result<Vec<Assigned>, AnswerError> {
    let window = question.metrics.first().map_or(0, |metric| metric.window_seconds);
    let Some(split) = split else { return Ok(Vec::new()) };
    Ok(snapshot.assigned(split, Window::new(window, at).last_start())?)
}

/// The arms of the question in its order, and those that only exposures know.
fn arm_counts(
    question: &Question,
    assigned: &[Assigned],
    matured: &[Assigned],
) -> (Vec<ArmCount>, Vec<ArmCount>) {
    let units =
        |list: &[Assigned], name: &str| list.iter().find(|arm| arm.arm == name).map_or(0, |arm| arm.units);
    let count = |name: &str| ArmCount {
        name: name.to_owned(),
        exposed: units(assigned, name),
        matured: units(matured, name),
        crossed_over: assigned
            .iter()
            .find(|arm| arm.arm == name)
            .map_or(0, |arm| arm.crossed_over),
    };
    let known = |name: &str| question.arms.iter().any(|arm: &ArmQuestion| arm.name == name);
    let arms = question.arms.iter().map(|arm| count(&arm.name)).collect();
    let unknown = assigned
        .iter()
        .filter(|arm| !known(&arm.arm))
        .map(|arm| count(&arm.arm))
        .collect();
    (arms, unknown)
}
