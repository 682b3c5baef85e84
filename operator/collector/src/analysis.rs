//! From events to an answer: what an experiment has shown so far.
//!
//! A unit belongs to the arm of its earliest exposure, whatever happened to it afterwards (intention to treat). Its
//! outcomes count from that exposure on, the instant itself included, for the metric's window; only units whose whole
//! window lies before the data cut enter, so that late starters do not pull the figures down.

use attune_core::measure::{ArmQuestion, MetricKind, MetricQuestion, MetricRole, Question};
use attune_lift::{ArmMoments, Direction, Method};
use jiff::Timestamp;
use serde_json_canonicalizer::to_vec as canonical;
use sha2::{Digest, Sha256};
use thiserror::Error;

mod answer;
mod filter;
#[cfg(test)]
mod tests;
mod units;

pub use answer::{Answer, ArmCount, Figures, MetricResult, MomentsOf, ResultReason, Summary};

use crate::hex::Hex;
use crate::store::{Assigned, Snapshot, Split, SplitKind, Store, StoreError};
use filter::Selection;
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
    let mut results = Vec::new();
    for metric in &question.metrics {
        let arms = match split {
            Some(split) => moments(&snapshot, split, question, metric, at)?,
            None => vec![ArmMoments::EMPTY; question.arms.len()],
        };
        results.extend(compare(question, metric, control, &arms));
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

/// The moments of every arm of the question, in its order.
fn moments(
    snapshot: &Snapshot,
    split: Split,
    question: &Question,
    metric: &MetricQuestion,
    at: Timestamp,
) -> Result<Vec<ArmMoments>, AnswerError> {
    let link = |event| {
        Selection::new(event, metric.kind).map_err(|source| AnswerError::LinkFilter {
            metric: metric.name.clone(),
            source,
        })
    };
    let window = Window::new(metric.window_seconds, at);
    let selection = link(&metric.event)?;
    let mut units = UnitSums::prepare(snapshot, split, &selection, window)?;
    let places = arm_places(snapshot, question)?;
    let sum_up = |source| AnswerError::SumUp {
        metric: metric.name.clone(),
        source,
    };
    if metric.kind == MetricKind::Ratio {
        let missing = || AnswerError::FindDenominator {
            metric: metric.name.clone(),
        };
        let selection = link(metric.denominator.as_ref().ok_or_else(missing)?)?;
        let mut denominators = UnitSums::prepare(snapshot, split, &selection, window)?;
        return ratios(
            &places,
            question.arms.len(),
            units.stream()?,
            denominators.stream()?,
            sum_up,
        );
    }
    let mut stream = units.stream()?;
    let mut tally = vec![Tally::default(); question.arms.len()];
    while let Some(unit) = stream.next()? {
        if let Some(arm) = places
            .iter()
            .find(|(id, _)| *id == unit.arm)
            .and_then(|(_, arm)| tally.get_mut(*arm))
        {
            arm.take(metric.kind, unit.matches, unit.sum).map_err(sum_up)?;
        }
    }
    tally
        .into_iter()
        .map(|arm| arm.moments(metric.kind).map_err(sum_up))
        .collect()
}

/// One arm while its units pass by.
#[derive(Debug, Clone, Copy)]
struct Tally {
    units: u64,
    successes: u64,
    moments: ArmMoments,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            units: 0,
            successes: 0,
            moments: ArmMoments::EMPTY,
        }
    }
}

impl Tally {
    fn take(&mut self, kind: MetricKind, matches: u64, sum: f64) -> Result<(), attune_lift::MomentsError> {
        match kind {
            MetricKind::Proportion => {
                self.units += 1;
                self.successes += u64::from(matches > 0);
                Ok(())
            }
            MetricKind::Count => self.moments.push(matches as f64),
            MetricKind::Mean | MetricKind::Ratio => self.moments.push(sum),
        }
    }

    fn moments(self, kind: MetricKind) -> Result<ArmMoments, attune_lift::MomentsError> {
        match kind {
            // From the counts, so that the figures are those of the fraction and not of its rounding.
            MetricKind::Proportion => ArmMoments::proportion(self.units, self.successes),
            _ => Ok(self.moments),
        }
    }
}

/// Both streams give every matured unit of the split once, in the same order.
fn ratios(
    places: &[(i64, usize)],
    arms: usize,
    mut numerators: units::Stream<'_>,
    mut denominators: units::Stream<'_>,
    sum_up: impl Fn(attune_lift::MomentsError) -> AnswerError,
) -> Result<Vec<ArmMoments>, AnswerError> {
    let mut moments = vec![ArmMoments::EMPTY; arms];
    while let (Some(top), Some(bottom)) = (numerators.next()?, denominators.next()?) {
        if let Some(arm) = places
            .iter()
            .find(|(id, _)| *id == top.arm)
            .and_then(|(_, arm)| moments.get_mut(*arm))
        {
            arm.push_unit(top.sum, None, Some(bottom.sum)).map_err(&sum_up)?;
        }
    }
    Ok(moments)
}

/// The ids that the store knows the question's arms by.
fn arm_places(snapshot: &Snapshot, question: &Question) -> Result<Vec<(i64, usize)>, AnswerError> {
    let mut places = Vec::new();
    for (index, arm) in question.arms.iter().enumerate() {
        places.extend(snapshot.name(&arm.name)?.map(|id| (id, index)));
    }
    Ok(places)
}

/// Every other arm against the control.
fn compare<'a>(
    question: &'a Question,
    metric: &'a MetricQuestion,
    control: usize,
    arms: &'a [ArmMoments],
) -> impl Iterator<Item = MetricResult> + 'a {
    let baseline = arms.get(control).copied().unwrap_or(ArmMoments::EMPTY);
    let asked = registered(question, metric);
    question
        .arms
        .iter()
        .zip(arms)
        .enumerate()
        .filter(move |(index, _)| *index != control)
        .map(move |(_, (arm, moments))| {
            let analysis = attune_lift::analyse(&asked, &baseline, moments);
            MetricResult::new(metric, &arm.name, &asked, (&baseline, moments), analysis)
        })
}

/// The question in the words of the statistics.
fn registered(question: &Question, metric: &MetricQuestion) -> attune_lift::Question {
    let kind = match metric.kind {
        MetricKind::Proportion => attune_lift::MetricKind::Proportion,
        MetricKind::Mean | MetricKind::Count => attune_lift::MetricKind::Mean,
        MetricKind::Ratio => attune_lift::MetricKind::Ratio,
    };
    let direction = match metric.direction {
        attune_core::measure::Direction::Increase => Direction::Increase,
        attune_core::measure::Direction::Decrease => Direction::Decrease,
    };
    let mut asked = attune_lift::Question::new(
        kind,
        direction,
        method(question, metric),
        basis_points(question.alpha_bp),
    );
    asked.planned_units = question.planned_units;
    if metric.role == MetricRole::Primary {
        asked.minimum_lift = question.minimum_lift_bp.map(basis_points);
    }
    asked
}

/// Guardrails are watched continuously whatever the experiment's design, because they may stop it at any time.
fn method(question: &Question, metric: &MetricQuestion) -> Method {
    match (metric.role, question.method) {
        (MetricRole::Guardrail { .. }, _) | (_, attune_core::measure::Method::Continuous) => {
            Method::Continuous
        }
        (_, attune_core::measure::Method::Planned) => Method::Planned,
        (_, attune_core::measure::Method::Fixed) => Method::Fixed,
    }
}

fn basis_points(bp: i32) -> f64 {
    f64::from(bp) / 10_000.0
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
