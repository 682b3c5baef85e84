//! From events to an answer: what an experiment has shown so far.
//!
//! A unit belongs to the arm of its earliest exposure, whatever happened to it afterwards (intention to treat). Its
//! outcomes count from that exposure on, the instant itself included, for the metric's window; only units whose whole
//! window lies before the data cut enter, so that late starters do not pull the figures down.
//!
//! A changed split is a new phase. Every phase is compared within itself, see [`phases`].
//!
//! The sequential designs need the looks that were taken before. They are computed again from the events, one for every
//! midnight (UTC), so that an answer depends on the events, the question and the data cut alone and not on who asked
//! when; see [`looks`].

use attune_core::measure::answer::{Unavailable, UnavailableReason};
use attune_core::measure::{MetricKind, MetricQuestion, MetricRole, Question};
use jiff::Timestamp;
use serde::Serialize;
use serde_json_canonicalizer::to_vec as canonical;
use sha2::{Digest, Sha256};

mod answer;
mod compare;
mod error;
mod exclude;
mod filter;
mod holdout;
mod looks;
mod multiplicity;
mod novelty;
mod observe;
mod outside;
mod phases;
mod power;
mod registration;
mod sums;
#[cfg(test)]
mod tests;

pub use answer::{
    Answer, ArmCount, Figures, Finding, MetricResult, MomentsOf, PhaseCount, PhaseMoments, ResultReason,
    SampleRatioCheck, SecondMoments, Summary, Unadjusted,
};
pub use error::AnswerError;
pub use holdout::answer as answer_holdout;
pub(crate) use looks::{DAY, Observed};

use crate::hex::Hex;
use crate::source::Observations;
use crate::store::{Registered, Snapshot, Store};
use compare::{Comparison, Evidence};
use observe::{Source, sum_up};
use phases::Phase;
use registration::Withheld;

/// The name that a question is pinned by: the SHA-256 of its canonical JSON (RFC 8785), in hexadecimal.
///
/// # Errors
/// When the question cannot be written as JSON.
pub fn question_hash(question: &Question) -> Result<String, AnswerError> {
    hash(question)
}

/// The hash of any question.
fn hash(question: &impl Serialize) -> Result<String, AnswerError> {
    let json = canonical(question).map_err(|source| AnswerError::HashQuestion { source })?;
    Ok(Hex(&Sha256::digest(json)).to_string())
}

/// Answers a question from what is stored, as of `at`: one read transaction, a pass over the units for each metric. A
/// metric that has its figures elsewhere is unavailable.
///
/// The first question of a phase with exposures is remembered with its registration and its weights; see
/// [`Question::registration`].
///
/// # Errors
/// When the question contradicts itself or the store cannot be read. A metric whose *design* cannot be analysed is no
/// error: its result says why it has no figures, and the others stand.
pub fn answer(store: &Store, question: &Question, at: Timestamp) -> Result<Answer, AnswerError> {
    answer_with(store, question, &Observations::new(), at)
}

/// [`answer`] with what the sources outside have said, see [`outside`].
pub(crate) fn answer_with(
    store: &Store,
    question: &Question,
    outside: &Observations,
    at: Timestamp,
) -> Result<Answer, AnswerError> {
    let control = control(question)?;
    check(question)?;
    let snapshot = store.snapshot()?;
    let registered = registration::remember(store, &snapshot, question, at)?;
    answer_from(&snapshot, question, (control, &registered), outside, at)
}

fn answer_from(
    snapshot: &Snapshot,
    question: &Question,
    (control, registered): (usize, &[Registered]),
    outside: &Observations,
    at: Timestamp,
) -> Result<Answer, AnswerError> {
    let phases = phases::read(snapshot, question, registered, at)?;
    let (arms, unknown_arms) = phases::arm_counts(snapshot, question, &phases, at)?;
    let exposed: Vec<u64> = arms.iter().map(|arm| arm.exposed).collect();
    let sample_ratio = worst(phases.iter().filter_map(Phase::sample_ratio).cloned());
    let is_dropped = phases::is_dropped(snapshot, question)?;
    let comparison = Comparison {
        question,
        control,
        withheld: withheld(question, registered, is_dropped, sample_ratio.as_ref()),
        weights: &plan_weights(question, &phases),
        exposed: &exposed,
        at,
    };
    let source = Source {
        snapshot,
        question,
        phases: &phases,
        at,
    };
    let (mut results, unavailable) = compared(&source, comparison, (outside, registered))?;
    multiplicity::secondary(&mut results, comparison.alpha());
    let own = (arms, unknown_arms, sample_ratio);
    let (arms, unknown_arms, sample_ratio) = outside::shown(question, registered, outside).unwrap_or(own);
    Ok(Answer {
        as_of: at,
        question: question_hash(question)?,
        namespace: question.namespace.clone(),
        experiment: question.experiment.clone(),
        registration: question.registration.clone(),
        began: phases::began(&phases),
        phase: question.phase,
        phases: phases.iter().map(|phase| phase.count(question)).collect(),
        excluded: phases.iter().map(Phase::excluded).sum(),
        arms,
        unknown_arms,
        sample_ratio,
        power: match power::of(question, &results) {
            Some(power) => Some(power),
            None => power::before(snapshot, question, at)?,
        },
        results,
        unavailable,
        thresholds: Vec::new(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Every metric of the question, every arm but the control.
fn compared(
    source: &Source<'_>,
    comparison: Comparison<'_>,
    (outside, registered): (&Observations, &[Registered]),
) -> Result<(Vec<MetricResult>, Vec<Unavailable>), AnswerError> {
    let covariates = source.covariates()?;
    let mut results = Vec::new();
    let mut unavailable = Vec::new();
    for metric in &source.question.metrics {
        if let Some(observation) = outside::of(metric, outside) {
            match observation {
                Ok(observation) => {
                    results.extend(outside::compared(observation, comparison, metric, registered)?);
                }
                Err(error) => unavailable.push(Unavailable {
                    metric: metric.name.clone(),
                    reason: UnavailableReason::SourceUnavailable,
                    message: error.to_string(),
                }),
            }
            continue;
        }
        let observed = source.observe(metric, covariates.as_ref())?;
        let looks = looks::looks(&observed).map_err(|error| sum_up(metric, error))?;
        let weeks = weeks(source, metric)?;
        let evidence = Evidence {
            metric,
            looks: &looks,
            weeks: weeks.as_ref(),
        };
        results.extend(compare::with_control(comparison, evidence));
    }
    Ok((results, unavailable))
}

/// The weeks of the primary metric; the others have no verdict that novelty could move.
fn weeks(source: &Source<'_>, metric: &MetricQuestion) -> Result<Option<observe::Weeks>, AnswerError> {
    match metric.role {
        MetricRole::Primary => source.weeks(metric),
        MetricRole::Guardrail { .. } | MetricRole::Secondary => Ok(None),
    }
}

/// Why nothing is shown, whatever the figures.
fn withheld(
    question: &Question,
    registered: &[Registered],
    is_dropped: bool,
    sample_ratio: Option<&SampleRatioCheck>,
) -> Option<Withheld> {
    let from_before = |window: i64| window > 0;
    if let Some(withheld) = registration::check(question, registered) {
        return Some(withheld);
    }
    if is_dropped {
        return Some(Withheld::Dropped);
    }
    if sample_ratio.is_some_and(|check| check.blocked) {
        return Some(Withheld::SampleRatio);
    }
    let covariate = question.covariate.as_ref()?;
    (!from_before(covariate.window_seconds)).then_some(Withheld::Covariate)
}

/// The check of the phase whose arms agree least with its weights.
fn worst(checks: impl Iterator<Item = SampleRatioCheck>) -> Option<SampleRatioCheck> {
    let rank = |check: &SampleRatioCheck| (!check.blocked, check.p.unwrap_or(0.0));
    checks.min_by(|left, right| {
        let (left, right) = (rank(left), rank(right));
        left.0.cmp(&right.0).then(left.1.total_cmp(&right.1))
    })
}

/// The weights that planned units are shared by: those of the first phase that has any, so that a changed split does not
/// change the plan.
fn plan_weights(question: &Question, phases: &[Phase]) -> Vec<i64> {
    let own = || question.arms.iter().map(|arm| arm.weight).collect();
    phases.iter().find_map(Phase::weights).unwrap_or_else(own)
}

fn check_metric(metric: &MetricQuestion) -> Result<(), AnswerError> {
    if metric.kind == MetricKind::Ratio && metric.denominator.is_none() {
        return Err(AnswerError::FindDenominator {
            metric: metric.name.clone(),
        });
    }
    Ok(())
}

/// What no answer can be given to.
fn check(question: &Question) -> Result<(), AnswerError> {
    for metric in &question.metrics {
        check_metric(metric)?;
    }
    if let Some(covariate) = &question.covariate
        && covariate.kind == MetricKind::Ratio
    {
        return Err(AnswerError::ReadCovariate {
            covariate: covariate.name.clone(),
        });
    }
    for rule in &question.exclude {
        if rule.window_seconds <= 0 {
            return Err(AnswerError::ReadRule {
                rule: rule.name.clone(),
                seconds: rule.window_seconds,
            });
        }
    }
    Ok(())
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

/// What the store itself knows of one metric of a question, for tests of the other sources.
#[cfg(test)]
pub(crate) fn observation(
    store: &Store,
    question: &Question,
    metric: &MetricQuestion,
    at: Timestamp,
) -> Result<crate::source::Observation, AnswerError> {
    let snapshot = store.snapshot()?;
    let phases = phases::read(&snapshot, question, &[], at)?;
    let source = Source {
        snapshot: &snapshot,
        question,
        phases: &phases,
        at,
    };
    let mut sizes = Vec::new();
    for phase in &phases {
        sizes.push(phase.sizes(&snapshot, question, metric, at)?);
    }
    Ok(crate::source::Observation {
        phases: sizes,
        observed: source.observe(metric, None)?,
    })
}
